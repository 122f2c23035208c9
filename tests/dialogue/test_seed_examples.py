"""A seed's text is taken apart into what describes and into examples, and put together again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue.forms import SeedKind
from dialogue.kinds.choosing import kind_of
from dialogue.seed_examples import pieces_of, text_without
from dialogue.seeds import Seed, Tags, load_seeds
from tests.dialogue.kinds.conftest import CODE, FILM, KINDS, OBJECT, WORD
from tests.fakes import SEED

SHIPPED = list(load_seeds())

SUPPORT = """Support chat.
***
User2: Hello!
User1: hi
User1: it is
 broken
User2: Since
 when?
User1: today
User2: I see.
***
User2: Hello!
User1: bye
User2: Bye!
***"""


def examples(seed: Seed, text: str) -> list[tuple[str, str, str]]:
    """Return of each example its lines, the person's last words, and the reply."""
    found = [(piece.text, piece.example) for piece in pieces_of(replace(seed, text=text))]
    return [(text, each.history.turns[-1].text, each.reply) for text, each in found if each]


def without(seed: Seed, text: str, *left_out: int) -> str:
    """Return the text without some of its examples, counted from 0."""
    pieces = pieces_of(replace(seed, text=text))
    numbers = [number for number, piece in enumerate(pieces) if piece.example]
    return text_without(pieces, {numbers[each] for each in left_out})


@pytest.mark.parametrize("seed", SHIPPED, ids=lambda seed: seed.name)
def test_the_pieces_of_each_seed_are_its_text_to_the_last_byte(seed: Seed) -> None:
    pieces = pieces_of(seed)

    assert "".join(piece.text for piece in pieces) == seed.text == text_without(pieces, ())
    assert len({piece.group for piece in pieces if piece.example}) >= 2
    # Besides examples there is a heading: nothing that looks like one was overlooked.
    assert [piece for piece in pieces[1:] if piece.group is None] == []


@pytest.mark.parametrize("seed", SHIPPED, ids=lambda seed: seed.name)
def test_what_is_asked_in_an_example_is_served_as_it_stands_there(seed: Seed) -> None:
    for piece in pieces_of(seed):
        if piece.example is None:
            continue
        prompt = kind_of(seed).render(replace(seed, text="Before."), piece.example.history)
        space = " " if seed.kind is SeedKind.DIALOGUE else ""
        # The Russian films are liked by many people in the examples, and by one in the form.
        served, written = (
            text.replace("Тому, кому нравятся", "Тому, кому нравится")
            for text in (f"{prompt}{space}{piece.example.reply}", f"\n{piece.text.strip()}")
        )
        assert served.endswith(written)


def test_an_exchange_is_what_a_person_says_in_some_turns_and_the_reply() -> None:
    found = examples(SEED, SUPPORT)

    assert found == [
        ("User1: hi\nUser1: it is\n broken\nUser2: Since\n when?\n", "it is\nbroken", "Since\nwhen?"),
        ("User1: today\nUser2: I see.\n", "today", "I see."),
        ("User1: bye\nUser2: Bye!\n", "bye", "Bye!"),
    ]


def test_the_history_of_an_exchange_is_its_own_conversation() -> None:
    histories = [piece.example.history.turns for piece in pieces_of(replace(SEED, text=SUPPORT)) if piece.example]

    assert [len(turns) for turns in histories] == [3, 5, 2]
    assert histories[2][0].text == "Hello!"


def test_a_conversation_that_loses_its_last_exchange_goes_with_its_greeting_and_rule() -> None:
    assert without(SEED, SUPPORT, 0) == SUPPORT.replace("User1: hi\nUser1: it is\n broken\nUser2: Since\n when?\n", "")
    assert without(SEED, SUPPORT, 2) == SUPPORT.removesuffix("\nUser2: Hello!\nUser1: bye\nUser2: Bye!\n***")
    assert without(SEED, SUPPORT, 0, 1, 2) == "Support chat.\n***"


def test_other_tags_are_looked_for_and_words_in_between_are_no_exchange() -> None:
    seed = replace(SEED, tags=Tags("Ann", "Bot"))

    assert examples(seed, "A chat.\nAnn: a\nBot: b\nLater:\nAnn: c\nAnn: d") == [("Ann: a\nBot: b\n", "a", "b")]


@pytest.mark.parametrize(
    ("seed", "text", "found"),
    [
        (
            FILM,
            'Who like A and B should watch "C".\nWho likes D should read "E".\nWho likes F should watch "G".',
            [("A and B", 'C".'), ("F", 'G".')],
        ),
        (
            CODE,
            "Answers.\n***\nQ: one\n line more?\nA: Do:\n```\nx\n```\n***\nQ: two?\nA: No.\nQ: three?\nA: Yes.\n***",
            [("one\nline more?", " Do:\n```\nx\n```"), ("two?", " No."), ("three?", " Yes.")],
        ),
        (WORD, "Words.\ncat —> gato\nand so on\ndog —> perro", [("cat", " gato"), ("dog", " perro")]),
        (
            OBJECT,
            '{"language": "sql", "question": "How?", "answer": "So.", "lines": 1}\n{"question": "no answer"}\n{broken}',
            [("language=sql How?", ' "So.", "lines": 1}')],
        ),
    ],
)
def test_what_looks_like_the_form_is_an_example(seed: Seed, text: str, found: list[tuple[str, str]]) -> None:
    assert [(words, reply) for _, words, reply in examples(seed, text)] == found


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([SEED, *KINDS]),
    st.lists(
        st.sampled_from(["User1: a", "User2:", "User2: ", " b", "***", "", "c —> d", "Q: e", "A:f", "{}", "A: g"])
    ),
)
def test_any_text_is_put_together_again(seed: Seed, lines: list[str]) -> None:
    text = "\n".join(lines).strip()
    pieces = pieces_of(replace(seed, text=text))

    assert "".join(piece.text for piece in pieces) == text == text_without(pieces, ())
    assert all(piece.text for piece in pieces)
