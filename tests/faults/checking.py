"""Says after a scenario what was lost, doubled, mixed up or left behind: Telegram's log, SQL and Redis side by side."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import Row, Select, select

from bot.telegram.wishes import CHANNEL
from dialogue.turns import Ask, Speaker
from storage.live.wire import decode_turn
from storage.log.sql import sql_engines, transaction
from storage.log.tables import chats, dialogues, is_kept, outbox, turns
from storage.records import SendState, TurnState
from tests.faults.load import NONCE, Said
from tests.faults.received import Delivered
from tests.faults.result import Result
from tests.faults.rig import SECRET, Rig
from tests.faults.telegram import TOKEN

_MOST_COMPLAINTS = 12


async def judged(
    rig: Rig,
    guarantee: str,
    said: Sequence[Said],
    injected: int | None = None,
    excused: Collection[str] = (),
    limit_s: float | None = None,
    expected_error: str = "",
    complaints: Sequence[str] = (),
    note: str = "",
) -> Result:
    """Wait until everything is answered and quiet, stop the processes, and compare what is known where.

    Args:
        injected: how many faults; by default, how often something was struck.
        excused: nonces that need not be answered: an apology or a cancellation took the answer's place.
        limit_s: the promise on the time to recover.
        expected_error: an error in the logs with these words is no complaint.
        complaints: what the scenario found by itself.
    """
    missing = await rig.received.until_answered([each for each in said if each.nonce not in excused])
    found = [*complaints, *await rig.until_quiet()]
    await rig.received.update()
    await rig.stop()
    found += await _left_behind(rig)
    found += [crash for service in rig.services for crash in service.crashes]
    found += list(_told_in_logs(rig, expected_error))
    found += list(_mixed_up(rig, said))
    rows = await _rows(rig, _read_outbox)
    doubled, flagged = _repeats(rig, rows)
    found += list(_sql_differs(said, rig.received.all, await _rows(rig, _read_kept_turns), rows, set(excused)))
    found += await _redis_differs(rig)
    recovery_s = _p99(list(_waits(rig, said)))
    if limit_s is not None and recovery_s is not None and recovery_s > limit_s:
        found.append(f"recovery took {recovery_s:.1f} s, promised are {limit_s:.0f} s")
    if len(found) > _MOST_COMPLAINTS:
        found = [*found[:_MOST_COMPLAINTS], f"and {len(found) - _MOST_COMPLAINTS} more"]
    people = len({each.chat_id for each in said})
    return Result(
        guarantee=guarantee,
        injected=len(rig.all_strikes()) if injected is None else injected,
        load=f"{len(said)} messages in {people} chats",
        lost=len(missing),
        doubled=doubled,
        flagged=flagged,
        recovery_p99_s=recovery_s,
        complaints=tuple(found),
        note=note,
    )


def _repeats(rig: Rig, rows: Sequence[Row[Any]]) -> tuple[int, int]:
    """Return how many answers came twice without and with a mark."""
    may_repeat = {(int(row.place), row.text) for row in rows if row.is_maybe_duplicate}
    doubled = flagged = 0
    for (chat_id, text), times in Counter((each.chat_id, each.text) for each in rig.received.all).items():
        if times > 1 and NONCE.search(text):
            if (chat_id, text) in may_repeat:
                flagged += times - 1
            else:
                doubled += times - 1
    # Two different answers to one message.
    answers: dict[str, set[str]] = defaultdict(set)
    for each in rig.received.all:
        for nonce in NONCE.findall(each.text):
            answers[nonce].add(each.text)
    return doubled + sum(len(texts) - 1 for texts in answers.values()), flagged


def _mixed_up(rig: Rig, said: Sequence[Said]) -> Iterator[str]:
    """Yield where a chat got its answers out of order, or another chat's."""
    spoken: dict[int, list[str]] = defaultdict(list)
    for each in said:
        spoken[each.chat_id].append(each.nonce)
    for chat_id, delivered in rig.received.by_chat().items():
        heard = list(dict.fromkeys(nonce for each in delivered for nonce in NONCE.findall(each.text)))
        if foreign := [nonce for nonce in heard if nonce not in spoken[chat_id]]:
            yield f"chat {chat_id} got {foreign}"
        expected = [nonce for nonce in spoken[chat_id] if nonce in heard]
        if heard != expected:
            yield f"chat {chat_id} out of order: {heard} instead of {expected}"


def _sql_differs(
    said: Sequence[Said],
    delivered: Sequence[Delivered],
    kept: Sequence[Row[Any]],
    outgoing: Sequence[Row[Any]],
    excused: set[str],
) -> Iterator[str]:
    """Yield where the log has other words, or another order, than people said and got."""
    got: dict[int, list[str]] = defaultdict(list)
    for each in delivered:
        got[each.chat_id].append(each.text)
    sent: dict[int, list[str]] = defaultdict(list)
    for row in outgoing:
        if row.turn_id is not None and row.state == SendState.SENT:
            sent[int(row.place)].append(row.text)
    for chat_id, texts in sent.items():
        answers = list(dict.fromkeys(text for text in got[chat_id] if NONCE.search(text)))
        if answers != [text for text in texts if NONCE.search(text)]:
            yield f"chat {chat_id} got {answers}, SQL has {texts}"
    spoken: dict[int, list[str]] = defaultdict(list)
    for each_said in said:
        if each_said.nonce not in excused:
            spoken[each_said.chat_id].append(each_said.nonce)
    written: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in kept:
        written[int(row.place)].append(row)
    for chat_id, nonces in spoken.items():
        rows = written[chat_id]
        logged = [nonce for row in rows if row.speaker == Speaker.PERSON for nonce in NONCE.findall(row.text)]
        if [nonce for nonce in logged if nonce not in excused] != nonces:
            yield f"chat {chat_id} said {nonces}, SQL has {logged}"
        yield from _not_a_dialogue(chat_id, rows)


def _not_a_dialogue(chat_id: int, rows: Sequence[Row[Any]]) -> Iterator[str]:
    """Yield where a transcript has the bot speak twice in a row, or an answer that is not to what stands before it."""
    before: list[str] = []
    for row in rows:
        nonces = NONCE.findall(row.text)
        if row.speaker == Speaker.PERSON:
            if row.state == TurnState.WAITING:
                yield f"chat {chat_id}: {nonces} still waits"
            before += nonces
            continue
        if nonces != before[len(before) - len(nonces) :] or (nonces and not before):
            yield f"chat {chat_id}: {nonces} answers {before}"
        before = []


async def _redis_differs(rig: Rig) -> list[str]:
    """Return where Redis's copy of a dialogue is not what SQL has."""
    found = []
    for row in await _rows(rig, _read_dialogues):
        cached = await rig.redis.lrange(rig.keys.history(row.id), 0, -1)
        here = [decode_turn(str(data))[0].text for data in cached]
        there = [turn.text for turn in (await rig.log.history(row.id)).dialogue.turns]
        # After a loss it may be behind: the next message of the dialogue finds that out.
        is_current = here == there[-len(here) :] or (rig.valkey.strikes and here == there[: len(here)])
        if here and not is_current:
            found.append(f"dialogue {row.id}: Redis has {here}, SQL {there}")
    return found


async def _left_behind(rig: Rig) -> list[str]:
    """Return what stopped processes, those killed aside, left in Redis: heartbeats and leases."""
    killed = any(service.deaths for service in rig.services)
    names = [name async for name in rig.redis.scan_iter(f"{rig.keys.alive}*".replace("{", "\\{"), count=1000)]
    names += [name async for name in rig.redis.scan_iter(rig.keys.lease("*").replace("{", "\\{"), count=1000)]
    # The heartbeat of a process that was killed ends by itself, soon.
    return [f"left behind: {name}" for name in names if not (killed and await rig.redis.pttl(name) > 0)]


def _told_in_logs(rig: Rig, expected_error: str) -> Iterator[str]:
    """Yield what no log may have: an error that nobody expected, a secret, or somebody's words."""
    for service in rig.services:
        log = service.log.read_text("utf-8", "replace")
        for line in log.splitlines():
            is_bad = "Traceback" in line or '"level": "error"' in line
            if is_bad and not (expected_error and expected_error in line):
                yield f"{service.name}: {line[:600]}"
                break
        for secret in (TOKEN.partition(":")[2], SECRET):
            if secret in log:
                yield f"{service.name} shows a secret"
        if told := NONCE.search(log):
            yield f"{service.name} shows what was said: {told[0]}"


def _waits(rig: Rig, said: Sequence[Said]) -> Iterator[float]:
    """Yield, for each message that waited when something was struck, how long after the last strike it was answered."""
    strikes = rig.all_strikes()
    for each in said:
        answered_at = rig.received.answered_at(each.nonce)
        if answered_at is None:
            continue
        index = bisect_left(strikes, answered_at)
        if index and strikes[index - 1] >= each.at:
            yield answered_at - strikes[index - 1]


def _p99(waits: Sequence[float]) -> float | None:
    return sorted(waits)[int(0.99 * (len(waits) - 1))] if waits else None


_place = chats.c.external_id.label("place")
_read_kept_turns = (
    select(turns, _place)
    .join_from(turns, dialogues)
    .join(chats)
    .where(is_kept, turns.c.ask == Ask.SAY, chats.c.channel == CHANNEL)
    .order_by(dialogues.c.opened_at, turns.c.position.is_(None), turns.c.position, turns.c.id)
)
_read_outbox = (
    select(outbox, _place)
    .join_from(outbox, dialogues)
    .join(chats)
    .where(chats.c.channel == CHANNEL)
    .order_by(outbox.c.id)
)
_read_dialogues = select(dialogues.c.id).join(chats).where(chats.c.channel == CHANNEL)


async def _rows(rig: Rig, statement: Select[Any]) -> Sequence[Row[Any]]:
    async with sql_engines(rig.sql_url) as engines, transaction(engines.reading) as connection:
        rows: Sequence[Row[Any]] = (await connection.execute(statement)).all()
        return rows
