"""What people asked first is asked in other ways, and only that is kept behind which the reply is as likely."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialogue.forms import Form, SeedKind, Until
from dialogue.learning.augmenting import Manner, asked_anew, behind, is_opening, ways
from dialogue.learning.held_out import Approved, HeldOut
from dialogue.learning.likelihood import Reader
from dialogue.learning.sides import Side
from dialogue.turns import Dialogue, Sampling, Speaker
from tests.dialogue.learning.talks import SHORT, a_model, held_out

VARIANTS = replace(
    SHORT,
    kind=SeedKind.ANSWER,
    text="User1 asks.",
    form=Form(template="\nQuestion: {input}\nVariants:\n", until=Until.EXAMPLE),
    sampling=Sampling(temperature=1.5, top_k=0, top_p=1.0, max_new_tokens=24),
)


def test_a_list_of_ways_is_read_whatever_stands_before_a_line() -> None:
    written = "- how do I pay\n* «how can I pay»\n2) HOW do i pay?\n\n- where do I pay my bill\n- " + "and " * 40

    assert list(ways(written, "How do I pay?")) == ["how can I pay", "where do I pay my bill"]


def test_only_what_answers_the_first_words_is_an_opening() -> None:
    replies = held_out("hi", "Hello!", "and?", "Well.").replies
    greeted = Dialogue().then(Speaker.BOT, "Good day!").then(Speaker.PERSON, "hi")

    assert [is_opening(each) for each in replies] == [True, False]
    assert is_opening(replace(replies[0], history=greeted))
    assert behind(replace(replies[0], history=greeted), "hey").history == (
        Dialogue().then(Speaker.BOT, "Good day!").then(Speaker.PERSON, "hey")
    )


@pytest.mark.parametrize("tolerance", [0.0, 5.0])
async def test_what_is_kept_has_the_reply_as_likely_as_the_persons_words(tolerance: float) -> None:
    loaded, shown = a_model(), []
    replies = [held_out(f"internet {n}", "What is the trouble?").replies[0] for n in range(6)]
    manner = Manner({"en": VARIANTS}, most=1, tolerance=tolerance, random_seed=1)

    found = await asked_anew(loaded, replies, manner, lambda stage, share: shown.append((stage, share)))

    kept = [(own, other) for own, others in zip(replies, found, strict=True) for other in others]
    assert kept if tolerance else len(kept) < len(replies)
    assert all(len(others) <= 1 for others in found)

    def cost(reply: Approved) -> float:
        ((surprise,),) = Reader(loaded).surprises(Side(), [HeldOut((reply,))])
        assert surprise
        return surprise.nats / surprise.characters

    for own, other in kept:
        assert other.text == own.text
        assert other.history.turns[-1].text != own.history.turns[-1].text
        assert cost(other) <= cost(own) + tolerance + 1e-4
    assert [share for _, share in shown if share == 1.0] == [1.0, 1.0]


async def test_where_no_seed_is_for_the_language_nothing_is_asked() -> None:
    replies = [held_out("hi", "Hello!").replies[0]]

    found = await asked_anew(a_model(), replies, Manner({"ru": VARIANTS}, 1, 0.0, 1), lambda stage, share: None)

    assert found == [()]
