"""The figures of a span of time, of a day that was made by hand."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from dialogue.turns import Ask, Outcome
from storage.log.review.changes import Change
from storage.log.review.overview import WAITS_S, Overview
from storage.log.sql_log import SqlLog
from tests.storage.conftest import Clock
from tests.storage.log.places import Place, a_generation, a_reply, an_operator, open_place

BEGIN = 1_000_000.0
HOUR_S = 3600.0


async def overview(log: SqlLog, since: float = BEGIN, until: float = BEGIN + 24 * HOUR_S, bars: int = 24) -> Overview:
    async with log.reviewing() as reading:
        return await reading.overview(since, until, bars)


async def exchange(place: Place, text: str, model: str = "gemma") -> None:
    await place.record(a_reply(await place.say(text), text=text.upper(), drawn=(a_generation(model=model),)))


async def test_a_day_without_a_word_has_no_figures(log: SqlLog, place: Place) -> None:
    async with log.writing() as writing:
        await writing.greet(place.chat, "Welcome!")

    found = await overview(log)

    assert found == Overview(
        since=BEGIN,
        until=BEGIN + 24 * HOUR_S,
        bar_s=HOUR_S,
        total=found.total,
        groups=(),
        course=((0, 0),) * 24,
        waits=(0,) * (len(WAITS_S) + 1),
        first_token_s=None,
        wait_s=None,
    )
    assert set(asdict(found.total).values()) == {"", 0}
    assert (found.total.reviewed_share, found.total.approval_rate, found.total.retry_share) == (None, None, None)


async def test_the_figures_of_a_day_are_right(log: SqlLog, clock: Clock) -> None:
    olga = await an_operator(log)
    anna, boris = await open_place(log, "17", person_id="17"), await open_place(log, "18", person_id="18")
    # Yesterday.
    clock.now = BEGIN - 10
    await exchange(anna, "yesterday")
    async with log.writing() as writing:
        await writing.thumb(anna.chat, anna.person, await anna.turn("YESTERDAY"), True, "button")
    # Anna, today: five messages, one of them reworded, one undone and one failed; one reply of three is a new version.
    clock.now = BEGIN
    await anna.exchange("one", "ONE")
    await anna.record(a_reply(await anna.ask(Ask.RETRY), text="UNO"))
    await anna.record(a_reply(await anna.ask(Ask.CONTINUE), text="more", turn_text="UNO more"))
    clock.now += 2 * HOUR_S + 1
    await anna.exchange("tow", "TOW")
    (again,) = await anna.reword("3", "two") or []
    await anna.record(a_reply(again, text="TWO"))
    await anna.exchange("undone", "UNDONE")
    await anna.undo()
    await anna.record(a_reply(await anna.say("failed"), outcome=Outcome.EMPTY))
    await anna.exchange("three", "THREE")
    await anna.record(a_reply(await anna.ask(Ask.CONTINUE), text="more", turn_text="THREE more"))
    # Boris, late, with another seed and model; an operator comes.
    clock.now = BEGIN + 24 * HOUR_S - 1
    async with log.writing() as writing:
        boris.chat = await writing.new_dialogue(boris.chat, "support")
        await writing.greet(boris.chat, "Welcome!")
    await exchange(boris, "hello", "qwen")
    await boris.deliver()
    await anna.deliver()
    async with log.writing() as writing:
        await writing.claim(boris.chat.dialogue_id, olga.id)
        await writing.operator_says(boris.chat.dialogue_id, olga.id, "by hand")
        await writing.thumb(boris.chat, boris.person, await boris.turn("HELLO"), False, "button")
        await writing.thumb(anna.chat, anna.person, await anna.turn("TWO"), True, "button")
        await writing.change(
            olga,
            [
                Change(anna.chat.dialogue_id, "approval", "approved"),
                Change(boris.chat.dialogue_id, "approval", "rejected"),
                Change(anna.chat.dialogue_id, "rating", "good", await anna.turn("TWO")),
                Change(anna.chat.dialogue_id, "correction", "Uno", await anna.turn("UNO more")),
                Change(anna.chat.dialogue_id, "note", "hm", await anna.turn("THREE more")),
                Change(anna.chat.dialogue_id, "rating", "good", await anna.turn("one")),
            ],
        )
    # Tomorrow.
    clock.now = BEGIN + 24 * HOUR_S
    other = await open_place(log, "19", person_id="19")
    await exchange(other, "tomorrow")

    found = await overview(log)

    groups = {(group.seed, group.model): group for group in found.groups}
    assert groups.keys() == {("small-talk", "gemma"), ("support", "qwen")}
    assert asdict(groups["small-talk", "gemma"]) == {
        "seed": "small-talk",
        "model": "gemma",
        "promotion": 0,
        "answered_by": "",
        "dialogues": 1,
        "messages": 5,
        "replies": 3,
        "reviewed": 2,
        "retries": 1,
        "by_operators": 0,
        "approved": 1,
        "rejected": 0,
        "thumbs_up": 1,
        "thumbs_down": 0,
    }
    assert asdict(groups["support", "qwen"]) == {
        "seed": "support",
        "model": "qwen",
        "promotion": 0,
        "answered_by": "",
        "dialogues": 1,
        "messages": 1,
        "replies": 1,
        "reviewed": 0,
        "retries": 0,
        "by_operators": 1,
        "approved": 0,
        "rejected": 1,
        "thumbs_up": 0,
        "thumbs_down": 1,
    }
    total = found.total
    assert (total.dialogues, total.messages, total.replies, total.by_operators) == (2, 6, 4, 1)
    assert (total.reviewed_share, total.approval_rate, total.retry_share) == (0.5, 0.5, 0.25)
    assert {number: bar for number, bar in enumerate(found.course) if bar != (0, 0)} == {
        0: (1, 1),
        2: (4, 2),
        23: (1, 1),
    }
    # Each answer that was not too late: ONE, UNO, UNO more, TOW, TWO, UNDONE, THREE, THREE more and HELLO.
    assert sum(found.waits) == 9


@pytest.mark.parametrize("bars", [1, 7, 24, 60])
async def test_every_moment_is_in_a_bar(log: SqlLog, place: Place, clock: Clock, bars: int) -> None:
    for share in (0.0, 0.1, 0.5, 0.999999):
        clock.now = BEGIN + 24 * HOUR_S * share
        await place.exchange(str(share), "answer")

    found = await overview(log, bars=bars)

    assert len(found.course) == bars
    assert [sum(column) for column in zip(*found.course, strict=True)] == [4, 4]
    assert found.course[0][0] >= 1
    assert found.course[-1][0] >= 1


async def test_people_wait_for_all_draws_of_a_reply(log: SqlLog, place: Place) -> None:
    for queued_s, durations_s in ((0.1, (0.4,)), (0.0, (0.3, 0.3)), (10.0, (2.0, 4.0)), (0.5, (100.0,))):
        asked = await place.say("one")
        draws = tuple(replace(a_generation(duration_s=each), queued_s=queued_s) for each in durations_s)
        await place.record(a_reply(asked, text="ONE", drawn=draws))
    await place.record(a_reply(await place.say("nothing"), outcome=Outcome.EMPTY))
    await place.record(replace(a_reply(await place.say("late"), text="too late"), epoch=-1))

    found = await overview(log)

    waits = {limit_s: many for limit_s, many in zip([*WAITS_S, "longer"], found.waits, strict=True) if many}
    assert waits == {0.5: 1, 1.0: 1, 16.0: 1, "longer": 1}
    assert found.wait_s == pytest.approx((0.5 + 0.6 + 16.0 + 100.5) / 4)
    assert found.first_token_s == pytest.approx(0.25 + 10.6 / 4)


async def test_what_waits_in_a_proposal_counts_for_nothing(log: SqlLog, place: Place) -> None:
    olga = await an_operator(log)
    asked = await place.say("one")
    async with log.writing() as writing:
        await writing.claim(place.chat.dialogue_id, olga.id)
        await writing.record_draft(place.chat.dialogue_id, a_reply(asked, text="ONE?").reply)

    found = await overview(log)

    assert (found.total.messages, found.total.replies, sum(found.waits)) == (1, 0, 0)


async def test_what_was_promoted_has_figures_of_its_own(log: SqlLog, clock: Clock) -> None:
    async with log.writing() as writing:
        made = await writing.promote("small-talk", "small-talk", "sha256:ab", 0.1, {})
    for number, promotion in enumerate((0, made.id, made.id)):
        place = await open_place(log, str(number), person_id=str(number))
        drawn = replace(a_generation(), promotion=promotion)
        await place.record(a_reply(await place.say("hello"), text="HELLO", drawn=(drawn,)))

    async with log.reviewing() as reading:
        found = await reading.overview(clock.now - 1, clock.now + 1)

    assert sorted((group.promotion, group.answered_by, group.dialogues) for group in found.groups) == [
        (0, "", 1),
        (made.id, "sha256:ab, 10 %", 2),
    ]
