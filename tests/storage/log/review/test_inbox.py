"""Dialogues to be found: filtered, sorted, paged, counted, and the next one that is worth a look."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from dialogue.errors import ReviewError
from dialogue.turns import Ask, Outcome
from storage.log.review.changes import Change
from storage.log.sql_log import SqlLog
from storage.log.taking_over import CLAIM_LASTS_S
from storage.records import Author, ChatKind, DialogueStatus
from storage.reviewed import Approval, Flag, InboxFilter, InboxPage, InboxRow, Order
from tests.storage.conftest import Clock
from tests.storage.log.places import Place, a_generation, a_reply, an_operator, open_place


async def inbox(log: SqlLog, after: str = "", limit: int = 50, **wanted: Any) -> InboxPage:
    async with log.reviewing() as reading:
        return await reading.inbox(InboxFilter(**wanted), after, limit)


async def found(log: SqlLog, **wanted: Any) -> str:
    """Return whose chats are in the inbox, each a letter."""
    return "".join(row.person_id for row in (await inbox(log, **wanted)).rows)


async def row(log: SqlLog, person_id: str) -> InboxRow:
    (found,) = [row for row in (await inbox(log)).rows if row.person_id == person_id]
    return found


async def next_one(log: SqlLog, how: str, besides: str = "") -> str | None:
    async with log.reviewing() as reading:
        return await reading.next_to_review(how, besides)


async def talk(log: SqlLog, who: str, likelihood: float | None = None, model: str = "gemma") -> Place:
    """Return the place of a person whose one message was answered."""
    place = await open_place(log, who, person_id=who, name=f"Person {who}")
    drawn = (a_generation(model=model, likelihood=likelihood),)
    await place.record(a_reply(await place.say(f"from {who}"), text=f"to {who}", drawn=drawn))
    return place


async def change(log: SqlLog, place: Place, field: str, value: Any, turn_id: int | None = None) -> None:
    olga = await an_operator(log)
    async with log.writing() as writing:
        await writing.change(olga, [Change(place.chat.dialogue_id, field, value, turn_id)])


async def test_a_dialogue_is_shown_with_what_one_needs_to_choose_it(log: SqlLog, clock: Clock) -> None:
    olga, pavel = await an_operator(log), await an_operator(log, "Pavel")
    place = await open_place(log, "a", person_id="a", name="Anna")
    await place.record(a_reply(await place.say("one"), text="ONE", drawn=(a_generation(likelihood=-1.5),)))
    await place.record(a_reply(await place.ask(Ask.RETRY), text="UNO", drawn=(a_generation(likelihood=-0.5),)))
    await place.record(a_reply(await place.say("two"), outcome=Outcome.EMPTY))
    clock.now += 5
    await place.record(a_reply(await place.say("three"), text="THREE", drawn=(a_generation(model="qwen"),)))
    await change(log, place, "assignee_id", pavel.id)
    await change(log, place, "labels", ["b", "a"])
    await change(log, place, "approval", "rejected")
    await change(log, place, "rating", "good", await place.turn("UNO"))
    await place.deliver()  # Or the claim would take back what nobody was sent.
    async with log.writing() as writing:
        await writing.claim(place.chat.dialogue_id, olga.id)
        await writing.operator_says(place.chat.dialogue_id, olga.id, "by hand")
        await writing.thumb(place.chat, place.person, await place.turn("THREE"), False, "button")

    (shown,) = (await inbox(log)).rows

    assert asdict(shown) == {
        "dialogue_id": place.chat.dialogue_id,
        "channel": "telegram",
        "seed": "small-talk",
        "model": "qwen",
        "person": "Anna",
        "person_id": "a",
        "status": DialogueStatus.OPEN,
        "snoozed_until": None,
        "approval": Approval.REJECTED,
        "assignee": "Pavel",
        "holder": "Olga",
        "labels": ("a", "b"),
        "flags": (Flag.RETRIED, Flag.DISLIKED, Flag.FAILED, Flag.CLAIMED),
        "messages": 3,
        "replies": 2,
        "to_review": 1,
        "likelihood": -1.5,
        "last_text": "by hand",
        "last_author": Author.OPERATOR,
        "last_at": clock.now,
        "is_closed": False,
        "hit": None,
    }
    async with log.reviewing() as reading:
        found = await reading.dialogue_row(place.chat.dialogue_id)
        assert found is not None
        assert found[1] == shown
        assert await reading.dialogue_row("of another time") is None


async def test_a_greeting_alone_is_not_shown(log: SqlLog, place: Place) -> None:
    async with log.writing() as writing:
        await writing.greet(place.chat, "Welcome!")
    assert (await inbox(log)).rows == ()
    async with log.reviewing() as reading:
        assert await reading.counts() == {}
        assert (await reading.facets())["seeds"] == []
        assert await reading.touched_since(0.0) == {}
    assert await next_one(log, "random") is None

    await place.say("hello")

    assert len((await inbox(log)).rows) == 1


async def test_whoever_asks_for_an_operator_without_a_word_is_shown(log: SqlLog, place: Place) -> None:
    async with log.writing() as writing:
        await writing.want_human(place.chat.dialogue_id)

    (shown,) = (await inbox(log)).rows

    assert (shown.flags, shown.last_text, shown.last_author) == ((Flag.HUMAN,), "", None)


async def test_an_older_dialogue_of_a_chat_is_shown_as_closed(log: SqlLog, place: Place) -> None:
    await place.exchange("one", "ONE")
    async with log.writing() as writing:
        place.chat = await writing.new_dialogue(place.chat)
    await place.exchange("two", "TWO")

    rows = (await inbox(log)).rows

    assert {(row.last_text, row.is_closed) for row in rows} == {("ONE", True), ("TWO", False)}


async def test_what_was_undone_is_not_the_last_word(log: SqlLog, place: Place, clock: Clock) -> None:
    await place.exchange("one", "ONE")
    at = clock.now
    clock.now += 5
    await place.exchange("two", "TWO")
    await place.undo()

    (shown,) = (await inbox(log)).rows

    assert (shown.last_text, shown.last_at, shown.replies) == ("ONE", at, 1)


async def test_of_a_group_the_last_speaker_is_named(log: SqlLog) -> None:
    anna = await open_place(log, "-5", ChatKind.GROUP, "17", "Anna")
    boris = await open_place(log, "-5", ChatKind.GROUP, "18", "Boris")
    await anna.exchange("one", "ONE")
    await boris.exchange("two", "TWO")

    assert [row.person for row in (await inbox(log)).rows] == ["Boris"]


async def test_each_filter_finds_its_dialogues_and_no_others(log: SqlLog, clock: Clock) -> None:
    olga = await an_operator(log)
    places = {who: await talk(log, who) for who in "abcdefghi"}
    await change(log, places["a"], "status", "resolved")
    await change(log, places["b"], "approval", "approved")
    await change(log, places["c"], "labels", ["billing", "line"])
    await change(log, places["d"], "assignee_id", olga.id)
    await places["e"].record(a_reply(await places["e"].ask(Ask.RETRY), text="again"))
    await places["f"].record(a_reply(await places["f"].say("more"), outcome=Outcome.ENGINE_DOWN))
    async with log.writing() as writing:
        await writing.thumb(places["g"].chat, places["g"].person, await places["g"].turn("to g"), False, "button")
        await writing.thumb(places["a"].chat, places["a"].person, await places["a"].turn("to a"), True, "button")
        await writing.want_human(places["h"].chat.dialogue_id)
        await writing.claim(places["i"].chat.dialogue_id, olga.id)
    clock.now += 100
    other = await open_place(log, "x", person_id="x")
    async with log.writing() as writing:
        other.chat = await writing.new_dialogue(other.chat, "support")
    await other.record(a_reply(await other.say("hello"), text="hi", drawn=(a_generation(model="qwen"),)))

    assert sorted(await found(log)) == list("abcdefghix")
    assert await found(log, status=DialogueStatus.RESOLVED) == "a"
    assert sorted(await found(log, status=DialogueStatus.OPEN)) == ["h", "i"]
    assert await found(log, approval=Approval.APPROVED) == "b"
    assert sorted(await found(log, approval=Approval.NONE)) == list("acdefghix")
    assert await found(log, label="line") == "c"
    assert await found(log, label="lin") == ""
    assert sorted(await found(log, assignee_id=olga.id)) == ["d", "i"]
    assert sorted(await found(log, assignee_id=0)) == list("abcefghx")
    assert await found(log, flag=Flag.RETRIED) == "e"
    assert await found(log, flag=Flag.FAILED) == "f"
    assert await found(log, flag=Flag.DISLIKED) == "g"
    assert await found(log, flag=Flag.HUMAN) == "h"
    assert await found(log, flag=Flag.CLAIMED) == "i"
    assert await found(log, seed="support") == "x"
    assert await found(log, model="qwen") == "x"
    assert await found(log, since=clock.now) == "x"
    assert sorted(await found(log, until=clock.now)) == list("abcdefghi")
    assert await found(log, since=clock.now, until=clock.now) == ""
    assert await found(log, assignee_id=olga.id, flag=Flag.CLAIMED, seed="small-talk") == "i"
    assert await found(log, assignee_id=olga.id, flag=Flag.CLAIMED, seed="support") == ""
    clock.now += CLAIM_LASTS_S
    assert await found(log, flag=Flag.CLAIMED) == ""
    assert (await row(log, "i")).holder == ""


async def test_counts_and_facets_say_what_there_is(log: SqlLog) -> None:
    await an_operator(log, "Pavel")
    away = await an_operator(log, "Away")
    for who in "abc":
        await talk(log, who, model=f"model {who}")
    place = await talk(log, "d")
    await change(log, place, "status", "resolved")
    await change(log, place, "labels", ["b", "a"])
    async with log.writing() as writing:
        await writing.set_operator_active(away.name, False)
        place.chat = await writing.new_dialogue(place.chat, "support")
    await place.say("hello")

    async with log.reviewing() as reading:
        assert await reading.counts() == {DialogueStatus.PENDING: 4, DialogueStatus.RESOLVED: 1}
        assert await reading.facets() == {
            "seeds": ["small-talk", "support"],
            "models": ["gemma", "model a", "model b", "model c"],
            "labels": ["a", "b"],
            "operators": ["Olga", "Pavel"],
        }


async def test_an_empty_log_has_nothing_to_show(log: SqlLog) -> None:
    assert await inbox(log) == InboxPage(())
    async with log.reviewing() as reading:
        assert await reading.counts() == {}
        assert await reading.facets() == {"seeds": [], "models": [], "labels": [], "operators": []}


@pytest.mark.parametrize(
    ("order", "expected"), [(Order.NEWEST, "edcba"), (Order.OLDEST, "abcde"), (Order.UNLIKELIEST, "bdac")]
)
async def test_each_order_is_kept_from_page_to_page(log: SqlLog, clock: Clock, order: Order, expected: str) -> None:
    for who, likelihood in zip("abcde", (-1.0, -3.25, -0.5, -1.0000001, None), strict=True):
        clock.now += 0.1
        await talk(log, who, likelihood)

    for limit in (1, 2, 3, 50):
        seen, after = "", ""
        while True:
            page = await inbox(log, after, limit, order=order)
            seen += "".join(row.person_id for row in page.rows)
            after = page.next
            if not after:
                break
            assert len(page.rows) == limit
        assert seen == expected


@pytest.mark.parametrize(("order", "expected"), [(Order.NEWEST, "onmlkjihgfedcba"), (Order.OLDEST, "abcdefghijklmno")])
async def test_pages_have_no_gaps_and_no_repeats_while_new_dialogues_come_in(
    log: SqlLog, clock: Clock, order: Order, expected: str
) -> None:
    for number, who in enumerate("abcdefghijklmno"):
        clock.now += number % 3 == 0  # Some at the same moment: then their ids decide.
        await talk(log, who)
    seen, after = "", ""
    for number in range(20):
        page = await inbox(log, after, 2, order=order)
        seen += "".join(row.person_id for row in page.rows if len(row.person_id) == 1)
        after = page.next
        if not after:
            break
        clock.now += 1
        await talk(log, f"new {number}")

    assert sorted(seen) == sorted(expected)
    assert [sorted(seen[start : start + 3]) for start in range(0, 15, 3)] == [
        sorted(expected[start : start + 3]) for start in range(0, 15, 3)
    ]


@pytest.mark.parametrize("after", ["x", "~", "x~y", "1e~2", "~7"])
async def test_what_is_no_bookmark_is_refused(log: SqlLog, after: str) -> None:
    with pytest.raises(ReviewError):
        await inbox(log, after)


async def test_the_next_one_is_of_the_kind_that_was_asked_for(log: SqlLog, clock: Clock) -> None:
    olga = await an_operator(log)
    places = {}
    for who, likelihood in zip("abcdefg", (-1.0, -3.0, None, None, None, None, -9.0), strict=True):
        clock.now += 1
        places[who] = await talk(log, who, likelihood)
    clock.now += 1
    await places["c"].record(a_reply(await places["c"].ask(Ask.RETRY), text="again"))
    clock.now += 1
    await places["d"].record(a_reply(await places["d"].say("more"), outcome=Outcome.ENGINE_DOWN))
    async with log.writing() as writing:
        await writing.thumb(places["e"].chat, places["e"].person, await places["e"].turn("to e"), False, "button")
        await writing.want_human(places["f"].chat.dialogue_id)
        await writing.claim(places["a"].chat.dialogue_id, olga.id)
    await change(log, places["g"], "approval", "rejected")
    ids = {place.chat.dialogue_id: who for who, place in places.items()}

    async def upcoming(how: str, besides: str = "") -> str:
        id = await next_one(log, how, places[besides].chat.dialogue_id if besides else "")
        return ids[id] if id else ""

    assert await upcoming("newest") == "d"
    assert await upcoming("newest", besides="d") == "c"
    assert await upcoming("unlikeliest") == "b"
    assert await upcoming("unlikeliest", besides="b") == "a"
    assert await upcoming("retried") == "c"
    assert await upcoming("failed") == "d"
    assert await upcoming("disliked") == "e"
    assert await upcoming("human") == "f"
    assert await upcoming("claimed") == "a"
    assert await upcoming("retried", besides="c") == ""
    # Not each of so few is equally likely: a random one is the first behind a random point between their ids.
    drawn = {await upcoming("random") for _ in range(80)}
    assert drawn <= set("abcdef")
    assert len(drawn) > 1


async def test_once_all_are_decided_there_is_no_next_one(log: SqlLog) -> None:
    await change(log, await talk(log, "a", -1.0), "approval", "approved")

    for how in ("newest", "random", "unlikeliest", *Flag):
        assert await next_one(log, how) is None


async def test_open_pages_are_told_what_has_changed_and_when(log: SqlLog, clock: Clock) -> None:
    a, b = await talk(log, "a"), await talk(log, "b")
    async with log.reviewing() as reading:
        assert await reading.touched_since(clock.now) == {a.chat.dialogue_id: clock.now, b.chat.dialogue_id: clock.now}
    clock.now += 5
    await b.say("more")

    async with log.reviewing() as reading:
        assert await reading.touched_since(clock.now - 1) == {b.chat.dialogue_id: clock.now}
        assert await reading.touched_since(clock.now + 1) == {}


@pytest.mark.parametrize("text", ["a\x00b", "\ud83d", "\x10", "'; drop table turns"])
async def test_whatever_is_asked_for_that_is_not_there_is_not_found(log: SqlLog, text: str) -> None:
    await talk(log, "a")

    assert await found(log, label=text) == ""
