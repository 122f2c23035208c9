"""An operator in the bot's place: from the claim to the release nothing that the model wrote is sent.

While a dialogue is claimed its messages wait for the operator; what still waits at the end is for the bot again. Claims
and what is sent exclude each other through the outbox: each message is noted as about to be sent before it is sent. A
claim takes back what is not noted yet, and after it no message of the model is noted any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, case, exists, func, null, select, update

from dialogue.errors import NotClaimed, TakenAlready
from storage.log.tables import chats, dialogues, operators
from storage.log.withdrawing import Withdrawing
from storage.records import DialogueStatus

# An operator who has not written for so long has left; the person must not wait for ever.
CLAIM_LASTS_S = 15 * 60.0

# A terminal shows the answers of its own bot only.
_UNREACHABLE = "terminal"

_this = dialogues.c.id == bindparam("dialogue")
read_claim = (
    select(
        dialogues.c.id,
        dialogues.c.chat_id,
        chats.c.channel,
        dialogues.c.closed_at,
        dialogues.c.epoch,
        dialogues.c.claimed_by,
        dialogues.c.claimed_until,
        operators.c.name.label("holder"),
    )
    .join_from(dialogues, chats)
    .outerjoin(operators, operators.c.id == dialogues.c.claimed_by)
    .where(_this)
)
_claim = (
    update(dialogues)
    .where(_this)
    .values(
        claimed_by=bindparam("operator"),
        claimed_until=bindparam("until"),
        human_wanted_at=null(),
        status=DialogueStatus.OPEN,
        assignee_id=func.coalesce(dialogues.c.assignee_id, bindparam("operator", type_=dialogues.c.assignee_id.type)),
        epoch=dialogues.c.epoch + 1,
    )
)
extend = update(dialogues).where(_this).values(claimed_until=bindparam("until"))
"""Has the claim of `dialogue` last until `until`."""

_release = (
    update(dialogues)
    .where(_this)
    .values(
        claimed_by=null(),
        claimed_until=null(),
        human_wanted_at=null(),
        # Whoever has closed the case or put it off meant it.
        status=case((dialogues.c.status == DialogueStatus.OPEN, DialogueStatus.PENDING), else_=dialogues.c.status),
    )
)
_want_human = update(dialogues).where(_this).values(human_wanted_at=bindparam("now"), status=DialogueStatus.OPEN)
_nobody_came = (
    update(dialogues)
    .where(_this, dialogues.c.human_wanted_at.is_not(None))
    .values(human_wanted_at=null())
    .returning(dialogues.c.chat_id)
)

_is_claimed = select(exists().where(_this, dialogues.c.claimed_until > bindparam("now")))


@dataclass(frozen=True, slots=True)
class Claim:
    """A dialogue in an operator's hands.

    Args:
        epoch: that of the dialogue from now on; what was begun in an older one is void.
        is_new: False where the operator had it already.
    """

    dialogue_id: str
    chat_id: int
    epoch: int
    is_new: bool


class TakingOver(Withdrawing):
    """Dialogues that operators lead."""

    async def claim(self, dialogue_id: str, operator_id: int) -> Claim:
        """Give a dialogue to an operator, and take back what the model wrote there and was not sent yet.

        Raises:
            TakenAlready: another operator has it, or it is over.
        """
        row = await self._claimable(dialogue_id)
        now = self._clock()
        is_held = row.claimed_until is not None and row.claimed_until > now
        if is_held and row.claimed_by != operator_id:
            raise TakenAlready(f"{row.holder} has this dialogue")
        if row.closed_at is not None:
            raise TakenAlready("this dialogue is over: the person has begun another one")
        if row.channel == _UNREACHABLE:
            raise TakenAlready("nobody can write into a terminal from here")
        key = {"dialogue": dialogue_id, "operator": operator_id, "until": now + CLAIM_LASTS_S}
        self._touch(dialogue_id)
        if is_held:
            await self._run(extend, key)
            return Claim(dialogue_id, row.chat_id, row.epoch, is_new=False)
        await self._run(_claim, key)
        await self._withdraw_pending(dialogue_id)
        return Claim(dialogue_id, row.chat_id, row.epoch + 1, is_new=True)

    async def is_claimed(self, dialogue_id: str) -> bool:
        """Say whether an operator has the dialogue."""
        return bool((await self._run(_is_claimed, {"dialogue": dialogue_id, "now": self._clock()})).scalar_one())

    async def release(self, dialogue_id: str, operator_id: int | None = None) -> int:
        """Give a dialogue back to the bot; return the id of its chat.

        Args:
            operator_id: who gives it back; None where the claim has run out.

        Raises:
            NotClaimed: it is not that operator's, or the claim has not run out after all.
        """
        row = await self._held(dialogue_id, operator_id)
        await self._run(_release, {"dialogue": dialogue_id})
        self._touch(dialogue_id)
        return int(row.chat_id)

    async def want_human(self, dialogue_id: str) -> None:
        """Note that the person asks for an operator."""
        await self._run(_want_human, {"dialogue": dialogue_id, "now": self._clock()})
        # Said to the operators: without it, somebody who has said nothing else would not be in their inbox.
        self._touch(dialogue_id).messages += 1

    async def nobody_came(self, dialogue_id: str) -> int | None:
        """Note that the person is told that no operator is free; return the id of the chat, None where one came."""
        chat_id: int | None = (await self._run(_nobody_came, {"dialogue": dialogue_id})).scalar_one_or_none()
        self._touch(dialogue_id)
        return chat_id

    async def _claimable(self, dialogue_id: str) -> Row[Any]:
        await self._lock([dialogue_id])
        row = (await self._run(read_claim, {"dialogue": dialogue_id})).one_or_none()
        if row is None:
            raise TakenAlready("there is no such dialogue: its person may have been forgotten")
        return row

    async def _held(self, dialogue_id: str, operator_id: int | None) -> Row[Any]:
        await self._lock([dialogue_id])
        row = (await self._run(read_claim, {"dialogue": dialogue_id})).one_or_none()
        now = self._clock()
        is_held = row is not None and row.claimed_until is not None and row.claimed_until > now
        is_due = row is not None and row.claimed_until is not None and row.claimed_until <= now
        if row is None or not (is_due if operator_id is None else is_held and row.claimed_by == operator_id):
            raise NotClaimed("the dialogue is not in your hands any more; take it over again to write")
        return row
