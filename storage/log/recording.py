"""What workers wrote, put into the log: turns, generations, and what is to be sent."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Row, bindparam, func, insert, select, update

from dialogue.turns import Ask, Outcome, Reply, Speaker
from storage.log.outbox import insert_outgoing, outgoing_row, spoken_language
from storage.log.tables import answers, chats, dialogues, generations, is_kept, replies, turns
from storage.log.transaction import Transaction
from storage.log.turn_rows import reply_row
from storage.records import Author, ChatKind, Finished, Outgoing, TurnState

_last_place = (
    select(func.coalesce(func.max(turns.c.position), 0))
    .where(turns.c.dialogue_id == dialogues.c.id, is_kept)
    .scalar_subquery()
)
_read_dialogues = (
    select(
        dialogues.c.id,
        dialogues.c.epoch,
        dialogues.c.closed_at,
        dialogues.c.claimed_until,
        chats.c.id.label("chat_id"),
        chats.c.channel,
        chats.c.external_id,
        chats.c.kind,
        chats.c.language,
        chats.c.settings,
        _last_place.label("last_place"),
    )
    .join(chats)
    .where(dialogues.c.id.in_(bindparam("ids", expanding=True)))
)
_read_known = select(replies.c.id).where(replies.c.id.in_(bindparam("ids", expanding=True)))
_read_messages = select(turns.c.id, turns.c.dialogue_id, turns.c.state, turns.c.ask, turns.c.external_id).where(
    turns.c.id.in_(bindparam("ids", expanding=True))
)
_read_last_turn = (
    select(turns.c.id, turns.c.speaker, turns.c.position, turns.c.version, turns.c.reply_id)
    .where(turns.c.dialogue_id == bindparam("dialogue"), is_kept, turns.c.position.is_not(None))
    .order_by(turns.c.position.desc())
    .limit(1)
)

_insert_replies = insert(replies)
_insert_answers = insert(answers)
insert_generations = insert(generations)
"""Inserts what the model drew; see `generation_rows`."""

_insert_turns = insert(turns).returning(turns.c.id, sort_by_parameter_order=True)
_settle_turn = (
    update(turns)
    .where(turns.c.id == bindparam("turn"))
    .values(state=bindparam("new_state"), position=bindparam("place"))
)
_drop = update(turns).where(turns.c.id == bindparam("turn")).values(dropped_at=bindparam("now"))
# A new version answers what the old one answered, and the wish for a new version.
_inherit_answers = insert(answers).from_select(
    ["reply_id", "turn_id"],
    select(bindparam("reply", type_=answers.c.reply_id.type), answers.c.turn_id).where(
        answers.c.reply_id == bindparam("replaced")
    ),
)


_STATES = {Outcome.ANSWERED: TurnState.ANSWERED, Outcome.PUT_ASIDE: TurnState.PUT_ASIDE}


@dataclass(frozen=True, slots=True)
class _Case:
    """A reply, with what it meets in the log.

    Args:
        replaced: the turn of which it is a new version.
    """

    finished: Finished
    dialogue: Row[Any]
    messages: list[Row[Any]]
    is_stale: bool
    replaced: Row[Any] | None

    @property
    def place(self) -> int | None:
        """The place of the bot's turn in the transcript; none for a stale one."""
        if self.is_stale:
            return None
        if self.replaced is not None:
            return int(self.replaced.position)
        return int(self.dialogue.last_place) + 1 + len(self.said)

    @property
    def said(self) -> list[Row[Any]]:
        """The messages that have words, and so a place in the transcript."""
        return [message for message in self.messages if message.ask == Ask.SAY]

    @property
    def is_answered(self) -> bool:
        """True where the bot has a turn, kept or not."""
        return self.finished.reply.outcome is Outcome.ANSWERED


class Recording(Transaction):
    """Replies, from a worker's hands into the log."""

    async def record_reply(self, finished: Finished) -> Outgoing | None:
        """Record one reply; see `record_replies`."""
        return (await self.record_replies([finished]))[0]

    async def record_replies(self, finished: Sequence[Finished]) -> list[Outgoing | None]:
        """Record replies in the given order, with everything about them.

        A stale reply (its epoch or its dialogue is over, an operator has the dialogue, or its messages do not wait any
        more) is kept as a dropped turn. One that was recorded before changes nothing, and so does one to somebody who
        was forgotten.

        Returns:
            for each what is to be sent for it; None for one that is stale, was recorded before, or is for nobody.
        """
        recorded: list[Outgoing | None] = [None] * len(finished)
        for indices in _rounds(finished):
            outgoing = await self._record([finished[index] for index in indices])
            for index in indices:
                recorded[index] = outgoing.get(finished[index].reply_id)
        return recorded

    async def _record(self, finished: list[Finished]) -> dict[str, Outgoing]:
        """Record replies of different dialogues; return by reply id what is to be sent."""
        cases = await self._cases(finished)
        if not cases:
            return {}
        now = self._clock()
        await self._run(_insert_replies, [_reply_row(case, now) for case in cases])
        turn_ids = await self._insert_turns(cases, now)
        await self._settle(cases)
        await self._link(cases)
        drawn = [row for case in cases for row in generation_rows(case.finished.reply, case.finished.reply_id)]
        if drawn:
            await self._run(insert_generations, drawn)
        for case in cases:
            self._note(case)
        return await self._put_out([case for case in cases if not case.is_stale], turn_ids, now)

    async def _cases(self, finished: list[Finished]) -> list[_Case]:
        ids = [each.dialogue_id for each in finished]
        await self._lock(ids)
        found = {row.id: row for row in await self._run(_read_dialogues, {"ids": ids})}
        known = set((await self._run(_read_known, {"ids": [each.reply_id for each in finished]})).scalars())
        message_ids = [int(message_id) for each in finished for message_id in each.message_ids]
        messages = {row.id: row for row in await self._run(_read_messages, {"ids": message_ids})}
        cases = []
        now = self._clock()
        for each in finished:
            dialogue = found.get(each.dialogue_id)
            if dialogue is None:
                continue
            answered = [
                row for id in each.message_ids if (row := messages.get(int(id))) and row.dialogue_id == dialogue.id
            ]
            # Whoever was forgotten stays forgotten: a reply to words that are gone leaves no trace either.
            if each.reply_id in known or len(answered) < len(each.message_ids):
                continue
            is_stale = (
                dialogue.closed_at is not None
                or (dialogue.claimed_until is not None and dialogue.claimed_until > now)
                or each.epoch < dialogue.epoch
                or any(row.state != TurnState.WAITING for row in answered)
            )
            replaced = None if is_stale else await self._replaced(each)
            cases.append(_Case(each, dialogue, answered, is_stale, replaced))
        return cases

    async def _replaced(self, finished: Finished) -> Row[Any] | None:
        if finished.reply.ask is Ask.SAY or finished.reply.outcome is not Outcome.ANSWERED:
            return None
        last = (await self._run(_read_last_turn, {"dialogue": finished.dialogue_id})).one_or_none()
        return last if last is not None and last.speaker == Speaker.BOT else None

    async def _insert_turns(self, cases: list[_Case], now: float) -> dict[str, int]:
        """Insert the bot's turns; return their ids by reply id."""
        dropped = [{"turn": case.replaced.id, "now": now} for case in cases if case.replaced is not None]
        if dropped:
            await self._run(_drop, dropped)
        rows = [
            reply_row(
                case.finished.dialogue_id,
                Author.MODEL,
                case.finished.reply.turn_text,
                case.finished.reply_id,
                now,
                case.place,
                version=1 if case.replaced is None else case.replaced.version + 1,
                replaces=None if case.replaced is None else case.replaced.id,
            )
            for case in cases
            if case.is_answered
        ]
        if not rows:
            return {}
        ids = (await self._run(_insert_turns, rows)).scalars()
        return {row["reply_id"]: turn_id for row, turn_id in zip(rows, ids, strict=True)}

    async def _settle(self, cases: list[_Case]) -> None:
        rows = []
        for case in cases:
            if case.is_stale:
                continue
            state = _STATES.get(case.finished.reply.outcome, TurnState.FAILED)
            places = {row.id: place for place, row in enumerate(case.said, start=case.dialogue.last_place + 1)}
            rows += [{"turn": row.id, "new_state": state, "place": places.get(row.id)} for row in case.messages]
        if rows:
            await self._run(_settle_turn, rows)

    async def _link(self, cases: list[_Case]) -> None:
        rows = [{"reply_id": case.finished.reply_id, "turn_id": row.id} for case in cases for row in case.messages]
        if rows:
            await self._run(_insert_answers, rows)
        inherited = [
            {"reply": case.finished.reply_id, "replaced": case.replaced.reply_id}
            for case in cases
            if case.replaced is not None
        ]
        if inherited:
            await self._run(_inherit_answers, inherited)

    def _note(self, case: _Case) -> None:
        reply = case.finished.reply
        touched = self._touch(case.finished.dialogue_id)
        touched.failures += reply.outcome is not Outcome.ANSWERED and not case.is_stale
        touched.retries += reply.ask is Ask.RETRY and case.replaced is not None
        if reply.generations and not case.is_stale:
            touched.model = reply.generations[-1].model
            touched.promotion = reply.generations[-1].promotion
            touched.likelihood = _lowest(touched.likelihood, reply.generations[-1].completion.likelihood)

    async def _put_out(self, cases: list[_Case], turn_ids: dict[str, int], now: float) -> dict[str, Outgoing]:
        if not cases:
            return {}
        rows = [
            outgoing_row(
                case.finished.dialogue_id,
                turn_ids.get(case.finished.reply_id),
                case.finished.reply.text,
                case.messages[-1].external_id if case.messages else "",
                case.finished.reply.outcome,
                now,
            )
            for case in cases
        ]
        ids = (await self._run(insert_outgoing, rows)).scalars()
        return {
            case.finished.reply_id: _outgoing(case, row, id) for case, row, id in zip(cases, rows, ids, strict=True)
        }


def _rounds(finished: Sequence[Finished]) -> list[list[int]]:
    """Return the indices in rounds, each dialogue at most once in a round, its replies in order."""
    seen: Counter[str] = Counter()
    rounds: defaultdict[int, list[int]] = defaultdict(list)
    for index, each in enumerate(finished):
        rounds[seen[each.dialogue_id]].append(index)
        seen[each.dialogue_id] += 1
    return [rounds[number] for number in sorted(rounds)]


def _reply_row(case: _Case, now: float) -> dict[str, Any]:
    finished = case.finished
    return {
        "id": finished.reply_id,
        "dialogue_id": finished.dialogue_id,
        "ask": finished.reply.ask,
        "outcome": finished.reply.outcome,
        "is_stale": case.is_stale,
        "created_at": now,
    }


def generation_rows(reply: Reply, reply_id: str) -> list[dict[str, Any]]:
    """Return the rows of what the model drew for a reply."""
    return [
        {
            "reply_id": reply_id,
            "number": number,
            "seed": generation.seed,
            "seed_hash": generation.seed_hash,
            "prompt_hash": generation.prompt_hash,
            "model": generation.model,
            "revision": generation.revision,
            "sampling": asdict(generation.sampling),
            "draw": generation.draw,
            "queued_s": generation.queued_s,
            "adapter": generation.adapter,
            "promotion": generation.promotion,
            **asdict(generation.completion),
        }
        for number, generation in enumerate(reply.generations, start=1)
    ]


def _lowest(one: float | None, other: float | None) -> float | None:
    return min((each for each in (one, other) if each is not None), default=None)


def _outgoing(case: _Case, row: dict[str, Any], id: int) -> Outgoing:
    return Outgoing(
        id=id,
        channel=case.dialogue.channel,
        chat_id=case.dialogue.chat_id,
        chat_external_id=case.dialogue.external_id,
        chat_kind=ChatKind(case.dialogue.kind),
        language=spoken_language(case.dialogue.language, case.dialogue.settings),
        dialogue_id=case.dialogue.id,
        turn_id="" if row["turn_id"] is None else str(row["turn_id"]),
        text=row["text"],
        reply_to=row["reply_to"],
        outcome=row["outcome"],
        author=Author.MODEL if case.is_answered else None,
    )
