"""What operators say in the bot's place, and what the model proposes to them."""

from __future__ import annotations

import secrets

from sqlalchemy import bindparam, insert, select, update

from dialogue.turns import Ask, Outcome, Reply
from storage.log.places import Places
from storage.log.recording import generation_rows, insert_generations
from storage.log.tables import answers, is_waiting, replies, turns
from storage.log.taking_over import CLAIM_LASTS_S, TakingOver, extend, read_claim
from storage.log.turn_rows import reply_row
from storage.records import Author, Outgoing, TurnState

_read_waiting = (
    select(turns.c.id, turns.c.ask, turns.c.external_id, turns.c.created_at)
    .where(turns.c.dialogue_id == bindparam("dialogue"), is_waiting)
    .order_by(turns.c.id)
)
_answer = (
    update(turns).where(turns.c.id == bindparam("turn")).values(state=TurnState.ANSWERED, position=bindparam("place"))
)
_insert_turn = insert(turns).returning(turns.c.id)
_find_draft = (
    select(turns.c.id)
    .join(replies, replies.c.id == turns.c.reply_id)
    .where(turns.c.id == bindparam("draft"), turns.c.dialogue_id == bindparam("dialogue"), replies.c.is_stale)
)


class StandingIn(Places, TakingOver):
    """An operator's words."""

    async def operator_says(self, dialogue_id: str, operator_id: int, text: str, draft: int | None = None) -> Outgoing:
        """Make an operator's words the bot's next turn: they answer all that waits.

        Args:
            draft: the turn that the model proposed and the operator has made this out of; one of another dialogue, or
                one that is gone, is none.

        Raises:
            NotClaimed: the operator does not have the dialogue, or not any more.
        """
        row = await self._held(dialogue_id, operator_id)
        now = self._clock()
        await self._run(extend, {"dialogue": dialogue_id, "until": now + CLAIM_LASTS_S})
        waiting = (await self._run(_read_waiting, {"dialogue": dialogue_id})).all()
        place = await self._last_place(dialogue_id) + 1
        settled = []
        for message in waiting:
            settled.append({"turn": message.id, "place": place if message.ask == Ask.SAY else None})
            place += message.ask == Ask.SAY
        if settled:
            await self._run(_answer, settled)
        reply_id = await self._insert_reply(dialogue_id, is_stale=False, answered=[message.id for message in waiting])
        draft = await self._draft(dialogue_id, draft)
        turn = reply_row(dialogue_id, Author.OPERATOR, text, reply_id, now, place, replaces=draft)
        turn_id = str((await self._run(_insert_turn, turn)).scalar_one())
        self._touch(dialogue_id)
        chat = await self.chat_by_id(row.chat_id)
        reply_to = waiting[-1].external_id if waiting else ""
        return await self.post(chat, text, reply_to=reply_to, turn_id=turn_id, author=Author.OPERATOR)

    async def record_draft(self, dialogue_id: str, reply: Reply) -> int | None:
        """Keep what the model proposed to an operator, as a turn that was never said; None where there is nothing."""
        await self._lock([dialogue_id])
        found = (await self._run(read_claim, {"dialogue": dialogue_id})).one_or_none()
        if found is None or reply.outcome is not Outcome.ANSWERED:
            return None
        asked_at = self._clock() - sum((each.completion.duration_s for each in reply.generations), start=0.0)
        asked_at -= reply.generations[0].queued_s if reply.generations else 0.0
        waiting = (await self._run(_read_waiting, {"dialogue": dialogue_id})).all()
        known = [each.id for each in waiting if each.created_at <= asked_at]
        reply_id = await self._insert_reply(dialogue_id, is_stale=True, answered=known)
        drawn = generation_rows(reply, reply_id)
        if drawn:
            await self._run(insert_generations, drawn)
        row = reply_row(dialogue_id, Author.MODEL, reply.turn_text, reply_id, self._clock(), None)
        return int((await self._run(_insert_turn, row)).scalar_one())

    async def _draft(self, dialogue_id: str, draft: int | None) -> int | None:
        key = {"dialogue": dialogue_id, "draft": draft}
        return None if draft is None else (await self._run(_find_draft, key)).scalar_one_or_none()

    async def _insert_reply(self, dialogue_id: str, is_stale: bool, answered: list[int]) -> str:
        reply_id = secrets.token_hex(16)
        row = {"id": reply_id, "dialogue_id": dialogue_id, "ask": Ask.SAY, "outcome": Outcome.ANSWERED}
        await self._run(insert(replies), {**row, "is_stale": is_stale, "created_at": self._clock()})
        if answered:
            await self._run(insert(answers), [{"reply_id": reply_id, "turn_id": id} for id in answered])
        return reply_id
