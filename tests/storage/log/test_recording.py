"""Replies in the log: the order of the transcript, versions, stale ones, failures, and what is sent."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select, update

from dialogue.turns import Ask, Dialogue, Outcome, Speaker, Turn
from storage.log import tables
from storage.log.sql import transaction
from storage.log.sql_log import SqlLog
from storage.records import Author, SendState, TurnState
from tests.storage.log.places import Place, a_reply, open_place


async def test_a_message_and_its_reply_are_the_transcript(log: SqlLog, place: Place) -> None:
    asked = await place.say("Привет")
    finished = a_reply(asked, text="Здравствуйте!")

    outgoing = await place.record(finished)

    logged = await log.history(place.chat.dialogue_id)
    assert logged.dialogue == Dialogue((Turn(Speaker.PERSON, "Привет"), Turn(Speaker.BOT, "Здравствуйте!")))
    assert logged.turn_ids == (asked.message_id, finished.reply_id)
    assert outgoing is not None
    assert (outgoing.text, outgoing.reply_to, outgoing.chat_external_id) == ("Здравствуйте!", "1", "17")
    assert [(turn.speaker, turn.author, turn.name, turn.state) for turn in await place.shown()] == [
        (Speaker.PERSON, Author.PERSON, "Анна", TurnState.ANSWERED),
        (Speaker.BOT, Author.MODEL, "", TurnState.ANSWERED),
    ]


async def test_a_message_said_while_the_bot_writes_comes_after_the_reply(place: Place) -> None:
    first = await place.say("first")
    second = await place.say("second")
    await place.record(a_reply(first, text="reply to first"))

    assert await place.texts() == ["first", "reply to first", "second"]
    assert await place.history() == ["first", "reply to first"]

    await place.record(a_reply(second, text="reply to second"))

    assert await place.history() == ["first", "reply to first", "second", "reply to second"]


async def test_a_burst_is_answered_together(place: Place) -> None:
    asked = [await place.say("one"), await place.say("two")]

    outgoing = await place.record(a_reply(*asked, text="both"))

    assert await place.history() == ["one", "two", "both"]
    assert outgoing is not None
    assert outgoing.reply_to == "2"


async def test_a_retried_reply_is_a_new_version_in_the_same_place(log: SqlLog, place: Place) -> None:
    await place.exchange("question", "first answer")
    for number in (2, 3):
        retry = await place.ask(Ask.RETRY)
        assert await place.texts() == ["question", ["first answer", "answer 2"][number - 2]]
        await place.record(a_reply(retry, text=f"answer {number}"))

    assert [(turn.text, turn.version) for turn in await place.shown()] == [("question", 1), ("answer 3", 3)]
    everything = await log.everything_about("telegram", "17")
    kept = [(turn["text"], turn["is_dropped"]) for turn in everything["dialogues"][0]["turns"] if turn["text"]]
    assert kept == [("question", False), ("first answer", True), ("answer 2", True), ("answer 3", False)]


async def test_a_continued_reply_is_kept_whole_and_sent_in_part(place: Place) -> None:
    await place.exchange("tell me", "Once upon a time")
    wish = await place.ask(Ask.CONTINUE)

    outgoing = await place.record(a_reply(wish, text="there was a bot.", turn_text="Once upon a time there was a bot."))

    assert await place.history() == ["tell me", "Once upon a time there was a bot."]
    assert outgoing is not None
    assert outgoing.text == "there was a bot."
    assert (await place.shown())[-1].version == 2


async def test_the_same_reply_twice_changes_nothing(log: SqlLog, place: Place) -> None:
    finished = a_reply(await place.say("hello"), text="hi")
    assert await place.record(finished) is not None

    assert await place.record(finished) is None

    assert await place.texts() == ["hello", "hi"]
    assert len(await log.unsent("telegram")) == 1


async def test_the_same_reply_twice_in_one_batch_is_recorded_once(log: SqlLog, place: Place) -> None:
    finished = a_reply(await place.say("hello"), text="hi")

    async with log.writing() as writing:
        first, second = await writing.record_replies([finished, finished])

    assert first is not None
    assert second is None
    assert await place.texts() == ["hello", "hi"]


async def test_a_batch_is_recorded_as_one_by_one(log: SqlLog, place: Place) -> None:
    other = await open_place(log, "18", person_id="18", name="Борис")
    first, second, third = await place.say("a1"), await other.say("b1"), await place.say("a2")

    async with log.writing() as writing:
        outgoing = await writing.record_replies(
            [a_reply(first, text="A1"), a_reply(second, text="B1"), a_reply(third, text="A2")]
        )

    assert await place.history() == ["a1", "A1", "a2", "A2"]
    assert await other.history() == ["b1", "B1"]
    assert [each.text for each in outgoing if each is not None] == ["A1", "B1", "A2"]
    assert [each.id for each in await log.unsent("telegram")] == [each.id for each in outgoing if each is not None]


async def test_a_reply_of_an_older_epoch_is_kept_but_neither_shown_nor_sent(log: SqlLog, place: Place) -> None:
    asked = await place.say("never mind")
    await place.interrupt()

    assert await place.record(a_reply(asked, text="too late")) is None

    assert await place.texts() == ["never mind"]
    assert await log.unsent("telegram") == []
    everything = await log.everything_about("telegram", "17")
    assert [(turn["text"], turn["is_dropped"]) for turn in everything["dialogues"][0]["turns"]] == [
        ("never mind", False),
        ("too late", True),
    ]


async def test_a_reply_to_a_closed_dialogue_is_stale(log: SqlLog, place: Place) -> None:
    asked = await place.say("hello")
    async with log.writing() as writing:
        place.chat = await writing.new_dialogue(place.chat)

    assert await place.record(replace(a_reply(asked, text="too late"), epoch=99)) is None
    assert await place.texts() == []


async def test_a_reply_to_a_message_that_slipped_into_a_closed_dialogue_is_stale(log: SqlLog, place: Place) -> None:
    asked = await place.say("hello")
    async with transaction(log._engines.writing) as connection:
        await connection.execute(update(tables.dialogues).values(closed_at=1.0))

    assert await log.waiting("telegram", 0) == []
    assert await place.record(a_reply(asked, text="too late")) is None
    assert await log.unsent("telegram") == []


async def test_a_second_reply_to_the_same_message_is_stale(place: Place) -> None:
    asked = await place.say("hello")
    await place.record(a_reply(asked, text="first"))

    assert await place.record(a_reply(asked, text="second")) is None
    assert await place.history() == ["hello", "first"]


async def test_a_message_without_a_reply_stays_in_the_transcript(log: SqlLog, place: Place) -> None:
    asked = await place.say("hello")

    outgoing = await place.record(a_reply(asked, outcome=Outcome.ENGINE_DOWN))

    assert outgoing is not None
    assert (outgoing.outcome, outgoing.text, outgoing.turn_id) == (Outcome.ENGINE_DOWN, "", "")
    assert [(turn.text, turn.state) for turn in await place.shown()] == [("hello", TurnState.FAILED)]
    assert await place.history() == ["hello"]
    assert [each.outcome for each in await log.unsent("telegram")] == [Outcome.ENGINE_DOWN]


async def test_a_message_that_was_put_aside_is_shown_but_never_prompts_again(place: Place) -> None:
    asked = await place.say("poison")

    await place.record(a_reply(asked, outcome=Outcome.PUT_ASIDE))

    assert [(turn.text, turn.state) for turn in await place.shown()] == [("poison", TurnState.PUT_ASIDE)]
    assert await place.history() == []


async def test_a_failed_reply_twice_is_recorded_once(log: SqlLog, place: Place) -> None:
    finished = a_reply(await place.say("hello"), outcome=Outcome.EMPTY)
    await place.record(finished)

    assert await place.record(finished) is None
    assert len(await log.unsent("telegram")) == 1


async def test_a_reply_of_another_database_is_for_nobody(log: SqlLog, place: Place) -> None:
    finished = a_reply(await place.say("hello"), text="hi")

    assert await place.record(replace(finished, dialogue_id="of another time")) is None
    assert await place.record(replace(finished, message_ids=("4711",))) is None
    assert await place.texts() == ["hello"]
    assert [(asked.text) for asked in await log.waiting("telegram", 0)] == ["hello"]


async def test_every_draw_is_kept_with_what_explains_it(log: SqlLog, place: Place) -> None:
    finished = a_reply(await place.say("hello"), text="hi")
    (drawn,) = finished.reply.generations
    reply = replace(finished.reply, generations=(replace(drawn, draw=1), replace(drawn, draw=2**31)))

    await place.record(replace(finished, reply=reply))

    async with transaction(log._engines.reading) as connection:
        rows = (await connection.execute(select(tables.generations).order_by(tables.generations.c.id))).all()
    assert [(row.number, row.draw) for row in rows] == [(1, 1), (2, 2**31)]
    row = rows[0]
    assert (row.reply_id, row.seed, row.seed_hash, row.prompt_hash) == (finished.reply_id, "small-talk", "5eed", "9a5h")
    assert (row.model, row.revision, row.text, row.stop) == ("gemma", "main@1", "raw hi", "tag")
    assert (row.prompt_tokens, row.reused_tokens, row.new_tokens) == (120, 100, 9)
    assert (row.queued_s, row.first_token_s, row.duration_s) == (0.01, 0.25, 0.5)
    assert row.sampling["top_k"] == 5


async def test_what_is_sent_speaks_the_language_that_was_chosen(log: SqlLog, place: Place) -> None:
    async with log.writing() as writing:
        await writing.set_settings(place.chat, {"language": "en"})

    outgoing = await place.record(a_reply(await place.say("hello"), outcome=Outcome.EMPTY))

    assert outgoing is not None
    assert outgoing.language == "en"
    assert (await log.unsent("telegram"))[0].language == "en"
    assert (await log.unsent("telegram"))[0].state is SendState.PENDING
