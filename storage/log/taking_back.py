"""Second thoughts: the last exchange undone, or asked anew with another wording."""

from __future__ import annotations

from itertools import takewhile
from typing import Any

from sqlalchemy import Row, bindparam, insert, null, select, update

from dialogue.turns import Ask, Speaker
from storage.log.tables import answers, is_kept, turns
from storage.log.talking import Talking, asked, current
from storage.records import Asked, Author, Chat, Person, TurnState

# More than ever wait together: where more were called off without an answer, they are undone in several steps.
_LAST_TURNS = 100

_read_last = (
    select(turns.c.id, turns.c.speaker, turns.c.author, turns.c.reply_id)
    .where(turns.c.dialogue_id == bindparam("dialogue"), is_kept, turns.c.position.is_not(None))
    .order_by(turns.c.position.desc())
    .limit(_LAST_TURNS)
)
_read_answered = select(answers.c.turn_id).where(answers.c.reply_id == bindparam("reply"))
_drop = update(turns).where(turns.c.id == bindparam("turn"), is_kept).values(dropped_at=bindparam("now"))

_find_message = (
    select(turns.c.id, turns.c.text, turns.c.state)
    .where(
        turns.c.dialogue_id == bindparam("dialogue"),
        turns.c.external_id == bindparam("external"),
        turns.c.person_id == bindparam("person"),
        turns.c.ask == Ask.SAY,
        is_kept,
    )
    .order_by(turns.c.id.desc())
    .limit(1)
)
_copied = [column for column in turns.c if column.name not in ("id", "dropped_at")]
_copy_dropped = (
    insert(turns)
    .from_select(
        [*(column.name for column in _copied), "dropped_at"],
        select(*_copied, bindparam("now", type_=turns.c.dropped_at.type)).where(turns.c.id == bindparam("turn")),
    )
    .returning(turns.c.id)
)
_hand_answers_on = update(answers).where(answers.c.turn_id == bindparam("turn")).values(turn_id=bindparam("copy"))
_reword = (
    update(turns)
    .where(turns.c.id == bindparam("turn"))
    .values(text=bindparam("new_text"), version=turns.c.version + 1, replaces=bindparam("copy"))
)
_ask_again = (
    update(turns)
    .where(turns.c.id.in_(bindparam("turns", expanding=True)), turns.c.ask == Ask.SAY, is_kept)
    .values(state=TurnState.WAITING, position=null())
    .returning(turns.c.id, turns.c.text)
)


class TakingBack(Talking):
    """What people do to the last exchange: its messages and, where there is one, the reply to them."""

    async def undo(self, chat: Chat) -> tuple[Chat, bool]:
        """Interrupt, and drop the last exchange: messages without an answer, else the last reply and what it answers.

        Returns:
            the chat in its new epoch, and False where there was nothing to drop.
        """
        dialogue, _ = await self._interrupt(chat.id)
        unanswered, reply = await self._last_exchange(dialogue.id)
        dropped = unanswered
        if not dropped and reply is not None:
            dropped = [reply.id, *await self._answered_by(reply)]
        await self._drop(dropped)
        return current(chat, await self._open_dialogue(chat.id)), bool(dropped)

    async def reword(self, chat: Chat, person: Person, external_id: str, text: str) -> tuple[Chat, list[Asked]] | None:
        """Interrupt, and ask the last exchange anew with another wording of one of its messages.

        The reply is dropped; the old wording stays as a dropped turn that the new one replaces.

        Returns:
            the chat in its new epoch and the messages that wait again, oldest first; None where the message is neither
            waiting nor part of the last exchange.
        """
        dialogue = await self._locked_dialogue(chat.id)
        key = {"dialogue": dialogue.id, "external": external_id, "person": person.id}
        message = (await self._run(_find_message, key)).one_or_none()
        if message is None or not external_id:
            return None
        if message.text == text:
            return chat, []  # Telegram also reports edits that change no word, such as a link's preview.
        unanswered, reply = await self._last_exchange(dialogue.id)
        again = {message.id}
        if message.state != TurnState.WAITING and message.id not in unanswered:
            again = set(await self._answered_by(reply)) if reply is not None else set()
            if reply is None or message.id not in again:
                return None
            await self._drop([reply.id])
        _, waiting = await self._interrupt(chat.id)
        await self._keep_old_wording(message.id, text)
        waits_again = await self._run(_ask_again, {"turns": sorted(again.union(waiting))})
        dialogue = await self._open_dialogue(chat.id)
        rows = sorted(waits_again, key=lambda row: row.id)
        now = self._clock()
        return current(chat, dialogue), [asked(chat, dialogue, row.id, Ask.SAY, row.text, now) for row in rows]

    async def _keep_old_wording(self, turn_id: int, text: str) -> None:
        # The copy is the old wording: the turn itself keeps its id, and with it its order among what waits.
        now = self._clock()
        copy = (await self._run(_copy_dropped, {"turn": turn_id, "now": now})).scalar_one()
        await self._run(_hand_answers_on, {"turn": turn_id, "copy": copy})
        await self._run(_reword, {"turn": turn_id, "copy": copy, "new_text": text})

    async def _last_exchange(self, dialogue_id: str) -> tuple[list[int], Row[Any] | None]:
        """Return the messages after the last reply, and that reply; none where the seed or an operator said it."""
        last = (await self._run(_read_last, {"dialogue": dialogue_id})).all()
        unanswered = [row.id for row in takewhile(lambda row: row.speaker == Speaker.PERSON, last)]
        reply = next(iter(last[len(unanswered) :]), None)
        return unanswered, None if reply is None or reply.author != Author.MODEL else reply

    async def _answered_by(self, reply: Row[Any]) -> list[int]:
        return list((await self._run(_read_answered, {"reply": reply.reply_id})).scalars())

    async def _drop(self, turn_ids: list[int]) -> None:
        if turn_ids:
            now = self._clock()
            await self._run(_drop, [{"turn": turn_id, "now": now} for turn_id in turn_ids])
