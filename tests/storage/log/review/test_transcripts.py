"""Dialogues to be read: every turn where it was said, with everything about it."""

from __future__ import annotations

from dataclasses import replace

from dialogue.turns import Ask, Outcome, Sampling
from storage.log.review.changes import Change
from storage.log.sql_log import SqlLog
from storage.log.taking_over import CLAIM_LASTS_S
from storage.records import Author, ChatKind, TurnState
from storage.reviewed import Draw, ReviewedDialogue, ReviewedTurn, WaitingWords
from tests.storage.conftest import Clock
from tests.storage.log.places import Place, a_generation, a_reply, an_operator, open_place


async def reviewed(place: Place) -> ReviewedDialogue:
    async with place.log.reviewing() as reading:
        found = await reading.dialogue(place.chat.dialogue_id)
    assert found is not None
    return found


async def texts(place: Place) -> list[str]:
    """Return the transcript, what people do not see in brackets."""
    return [
        (turn.text or f"/{turn.ask}") if turn.is_shown else f"({turn.text})" for turn in (await reviewed(place)).turns
    ]


async def turn(place: Place, text: str) -> ReviewedTurn:
    (found,) = [each for each in (await reviewed(place)).turns if each.text == text]
    return found


async def test_a_dialogue_that_is_gone_is_none(log: SqlLog) -> None:
    async with log.reviewing() as reading:
        assert await reading.dialogue("of another time") is None


async def test_turns_stand_where_people_see_them(log: SqlLog, place: Place) -> None:
    async with log.writing() as writing:
        await writing.greet(place.chat, "Welcome!")
    first, second = await place.say("first"), await place.say("second")
    await place.record(a_reply(first, text="FIRST"))
    await place.record(a_reply(second, text="SECOND"))
    await place.say("third")

    assert await texts(place) == ["Welcome!", "first", "FIRST", "second", "SECOND", "third"]
    turns = (await reviewed(place)).turns
    assert [turn.author for turn in turns] == [
        *(Author.SEED, Author.PERSON, Author.MODEL, Author.PERSON, Author.MODEL, Author.PERSON)
    ]
    assert [turn.state for turn in turns][-1] is TurnState.WAITING
    assert [turn.name for turn in turns] == ["", "Анна", "", "Анна", "", "Анна"]


async def test_versions_stand_next_to_what_they_replace(log: SqlLog, place: Place) -> None:
    await place.exchange("one", "ONE")
    await place.record(a_reply(await place.ask(Ask.RETRY), text="UNO"))
    await place.say("two")
    await place.record(a_reply(await place.ask(Ask.RETRY), text="EINS"))
    await place.record(a_reply(*await log.waiting("telegram", 0), text="TWO"))

    assert await texts(place) == ["one", "(ONE)", "(UNO)", "EINS", "/retry", "two", "/retry", "TWO"]
    said = {turn.text: turn for turn in (await reviewed(place)).turns}
    assert [said[text].version for text in ("ONE", "UNO", "EINS")] == [1, 2, 3]
    assert (said["UNO"].replaces, said["EINS"].replaces) == (said["ONE"].id, said["UNO"].id)


async def test_wordings_stand_before_what_was_meant(place: Place) -> None:
    await place.exchange("one", "ONE")
    await place.exchange("wto", "WTO?")
    for text in ("tow", "two"):
        again = await place.reword("2", text)
        assert again is not None
        await place.record(a_reply(*again, text=f"{text.upper()}!"))
    await place.exchange("three", "THREE")

    shown = await texts(place)
    assert shown[:5] == ["one", "ONE", "(wto)", "(tow)", "two"]
    assert shown[-3:] == ["TWO!", "three", "THREE"]
    assert set(shown[5:-3]) == {"(WTO?)", "(TOW!)"}


async def test_what_was_taken_back_or_came_too_late_stands_where_it_was_said(log: SqlLog, place: Place) -> None:
    olga = await an_operator(log)
    await place.exchange("one", "ONE")
    await place.exchange("two", "TWO")
    await place.undo()
    asked = await place.say("three")
    await place.deliver()
    async with log.writing() as writing:
        await writing.claim(place.chat.dialogue_id, olga.id)
        draft = await writing.record_draft(place.chat.dialogue_id, a_reply(asked, text="THREE?").reply)
    await place.record(a_reply(asked, text="too late"))
    async with log.writing() as writing:
        await writing.operator_says(place.chat.dialogue_id, olga.id, "THREE", draft)

    assert await texts(place) == ["one", "ONE", "(two)", "(TWO)", "three", "(too late)", "(THREE?)", "THREE"]


async def test_a_version_that_was_taken_back_stands_behind_the_one_that_came_back(log: SqlLog, place: Place) -> None:
    olga = await an_operator(log)
    await place.exchange("one", "ONE")
    await place.deliver()
    await place.record(a_reply(await place.ask(Ask.RETRY), text="UNO"))
    async with log.writing() as writing:
        await writing.claim(place.chat.dialogue_id, olga.id)
        await writing.operator_says(place.chat.dialogue_id, olga.id, "by hand")

    assert await texts(place) == ["one", "ONE", "(UNO)", "/retry", "by hand"]


async def test_each_turn_says_what_became_of_it(log: SqlLog, place: Place) -> None:
    await place.exchange("one", "ONE")
    await place.deliver()
    outgoing = await place.record(a_reply(await place.say("two"), text="TWO"))
    assert outgoing is not None
    async with log.writing() as writing:
        await writing.mark_sending([outgoing.id])
        await writing.mark_sending([outgoing.id])
        await writing.mark_failed(outgoing.id, "blocked")
    await place.exchange("three", "THREE")
    await place.record(a_reply(await place.say("four"), outcome=Outcome.TOO_LONG))
    await place.record(replace(a_reply(await place.say("five"), outcome=Outcome.EMPTY), epoch=-1))

    said = {turn.text: turn for turn in (await reviewed(place)).turns}
    assert {text: (turn.delivery, turn.is_maybe_duplicate) for text, turn in said.items()} == {
        "one": ("", False),
        "ONE": ("sent", False),
        "two": ("", False),
        "TWO": ("failed", True),
        "three": ("", False),
        "THREE": ("pending", False),
        "four": ("", False),
        "five": ("", False),
    }
    assert {text: turn.outcome for text, turn in said.items() if turn.outcome} == {"four": "too_long"}
    assert (said["four"].state, said["five"].state) == (TurnState.FAILED, TurnState.WAITING)


async def test_thumbs_are_counted_by_turn(log: SqlLog) -> None:
    people = [await open_place(log, "-5", ChatKind.GROUP, str(number)) for number in range(4)]
    await people[0].exchange("one", "ONE")
    await people[1].exchange("two", "TWO")
    async with log.writing() as writing:
        for place, is_up in zip(people, (True, True, False, True), strict=True):
            await writing.thumb(place.chat, place.person, await place.turn("ONE"), is_up, "reaction")

    one, two = await turn(people[0], "ONE"), await turn(people[0], "TWO")
    assert (one.thumbs_up, one.thumbs_down, two.thumbs_up, two.thumbs_down) == (3, 1, 0, 0)


async def test_a_turn_is_as_likely_as_the_draw_it_was_made_of(place: Place) -> None:
    drawn = (a_generation("first", likelihood=-9.0), a_generation("second", likelihood=-1.0))
    await place.record(a_reply(await place.say("one"), text="ONE", drawn=drawn))
    await place.exchange("two", "TWO")

    assert (await turn(place, "ONE")).likelihood == -1.0
    assert (await turn(place, "TWO")).likelihood is None
    assert (await reviewed(place)).row.likelihood == -1.0


async def test_every_draw_is_explained(log: SqlLog, place: Place) -> None:
    drawn = (a_generation("first", draw=1), a_generation("second \x00\ud83d", draw=2, likelihood=-1.5))
    await place.record(a_reply(await place.say("one"), text="ONE", drawn=drawn))

    async with log.reviewing() as reading:
        first, second = await reading.draws(await place.turn("ONE"))
        assert await reading.draws(await place.turn("one")) == []
        assert await reading.draws(4711) == []

    assert (first.number, first.text, first.draw, first.likelihood) == (1, "first", 1, None)
    assert second == Draw(
        number=2,
        seed="small-talk",
        seed_hash="5eed",
        prompt_hash="9a5h",
        model="gemma",
        revision="main@1",
        sampling=Sampling(top_k=5),
        draw=2,
        text="second \x00\ud83d",
        stop="tag",
        prompt_tokens=120,
        reused_tokens=100,
        new_tokens=9,
        queued_s=0.01,
        first_token_s=0.25,
        duration_s=0.5,
        likelihood=-1.5,
    )


async def test_a_dialogue_says_who_has_it_and_what_was_done_there(log: SqlLog, place: Place, clock: Clock) -> None:
    olga = await an_operator(log)
    id = place.chat.dialogue_id
    await place.exchange("one", "ONE")
    async with log.writing() as writing:
        await writing.claim(id, olga.id)
        await writing.note_action(olga, "claim", id)
        await writing.change(olga, [Change(id, "approval", "approved")])
        await writing.add_note(olga, id, "first \x00")
        await writing.add_note(olga, id, "second")
        await writing.note_action(olga, "login")

    found = await reviewed(place)

    assert (found.claimed_by, found.assignee_id, found.claimed_until) == (olga.id, olga.id, clock.now + CLAIM_LASTS_S)
    assert [deed.action for deed in found.deeds] == ["note_added", "note_added", "approval", "claim"]
    assert [(note.operator, note.text) for note in found.notes] == [("Olga", "first \x00"), ("Olga", "second")]
    clock.now += CLAIM_LASTS_S
    found = await reviewed(place)
    assert (found.claimed_by, found.claimed_until, found.row.holder) == (None, None, "")


async def test_texts_come_back_as_they_were(log: SqlLog) -> None:
    place = await open_place(log, name="A\x00\ud83d")
    await place.exchange("one\x00\ud83d\x10", "ONE\x00\ud83d\x10")

    assert await texts(place) == ["one\x00\ud83d\x10", "ONE\x00\ud83d\x10"]
    row = (await reviewed(place)).row
    assert (row.person, row.last_text) == ("A\x00\ud83d", "ONE\x00\ud83d\x10")


async def test_what_waits_is_told_with_how_the_chat_is_set(log: SqlLog, place: Place) -> None:
    async with log.writing() as writing:
        place.chat = await writing.set_settings(place.chat, {"length": "short"})
    await place.exchange("one", "ONE")
    for text in ("two", "three"):
        await place.say(text)
    await place.ask(Ask.RETRY)

    async with log.reviewing() as reading:
        waiting = await reading.waiting_words(place.chat.dialogue_id)
    assert waiting == [WaitingWords(text, "small-talk", {"length": "short"}) for text in ("two", "three")]
