"""What the bot has to send: written down before it is sent, so that a crash loses none of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam, case, exists, insert, select, update

from dialogue.turns import Outcome
from storage.log.tables import is_unsent, outbox, outbox_parts
from storage.log.transaction import Transaction
from storage.records import Author, Chat, ChatKind, Outgoing, SendState

Buttons = tuple[tuple[tuple[str, str], ...], ...]

insert_outgoing = insert(outbox).returning(outbox.c.id, sort_by_parameter_order=True)
"""Inserts rows made by `outgoing_row` and returns their ids in the same order."""

_this = outbox.c.id == bindparam("message")
_sending = (
    update(outbox)
    .where(outbox.c.id.in_(bindparam("messages", expanding=True)), is_unsent)
    .values(
        state=SendState.SENDING,
        # Only whoever died in between leaves a message in this state for somebody else to send.
        is_maybe_duplicate=case((outbox.c.state == SendState.SENDING, True), else_=outbox.c.is_maybe_duplicate),
    )
    .returning(outbox.c.id)
)
_sent = (
    update(outbox).where(_this).values(state=SendState.SENT, sent_parts=bindparam("parts"), sent_at=bindparam("now"))
)
_unsent = update(outbox).where(_this, outbox.c.state == SendState.SENDING).values(state=SendState.PENDING)
_part_sent = update(outbox).where(_this).values(sent_parts=bindparam("parts"))
_failed = update(outbox).where(_this).values(state=SendState.FAILED, failure=bindparam("reason"))

_number = bindparam("number", type_=outbox_parts.c.part.type)
_insert_part = insert(outbox_parts).from_select(
    ["outbox_id", "part", "external_id"],
    # Nothing is inserted for a message that was erased meanwhile, nor for a part that is noted already.
    select(outbox.c.id, _number, bindparam("external", type_=outbox_parts.c.external_id.type)).where(
        _this, ~exists().where(outbox_parts.c.outbox_id == outbox.c.id, outbox_parts.c.part == _number)
    ),
)


class Outbox(Transaction):
    """Messages on their way out."""

    async def post(
        self,
        chat: Chat,
        text: str,
        buttons: Buttons = (),
        reply_to: str = "",
        turn_id: str = "",
        author: Author | None = None,
    ) -> Outgoing:
        """Put a message into the outbox: a notice, or a turn of the bot that no worker wrote and `author` did."""
        now = self._clock()
        row = outgoing_row(chat.dialogue_id, int(turn_id) if turn_id else None, text, reply_to, Outcome.ANSWERED, now)
        message_id = (await self._run(insert_outgoing, row | {"buttons": buttons})).scalar_one()
        return Outgoing(
            id=message_id,
            channel=chat.channel,
            chat_id=chat.id,
            chat_external_id=chat.external_id,
            chat_kind=chat.kind,
            language=spoken_language(chat.language, chat.settings),
            dialogue_id=chat.dialogue_id,
            turn_id=turn_id,
            text=text,
            buttons=buttons,
            reply_to=reply_to,
            author=author,
        )

    async def mark_sending(self, ids: Sequence[int]) -> set[int]:
        """Note that messages are about to be sent: from here on a crash may have them sent twice.

        Returns:
            those that are still to be sent: not what another process has sent meanwhile, nor what was erased.
        """
        if not ids:
            return set()
        return set((await self._run(_sending, {"messages": list(ids)})).scalars())

    async def mark_unsent(self, id: int) -> None:
        """Note that a message is certainly not sent: the channel wants to be asked again later."""
        await self._run(_unsent, {"message": id})

    async def mark_sent(self, id: int, parts: int, external_ids: Sequence[str]) -> None:
        """Note that all of a message was sent.

        Args:
            parts: how many messages of the channel it became.
            external_ids: the channel's ids of the last of them, at least of those not noted by `mark_part`.
        """
        await self.mark_sent_many([(id, parts, external_ids)])

    async def mark_sent_many(self, rows: Sequence[tuple[int, int, Sequence[str]]]) -> None:
        """Note that all of several messages was sent: the arguments of `mark_sent` for each."""
        if not rows:
            return
        now = self._clock()
        await self._run(_sent, [{"message": id, "parts": parts, "now": now} for id, parts, _ in rows])
        noted = [
            {"message": id, "number": number, "external": external_id}
            for id, parts, external_ids in rows
            for number, external_id in enumerate(external_ids, start=parts - len(external_ids) + 1)
        ]
        if noted:
            await self._run(_insert_part, noted)

    async def mark_part(self, id: int, parts: int, external_id: str) -> None:
        """Note that one more part of a message was sent, the last of `parts` by now."""
        await self._run(_part_sent, {"message": id, "parts": parts})
        await self._run(_insert_part, {"message": id, "number": parts, "external": external_id})

    async def mark_failed(self, id: int, reason: str) -> None:
        """Note that a message cannot be sent, ever."""
        await self._run(_failed, {"message": id, "reason": reason})


def outgoing_row(
    dialogue_id: str, turn_id: int | None, text: str, reply_to: str, outcome: Outcome, now: float
) -> dict[str, Any]:
    """Return the row of a message that is to be sent, without buttons."""
    return {
        "dialogue_id": dialogue_id,
        "turn_id": turn_id,
        "text": text,
        "buttons": (),
        "reply_to": reply_to,
        "outcome": outcome,
        "state": SendState.PENDING,
        "sent_parts": 0,
        "is_maybe_duplicate": False,
        "failure": "",
        "created_at": now,
    }


def outgoing(row: Row[Any]) -> Outgoing:
    """Return the message of a row that names its chat too."""
    return Outgoing(
        id=row.id,
        channel=row.channel,
        chat_id=row.chat_id,
        chat_external_id=row.chat_external_id,
        chat_kind=ChatKind(row.chat_kind),
        language=spoken_language(row.language, row.settings),
        dialogue_id=row.dialogue_id,
        turn_id="" if row.turn_id is None else str(row.turn_id),
        text=row.text,
        buttons=tuple(tuple((label, data) for label, data in line) for line in row.buttons),
        reply_to=row.reply_to,
        outcome=Outcome(row.outcome),
        state=SendState(row.state),
        sent_parts=row.sent_parts,
        maybe_duplicate=row.is_maybe_duplicate or row.state == SendState.SENDING,
        author=row.author and Author(row.author),
    )


def spoken_language(language: str, settings: dict[str, str]) -> str:
    """Return the language that the bot speaks in a chat: the one that was chosen there, else the chat's own."""
    chosen = settings.get("language", "auto")
    return language if chosen == "auto" else chosen
