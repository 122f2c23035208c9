"""An operator in the bot's place: claims, what they do to replies on their way, and what is left at the end."""

from __future__ import annotations

import asyncio

import pytest

from dialogue.errors import NotClaimed, NothingToRetry, TakenAlready
from dialogue.turns import Ask
from storage.log.review.changes import Change
from storage.log.sql_log import SqlLog
from storage.log.taking_over import CLAIM_LASTS_S, Claim
from storage.operators import Operator
from storage.records import Author, ChatKind, DialogueStatus, Outgoing, TurnState
from storage.reviewed import ReviewedDialogue
from tests.storage.conftest import Clock
from tests.storage.log.places import Place, a_reply, an_operator, open_place


async def claim(place: Place, operator: Operator) -> Claim:
    async with place.log.writing() as writing:
        return await writing.claim(place.chat.dialogue_id, operator.id)


async def say(place: Place, operator: Operator, text: str, draft: int | None = None) -> Outgoing:
    async with place.log.writing() as writing:
        return await writing.operator_says(place.chat.dialogue_id, operator.id, text, draft)


async def release(place: Place, operator: Operator | None = None) -> int:
    async with place.log.writing() as writing:
        return await writing.release(place.chat.dialogue_id, operator.id if operator else None)


async def waits_for_bot(place: Place) -> list[str]:
    """Return what the bot is to answer, asked for in both ways."""
    async with place.log.writing() as writing:
        waiting = [each.text or each.ask for each in await writing.waiting_in([place.chat.dialogue_id])]
    assert waiting == [each.text or each.ask for each in await place.log.waiting("telegram", 0)]
    return waiting


async def reviewed(place: Place) -> ReviewedDialogue:
    async with place.log.reviewing() as reading:
        found = await reading.dialogue(place.chat.dialogue_id)
    assert found is not None
    return found


async def test_a_claimed_dialogue_is_in_its_operators_hands(log: SqlLog, place: Place, clock: Clock) -> None:
    olga = await an_operator(log)
    await place.exchange("one", "ONE")

    claimed = await claim(place, olga)

    assert claimed == Claim(place.chat.dialogue_id, place.chat.id, place.chat.epoch + 1, is_new=True)
    found = await reviewed(place)
    assert (found.claimed_by, found.claimed_until) == (olga.id, clock.now + CLAIM_LASTS_S)
    assert (found.row.holder, found.row.assignee, found.row.status) == ("Olga", "Olga", DialogueStatus.OPEN)
    async with log.writing() as writing:
        assert await writing.is_claimed(place.chat.dialogue_id)


async def test_nobody_claims_what_another_operator_has(log: SqlLog, place: Place) -> None:
    olga, pavel = await an_operator(log), await an_operator(log, "Pavel")
    await claim(place, olga)

    with pytest.raises(TakenAlready, match="Olga"):
        await claim(place, pavel)
    with pytest.raises(NotClaimed):
        await say(place, pavel, "me!")
    with pytest.raises(NotClaimed):
        await release(place, pavel)


async def test_of_two_who_claim_at_once_one_gets_it(log: SqlLog, place: Place) -> None:
    olga, pavel = await an_operator(log), await an_operator(log, "Pavel")

    results = await asyncio.gather(claim(place, olga), claim(place, pavel), return_exceptions=True)

    assert sorted(type(each).__name__ for each in results) == ["Claim", "TakenAlready"]


async def test_a_claim_is_extended_by_its_operator(log: SqlLog, place: Place, clock: Clock) -> None:
    olga = await an_operator(log)
    first = await claim(place, olga)
    clock.now += 100
    again = await claim(place, olga)

    assert (again.is_new, again.epoch) == (False, first.epoch)
    assert (await reviewed(place)).claimed_until == clock.now + CLAIM_LASTS_S
    clock.now += 100
    await say(place, olga, "hello")
    assert (await reviewed(place)).claimed_until == clock.now + CLAIM_LASTS_S


async def test_a_claim_runs_out(log: SqlLog, place: Place, clock: Clock) -> None:
    olga = await an_operator(log)
    await claim(place, olga)
    await place.say("hello?")
    assert await log.run_out("telegram") == []
    with pytest.raises(NotClaimed):
        await release(place)
    assert await waits_for_bot(place) == []

    clock.now += CLAIM_LASTS_S

    assert await log.run_out("telegram") == [place.chat.dialogue_id]
    assert await log.run_out("web") == []
    assert await waits_for_bot(place) == ["hello?"]
    with pytest.raises(NotClaimed):
        await say(place, olga, "too late")
    assert await release(place) == place.chat.id
    assert await log.run_out("telegram") == []
    assert (await reviewed(place)).row.status is DialogueStatus.PENDING


async def test_a_claim_that_has_run_out_is_free_for_all(log: SqlLog, place: Place, clock: Clock) -> None:
    olga, pavel = await an_operator(log), await an_operator(log, "Pavel")
    first = await claim(place, olga)
    clock.now += CLAIM_LASTS_S

    second = await claim(place, pavel)

    assert (second.is_new, second.epoch) == (True, first.epoch + 1)
    with pytest.raises(NotClaimed):
        await release(place)
    with pytest.raises(NotClaimed):
        await release(place, olga)
    await say(place, pavel, "hello")


async def test_what_was_begun_before_the_claim_comes_too_late(log: SqlLog, place: Place) -> None:
    olga = await an_operator(log)
    asked = await place.say("one")
    await claim(place, olga)

    assert await place.record(a_reply(asked, text="too late")) is None

    assert await place.deliver() == []
    assert [(turn.text, turn.state) for turn in await place.shown()] == [("one", TurnState.WAITING)]


async def test_no_reply_is_recorded_while_an_operator_has_the_dialogue(log: SqlLog, place: Place) -> None:
    olga = await an_operator(log)
    await claim(place, olga)
    # As it would be asked by a process whose clock is ahead, for which the claim has run out already.
    asked = await place.say("one")
    assert asked.epoch == place.chat.epoch + 1

    assert await place.record(a_reply(asked, text="ONE")) is None
    await release(place, olga)
    assert await waits_for_bot(place) == ["one"]


async def test_a_reply_that_nobody_was_sent_is_taken_back(log: SqlLog, place: Place) -> None:
    olga = await an_operator(log)
    await place.exchange("one", "ONE")
    await place.deliver()
    burst = [await place.say("two"), await place.say("three")]
    await place.record(a_reply(*burst, text="BOTH"))

    await claim(place, olga)

    assert await place.deliver() == []
    assert [(turn.text, turn.state) for turn in await place.shown()] == [
        ("one", TurnState.ANSWERED),
        ("ONE", TurnState.ANSWERED),
        ("two", TurnState.WAITING),
        ("three", TurnState.WAITING),
    ]
    assert await place.history() == ["one", "ONE"]
    await say(place, olga, "both, by hand")
    assert await place.deliver() == ["both, by hand"]
    assert await place.history() == ["one", "ONE", "two", "three", "both, by hand"]


async def test_all_replies_that_nobody_was_sent_are_taken_back(log: SqlLog, place: Place) -> None:
    olga = await an_operator(log)
    await place.exchange("one", "ONE")
    await place.exchange("two", "TWO")

    await claim(place, olga)

    assert await place.history() == []
    await release(place, olga)
    assert await waits_for_bot(place) == ["one", "two"]


@pytest.mark.parametrize("wish", [Ask.RETRY, Ask.CONTINUE])
async def test_of_a_version_that_nobody_was_sent_the_one_before_comes_back(
    log: SqlLog, place: Place, wish: Ask
) -> None:
    olga = await an_operator(log)
    await place.exchange("one", "ONE")
    assert await place.deliver() == ["ONE"]
    await place.record(a_reply(await place.ask(wish), text="UNO", turn_text="ONE UNO"))

    await claim(place, olga)

    assert await place.deliver() == []
    assert [(turn.text, turn.version) for turn in await place.shown()] == [("one", 1), ("ONE", 1)]
    assert await waits_for_bot(place) == []
    await release(place, olga)
    # The wish was not fulfilled.
    assert await waits_for_bot(place) == [wish]


async def test_a_wish_that_was_taken_back_is_settled_by_the_operators_words(log: SqlLog, place: Place) -> None:
    olga = await an_operator(log)
    await place.exchange("one", "ONE")
    await place.deliver()
    await place.record(a_reply(await place.ask(Ask.RETRY), text="UNO"))
    await claim(place, olga)

    await say(place, olga, "one, by hand")
    await release(place, olga)

    assert await waits_for_bot(place) == []
    assert await place.history() == ["one", "ONE", "one, by hand"]


async def test_of_two_versions_that_nobody_was_sent_neither_comes_back(log: SqlLog, place: Place) -> None:
    olga = await an_operator(log)
    await place.exchange("one", "ONE")
    for text in ("UNO", "EINS"):
        await place.record(a_reply(await place.ask(Ask.RETRY), text=text))

    await claim(place, olga)

    assert await place.deliver() == []
    assert await place.texts() == ["one"]
    await say(place, olga, "by hand")
    assert await place.history() == ["one", "by hand"]


async def test_of_a_version_whose_replacement_is_on_its_way_nothing_waits_again(log: SqlLog, place: Place) -> None:
    olga = await an_operator(log)
    await place.exchange("one", "ONE")
    newer = await place.record(a_reply(await place.ask(Ask.RETRY), text="UNO"))
    assert newer is not None
    async with log.writing() as writing:
        await writing.mark_sending([newer.id])

    await claim(place, olga)

    assert await place.texts() == ["one", "UNO"]
    assert [each.text for each in await log.unsent("telegram")] == ["UNO"]


async def test_what_was_undone_does_not_wait_again(log: SqlLog, place: Place) -> None:
    olga = await an_operator(log)
    await place.exchange("one", "ONE")
    await place.undo()

    await claim(place, olga)

    assert await place.deliver() == []
    assert await place.texts() == []
    await release(place, olga)
    assert await waits_for_bot(place) == []


async def test_what_is_on_its_way_arrives(log: SqlLog, place: Place) -> None:
    olga = await an_operator(log)
    outgoing = await place.record(a_reply(await place.say("one"), text="ONE"))
    assert outgoing is not None
    async with log.writing() as writing:
        assert await writing.mark_sending([outgoing.id]) == {outgoing.id}

    await claim(place, olga)

    async with log.reviewing() as reading:
        assert await reading.is_reply_on_its_way(place.chat.dialogue_id)
    async with log.writing() as writing:
        await writing.mark_sent(outgoing.id, 1, ["7"])
    async with log.reviewing() as reading:
        assert not await reading.is_reply_on_its_way(place.chat.dialogue_id)
    assert await place.history() == ["one", "ONE"]


async def test_what_the_channel_refuses_for_now_is_taken_back(log: SqlLog, place: Place) -> None:
    olga = await an_operator(log)
    outgoing = await place.record(a_reply(await place.say("one"), text="ONE"))
    assert outgoing is not None
    async with log.writing() as writing:
        await writing.mark_sending([outgoing.id])
    await claim(place, olga)

    async with log.writing() as writing:
        await writing.mark_unsent(outgoing.id)

    assert await place.deliver() == []
    assert [(turn.text, turn.state) for turn in await place.shown()] == [("one", TurnState.WAITING)]


async def test_what_the_channel_refuses_for_now_is_sent_later_where_nobody_took_over(log: SqlLog, place: Place) -> None:
    outgoing = await place.record(a_reply(await place.say("one"), text="ONE"))
    assert outgoing is not None
    async with log.writing() as writing:
        await writing.mark_sending([outgoing.id])
        await writing.mark_unsent(outgoing.id)

    assert not (await log.unsent("telegram"))[0].maybe_duplicate
    assert await place.deliver() == ["ONE"]


async def test_what_a_dead_process_had_begun_to_send_is_not_begun_again(log: SqlLog, place: Place) -> None:
    olga = await an_operator(log)
    outgoing = await place.record(a_reply(await place.say("one"), text="ONE"))
    assert outgoing is not None
    async with log.writing() as writing:
        await writing.mark_sending([outgoing.id])
    await claim(place, olga)

    assert await place.deliver() == []

    async with log.reviewing() as reading:
        assert not await reading.is_reply_on_its_way(place.chat.dialogue_id)
    assert [(turn.text, turn.state) for turn in await place.shown()] == [("one", TurnState.WAITING)]


async def test_what_was_sent_in_part_stays_said_and_its_rest_does_not_come(log: SqlLog, place: Place) -> None:
    olga = await an_operator(log)
    outgoing = await place.record(a_reply(await place.say("one"), text="a very long reply"))
    assert outgoing is not None
    async with log.writing() as writing:
        await writing.mark_sending([outgoing.id])
        await writing.mark_part(outgoing.id, 1, "7")
        await writing.mark_unsent(outgoing.id)

    await claim(place, olga)

    assert await place.deliver() == []
    assert await place.history() == ["one", "a very long reply"]


async def test_words_of_the_operator_answer_what_a_reply_refused_later_had_answered(log: SqlLog, place: Place) -> None:
    olga = await an_operator(log)
    outgoing = await place.record(a_reply(await place.say("one"), text="ONE"))
    assert outgoing is not None
    async with log.writing() as writing:
        await writing.mark_sending([outgoing.id])
    await claim(place, olga)
    await say(place, olga, "one, by hand")

    async with log.writing() as writing:
        await writing.mark_unsent(outgoing.id)

    assert await place.deliver() == ["one, by hand"]
    assert await place.history() == ["one", "one, by hand"]
    await release(place, olga)
    assert await waits_for_bot(place) == []


async def test_what_two_do_at_once_with_a_reply_is_either_sent_or_taken_back(log: SqlLog) -> None:
    olga = await an_operator(log)
    for number in range(10):
        place = await open_place(log, str(number))
        outgoing = await place.record(a_reply(await place.say("one"), text="ONE"))
        assert outgoing is not None

        async def send(id: int) -> bool:
            async with log.writing() as writing:
                is_due = id in await writing.mark_sending([id])
                await asyncio.sleep(0.005)
                return is_due

        is_sent, _ = await asyncio.gather(send(outgoing.id), claim(place, olga))

        assert await place.history() == (["one", "ONE"] if is_sent else [])


async def test_an_operators_words_answer_all_that_waits_in_order(log: SqlLog, place: Place) -> None:
    olga = await an_operator(log)
    await place.exchange("one", "ONE")
    await place.deliver()
    await claim(place, olga)
    for text in ("two", "three"):
        await place.say(text)

    outgoing = await say(place, olga, "both")

    assert (outgoing.text, outgoing.reply_to, outgoing.author) == ("both", "3", Author.OPERATOR)
    assert [(turn.text, turn.author, turn.state) for turn in await place.shown()][2:] == [
        ("two", Author.PERSON, TurnState.ANSWERED),
        ("three", Author.PERSON, TurnState.ANSWERED),
        ("both", Author.OPERATOR, TurnState.ANSWERED),
    ]
    await say(place, olga, "anything else?")
    assert await place.deliver() == ["both", "anything else?"]
    await release(place, olga)
    assert await waits_for_bot(place) == []
    assert await place.history() == ["one", "ONE", "two", "three", "both", "anything else?"]


async def test_of_an_operators_words_there_is_no_other_version(log: SqlLog, place: Place) -> None:
    olga = await an_operator(log)
    await claim(place, olga)
    await say(place, olga, "hello")
    await release(place, olga)

    with pytest.raises(NothingToRetry):
        await place.ask(Ask.RETRY)
    assert not await place.undo()


async def test_what_waits_at_the_end_is_for_the_bot_again(log: SqlLog, place: Place) -> None:
    olga = await an_operator(log)
    await claim(place, olga)
    await place.say("one")
    assert await waits_for_bot(place) == []

    await release(place, olga)

    assert await waits_for_bot(place) == ["one"]
    with pytest.raises(NotClaimed):
        await say(place, olga, "too late")
    (asked,) = await log.waiting("telegram", 0)
    assert await place.record(a_reply(asked, text="ONE")) is not None


async def test_what_an_operator_has_closed_stays_closed_after_the_release(log: SqlLog, place: Place) -> None:
    olga = await an_operator(log)
    await place.exchange("one", "ONE")
    await claim(place, olga)
    async with log.writing() as writing:
        await writing.change(olga, [Change(place.chat.dialogue_id, "status", DialogueStatus.RESOLVED)])

    await release(place, olga)

    assert (await reviewed(place)).row.status is DialogueStatus.RESOLVED


async def test_a_new_dialogue_ends_the_claim_of_the_old_one(log: SqlLog, place: Place) -> None:
    olga = await an_operator(log)
    await claim(place, olga)
    await place.say("one")
    async with log.writing() as writing:
        new = await writing.new_dialogue(place.chat)

    with pytest.raises(NotClaimed):
        await say(place, olga, "into the void")
    with pytest.raises(NotClaimed):
        await release(place, olga)
    with pytest.raises(TakenAlready, match="over"):
        await claim(place, olga)
    async with log.writing() as writing:
        assert not await writing.is_claimed(new.dialogue_id)


async def test_whoever_was_forgotten_cannot_be_written_to(log: SqlLog, place: Place) -> None:
    olga = await an_operator(log)
    await claim(place, olga)
    async with log.writing() as writing:
        await writing.forget("telegram", "17")

    with pytest.raises(NotClaimed):
        await say(place, olga, "hello?")
    with pytest.raises(TakenAlready, match="forgotten"):
        await claim(place, olga)


async def test_a_terminal_cannot_be_taken_over(log: SqlLog) -> None:
    olga = await an_operator(log)
    async with log.writing() as writing:
        chat = await writing.chat("terminal", "1", ChatKind.PRIVATE, "small-talk", "en")

    with pytest.raises(TakenAlready, match="terminal"):
        await claim(Place(log, chat, (await open_place(log)).person), olga)


async def test_a_proposal_is_kept_and_never_said(log: SqlLog, place: Place, clock: Clock) -> None:
    olga = await an_operator(log)
    await claim(place, olga)
    asked = await place.say("one")
    clock.now += 10

    async with log.writing() as writing:
        draft = await writing.record_draft(place.chat.dialogue_id, a_reply(asked, text="ONE?").reply)
    assert await place.texts() == ["one"]
    assert await place.deliver() == []
    await say(place, olga, "ONE!", draft)

    assert await place.history() == ["one", "ONE!"]
    said = {turn.text: turn for turn in (await reviewed(place)).turns}
    assert (said["ONE?"].is_shown, said["ONE!"].replaces) == (False, draft)


async def test_a_proposal_of_another_dialogue_is_none(log: SqlLog, place: Place) -> None:
    olga = await an_operator(log)
    other = await open_place(log, "18", person_id="18")
    asked = await other.say("two")
    async with log.writing() as writing:
        draft = await writing.record_draft(other.chat.dialogue_id, a_reply(asked, text="TWO?").reply)
        assert await writing.record_draft("of another time", a_reply(asked, text="TWO?").reply) is None
    await claim(place, olga)

    await say(place, olga, "ONE!", draft)
    await say(place, olga, "ONE!!", 2**40)

    assert [turn.replaces for turn in (await reviewed(place)).turns] == [None, None]


async def test_whoever_asks_for_an_operator_is_shown_until_one_comes(log: SqlLog, place: Place, clock: Clock) -> None:
    olga = await an_operator(log)
    async with log.writing() as writing:
        await writing.want_human(place.chat.dialogue_id)
    assert await log.unheard("telegram", 60) == []

    clock.now += 60

    assert await log.unheard("telegram", 60) == [place.chat.dialogue_id]
    assert await log.unheard("web", 60) == []
    await claim(place, olga)
    assert await log.unheard("telegram", 60) == []
    async with log.writing() as writing:
        assert await writing.nobody_came(place.chat.dialogue_id) is None


async def test_whom_nobody_heard_is_told_once(log: SqlLog, place: Place) -> None:
    async with log.writing() as writing:
        await writing.want_human(place.chat.dialogue_id)
        assert await writing.nobody_came(place.chat.dialogue_id) == place.chat.id
        assert await writing.nobody_came(place.chat.dialogue_id) is None
    assert await log.unheard("telegram", 0) == []


async def test_a_chat_that_moves_keeps_its_operator(log: SqlLog) -> None:
    olga = await an_operator(log)
    place = await open_place(log, "-5", ChatKind.GROUP)
    await claim(place, olga)
    async with log.writing() as writing:
        await writing.move_chat("telegram", "-5", "-100")

    outgoing = await say(place, olga, "hello")

    assert outgoing.chat_external_id == "-100"
