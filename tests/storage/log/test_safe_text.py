"""Texts that no database likes, and that come back as they were."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from storage.log.safe_text import escape, unescape
from storage.log.sql_log import SqlLog
from tests.storage.log.places import a_reply, open_place

HOSTILE = [
    "\x00",
    "a\x00b",
    "\x10",
    "\x10\x10",
    "\x100000",
    "\ud83d",
    "\ude00\ud83d",
    "\udfff\x00\x10d800",
    "\u202eright to left\u202c \u2066isolated\u2069",
    "👩\u200d👩\u200d👧\u200d👦" + "\u200d" * 4096,
    "😀" * 500,
    "\ufeff\ufffe\uffff\U0010ffff",
    "\r\n\x0b\x0c\x85\u2028\u2029",
    "'; DROP TABLE turns; --",
    "%_\\",
    " \t ",
    "".join(map(chr, range(256))),
]

any_text = st.text(st.characters(exclude_categories=()))


@given(any_text)
@example("\x100041")
def test_what_was_escaped_comes_back(text: str) -> None:
    assert unescape(escape(text)) == text


@given(any_text)
def test_what_is_stored_is_valid_everywhere(text: str) -> None:
    stored = escape(text)

    assert "\x00" not in stored
    stored.encode()


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"))))
def test_ordinary_text_is_stored_as_it_is(text: str) -> None:
    assert escape(text) == text


async def test_hostile_text_comes_back_byte_for_byte(log: SqlLog) -> None:
    for number, text in enumerate(HOSTILE):
        place = await open_place(log, f"place {text}", person_id=f"person {text}", name=text)
        asked = await place.say(text, external_id=f"id {text}")
        outgoing = await place.record(a_reply(asked, text=text))
        async with log.writing() as writing:
            await writing.store_updates(1, [(number, text)])

        assert outgoing is not None
        assert outgoing.reply_to == f"id {text}"
        assert [turn.text for turn in (await log.history(place.chat.dialogue_id)).dialogue.turns] == [text, text]
        assert [turn.name for turn in await place.shown()] == [text, ""]
        assert (await open_place(log, f"place {text}", person_id=f"person {text}", name=text)).chat.id == place.chat.id

    assert [outgoing.text for outgoing in await log.unsent("telegram")] == HOSTILE
    assert [payload for _, payload in await log.pending_updates(1)] == HOSTILE


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_hostile_name_is_replaced_by_a_plain_one(log: SqlLog) -> None:
    await open_place(log, name="\x00")
    place = await open_place(log, name="Анна")

    assert place.person.name == "Анна"
    assert (await log.everything_about("telegram", "17"))["person"]["name"] == "Анна"
