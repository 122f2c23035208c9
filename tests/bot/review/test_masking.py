"""What operators see of people where people are masked."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.review.masking import Masking
from storage.operators import Role
from storage.records import ChatKind
from storage.reviewed import Hit, InboxRow
from tests.bot.review.world import World, open_world

MASKING = Masking(True, "a secret")
MASK = "•••"
SECRETS = ["Anna Petrova", "Petrova", "anna@mail.example", "@anna_p", "+7 (999) 123-45-67", "4276 1234 5678 9012"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Write to anna.p+1@mail.example!", f"Write to {MASK}!"),
        ("Call +7 (999) 123-45-67 at 12:30", f"Call {MASK} at 12:30"),
        ("My contract is 123456, room 12345", f"My contract is {MASK}, room 12345"),
        ("I am @anna_p", f"I am {MASK}"),
        ("PETROVA and petrova, not petrovas", f"{MASK} and {MASK}, not petrovas"),
        ("Anna Petrova", MASK),
        ("nothing of the kind", "nothing of the kind"),
    ],
)
def test_identifiers_and_names_are_hidden_and_nothing_else(text: str, shown: str) -> None:
    assert MASKING.text(text, ["Anna Petrova"]) == shown


def test_a_name_without_letters_is_hidden_too() -> None:
    assert MASKING.text("It is me, 🦄🦄🦄.", ["🦄🦄🦄"]) == f"It is me, {MASK}."


def test_a_name_is_no_pattern() -> None:
    assert MASKING.text("aaa (b+)$ x", ["(b+)$", ".*"]) == f"aaa {MASK} x"


def a_row(hit: Hit) -> InboxRow:
    empty = dict.fromkeys(InboxRow.__dataclass_fields__, "")
    return InboxRow(**{**empty, "person": "Anna Petrova", "person_id": "17", "hit": hit})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        (("write to ", "anna", "@mail.example now"), ("write to ", MASK, " now")),
        (("call +7 ", "999", " ", "123", " 45 67, ", "please", ""), (f"call {MASK}", "", "", "", ", ", "please", "")),
        (("", "Petrova", " is ", "away", ""), ("", MASK, " is ", "away", "")),
        (("I am Anna ", "Petrova", ""), (f"I am {MASK}", "", "")),
    ],
)
def test_what_was_found_does_not_cut_an_identifier_in_two(pieces: tuple[str, ...], shown: tuple[str, ...]) -> None:
    hit = MASKING.row(a_row(Hit(1, pieces))).hit

    assert hit is not None
    assert hit.pieces == shown


@given(st.text(alphabet="a@.-+1 (", max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_a_text_in_pieces_is_hidden_as_it_is_in_one(text: str, cuts: list[int]) -> None:
    ends = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = tuple(text[start:end] for start, end in pairwise(ends))

    hit = MASKING.row(a_row(Hit(1, pieces))).hit

    assert hit is not None
    assert "".join(hit.pieces) == MASKING.text(text, ["Anna Petrova"])


def test_a_person_is_always_the_same_number_here_and_another_one_elsewhere() -> None:
    assert MASKING.name("17") == Masking(True, "a secret").name("17")
    assert MASKING.name("17") != MASKING.name("18")
    assert MASKING.name("17") != Masking(True, "another secret").name("17")


def test_where_nobody_is_masked_nothing_changes() -> None:
    off, row = Masking(False), a_row(Hit(1, ("Anna", "Petrova")))

    assert off.row(row) is row
    assert off.text("+7 999 123-45-67", ["Anna"]) == "+7 999 123-45-67"


async def a_telling_dialogue(world: World) -> str:
    """Have a person with a name give everything away, and operators write it down."""
    operator = world.operators[Role.LEAD]
    async with world.conversation.session() as session:
        visit = await session.enter("telegram", "17", ChatKind.PRIVATE, "17", "Anna Petrova", "en")
        await session.say(visit, "I am " + ", ".join(SECRETS))
    dialogue_id = visit.chat.dialogue_id
    async with world.log.writing() as writing:
        await writing.add_note(operator, dialogue_id, "She is " + ", ".join(SECRETS))
    return dialogue_id


@pytest.mark.parametrize("is_masked", [True, False])
async def test_no_page_and_no_answer_tells_who_a_person_is(redis_url: str, tmp_path: Path, is_masked: bool) -> None:
    lines: list[str | Exception] = [" Thank you.\nUser1:"]
    async with open_world(redis_url, tmp_path, is_masked, lines) as world, world.operator(Role.LEAD) as operator:
        dialogue_id = await a_telling_dialogue(world)
        async with world.log.reviewing() as reading:
            found = await reading.dialogue(dialogue_id)
        assert found is not None
        turn = f"/review/api/dialogues/{dialogue_id}/turns/{found.turns[0].id}"
        changed = await operator.patch(turn, json={"correction": ", ".join(SECRETS), "note": ", ".join(SECRETS)})
        paths = [
            "/review",
            "/review?q=anna",
            f"/review/dialogues/{dialogue_id}",
            "/review/audit",
            "/review/api/dialogues",
            "/review/api/dialogues?q=petrova",
            f"/review/api/dialogues/{dialogue_id}",
            "/review/api/audit",
        ]
        shown = {path: (await operator.get(path)).text for path in paths}

    assert changed.status_code == 200
    told = {path: [secret for secret in SECRETS if secret.lower() in text.lower()] for path, text in shown.items()}
    if is_masked:
        assert {path: secrets for path, secrets in told.items() if secrets} == {}
        assert all(MASK in text or "\\u2022" in text for path, text in shown.items() if path != "/review/audit")
    else:
        assert all(told[path] for path in paths if path != "/review/audit")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (f"{MASK}, call {MASK}!", "Anna, call 123456!"),
        (f"Dear {MASK}, please call {MASK} now.", "Dear Anna, please call 123456 now."),
        ("No masks at all.", "No masks at all."),
        (f"{MASK}, call us!", None),
        (f"{MASK} {MASK} {MASK}", None),
    ],
)
def test_a_correction_made_of_a_masked_text_has_in_it_what_was_hidden(written: str, kept: str | None) -> None:
    assert MASKING.unmasked(written, ["Hello!", "Anna, call 123456"], ["Anna Petrova"]) == kept


async def test_no_mask_is_kept_in_a_correction(redis_url: str, tmp_path: Path) -> None:
    async with open_world(redis_url, tmp_path, True) as world, world.operator() as operator, world.visitor() as visitor:
        dialogue_id = await world.exchange(visitor, "Hi", "Call 123-45-67, now!")
        dialogue = await world.dialogue(dialogue_id)
        turn = f"/review/api/dialogues/{dialogue_id}/turns/{dialogue.turns[1].id}"

        refused = await operator.patch(turn, json={"correction": f"{MASK} or {MASK}?"})
        taken = await operator.patch(turn, json={"correction": f"Please call {MASK}."})

        assert (refused.status_code, refused.json()["reason"]) == (422, "masks_changed")
        assert taken.status_code == 200
        assert (await world.dialogue(dialogue_id)).turns[1].verdict.correction == "Please call 123-45-67."
