"""What an example is good for is what replies lose without it, by the same figures as a comparison has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialogue.engine.models.loading import LoadedModel
from dialogue.errors import EvaluationError
from dialogue.learning.ablation import Ablated, Worth, ablate, worth_of
from dialogue.learning.comparison import Interval
from dialogue.learning.held_out import Approved, HeldOut
from dialogue.learning.likelihood import Reader
from dialogue.learning.sides import Side
from dialogue.seeds import Seed
from dialogue.turns import Dialogue, Speaker
from tests.dialogue.kinds.conftest import WORD
from tests.dialogue.learning.talks import SHORT, a_model, some_dialogues

TALK = replace(SHORT, text="A chat.\n***\nUser1: hi\nUser2: Hello!\nUser1: bye\nUser2: Bye!\n***")
WORDS = replace(WORD, text="Words.\ncat —> gato\ndog —> perro\ncow —> vaca")
MODEL = a_model()


async def ablated(seed: Seed, held_out: list[HeldOut], shown: list[float] | None = None) -> tuple[Ablated, ...]:
    def show(stage: str, share: float) -> None:
        if shown is not None:
            shown.append(share)

    return await ablate(MODEL, seed, held_out, random_seed=1, show=show)


def nats_per_character(seed: Seed, text: str, dialogue: HeldOut, model: LoadedModel = MODEL) -> float:
    found = Reader(model).surprises(Side(seed=replace(seed, text=text)), [dialogue])[0]
    return sum(each.nats for each in found if each) / sum(each.characters for each in found if each)


async def test_held_out_replies_are_read_behind_the_seed_with_and_without_each_example() -> None:
    talks = some_dialogues(3)

    first, second = await ablated(TALK, talks)

    without = {
        first: "A chat.\n***\nUser1: bye\nUser2: Bye!\n***",
        second: "A chat.\n***\nUser1: hi\nUser2: Hello!\n***",
    }
    for example, text in without.items():
        gains = [nats_per_character(TALK, text, each) - nats_per_character(TALK, TALK.text, each) for each in talks]
        assert example.gain.value == pytest.approx(sum(gains) / 3, rel=1e-4)
        assert min(gains) - 1e-6 <= example.gain.low <= example.gain.value <= example.gain.high <= max(gains) + 1e-6
        assert (example.compared, example.replies, example.left_out) == (3, 6, 0)
    assert (first.text, second.text) == ("User1: hi\nUser2: Hello!", "User1: bye\nUser2: Bye!")


async def test_the_tokens_of_an_example_are_those_that_the_seed_has_with_it_and_not_without_it() -> None:
    first, _ = await ablated(TALK, some_dialogues(1))

    encode = MODEL.vocabulary.encode_prompt
    assert first.tokens == len(encode(f"{TALK.text}\n")) - len(encode("A chat.\n***\nUser1: bye\nUser2: Bye!\n***\n"))
    assert first.gain_per_100_tokens == first.gain.value * 100 / first.tokens


async def test_without_dialogues_each_other_example_is_left_out_and_said() -> None:
    found = await ablated(WORDS, [])

    def said(words: str, reply: str) -> HeldOut:
        return HeldOut((Approved(Dialogue().then(Speaker.PERSON, words), reply, WORDS, reply),))

    cat, dog, cow = "\ncat —> gato", "\ndog —> perro", "\ncow —> vaca"
    of_dog = [nats_per_character(WORDS, f"Words.{text}", said("dog", " perro")) for text in (cow, f"{cat}{cow}")]
    of_cow = [nats_per_character(WORDS, f"Words.{text}", said("cow", " vaca")) for text in (dog, f"{cat}{dog}")]
    assert [each.text for each in found] == ["cat —> gato", "dog —> perro", "cow —> vaca"]
    assert found[0].gain.value == pytest.approx((of_dog[0] - of_dog[1] + of_cow[0] - of_cow[1]) / 2, rel=1e-3)
    assert [each.compared for each in found] == [2, 2, 2]


async def test_an_exchange_is_measured_on_other_conversations_than_its_own() -> None:
    two = replace(TALK, text=f"{TALK.text}\nUser1: hello\nUser2: What is the trouble?\n***")

    found = await ablated(two, [])

    assert [each.compared for each in found] == [1, 1, 2]


async def test_progress_ends_where_everything_is_read() -> None:
    shown: list[float] = []

    await ablated(WORDS, [], shown)

    # Each of three examples behind the text without it and, for both others, without two.
    assert shown == pytest.approx([step / 9 for step in range(10)])


@pytest.mark.parametrize(
    ("text", "why"),
    [("Just a heading.", "no example is found"), (TALK.text, "--held-out FILE")],
)
async def test_a_seed_that_cannot_be_measured_is_refused_with_what_to_do(text: str, why: str) -> None:
    with pytest.raises(EvaluationError, match=why):
        await ablated(replace(TALK, text=text), [])


@pytest.mark.parametrize(
    ("gain", "compared", "worth"),
    [
        (Interval(0.2, 0.1, 0.3), 5, Worth.PAYS),
        (Interval(-0.2, -0.3, -0.1), 5, Worth.HARMS),
        (Interval(0.2, 0.0, 0.3), 5, Worth.UNCLEAR),
        (Interval(0.2, 0.1, 0.3), 4, Worth.UNCLEAR),
    ],
)
def test_only_what_is_sure_is_said_of_an_example(gain: Interval, compared: int, worth: Worth) -> None:
    assert worth_of(gain, compared) is worth
