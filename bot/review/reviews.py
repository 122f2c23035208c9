"""The use cases of operators, whether they come from a page or from the API."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime

from bot.conversation import Conversation, Deliver, Session
from bot.review.masking import Masking, names_in
from bot.review.prompts import Explained, explained
from bot.review.proposals import Proposals
from bot.review.wishes import DialogueChange, InboxWish, dialogue_changes
from bot.web.refusals import Refusal
from dialogue.errors import NotClaimed, ReviewError
from dialogue.seeds import Seed
from storage.log.review.changes import Change
from storage.log.review.overview import Overview
from storage.operators import Operator
from storage.records import DialogueStatus
from storage.reviewed import Approval, Draw, Flag, InboxFilter, InboxPage, ReviewedDialogue
from storage.seed_versions import SeedVersions

# A message that is on the wire when a dialogue is taken over mostly arrives within a second. One that takes longer is
# not lost: it comes before whatever the operator writes, and stays said; if the channel refuses it, it is taken back.
_WIRE_S = 5.0
_LOOK_S = 0.05


class Reviews:
    """What operators do.

    Args:
        deliver: takes what people are to be sent.
    """

    def __init__(
        self,
        conversation: Conversation,
        deliver: Deliver,
        proposals: Proposals,
        masking: Masking,
        versions: SeedVersions,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._conversation, self._log, self._deliver = conversation, conversation.log, deliver
        self._proposals, self.masking, self._clock = proposals, masking, clock
        self._versions = versions

    async def inbox(self, wish: InboxWish, operator: Operator) -> InboxPage:
        """Return a page of the inbox."""
        wanted = InboxFilter(
            status=DialogueStatus(wish.status) if wish.status else None,
            approval=None if not wish.approval else Approval("" if wish.approval == "none" else wish.approval),
            seed=wish.seed,
            model=wish.model,
            assignee_id=await self._assignee(wish.assignee, operator),
            label=wish.label,
            flag=Flag(wish.flag) if wish.flag else None,
            words=wish.q,
            since=wish.since or None,
            until=wish.until or None,
            order=wish.order,
        )
        async with self._log.reviewing() as reading:
            page = await reading.inbox(wanted, wish.after)
        return InboxPage(tuple(self.masking.row(row) for row in page.rows), page.next)

    async def dialogue(self, dialogue_id: str) -> ReviewedDialogue:
        """Return a dialogue with everything about it.

        Raises:
            Refusal: it is gone.
        """
        async with self._log.reviewing() as reading:
            found = await reading.dialogue(dialogue_id)
        if found is None:
            raise Refusal(404, "dialogue_gone")
        return self.masking.dialogue(found)

    async def draws(self, dialogue_id: str, turn_id: int) -> list[Explained]:
        """Return how a turn of the model came about; the draw that it was made of last.

        Raises:
            Refusal: the dialogue is gone, or has no such turn of the model.
        """
        async with self._log.reviewing() as reading:
            found = await reading.dialogue(dialogue_id)
            said = await reading.said_before(turn_id)
            draws = await reading.draws(turn_id)
        if found is None or said is None or turn_id not in {turn.id for turn in found.turns}:
            raise Refusal(404, "dialogue_gone")
        given = [(draw, await self._seed_of(draw)) for draw in draws]
        # In a thread: of a long dialogue many prompts may have to be made before one is the right one.
        told = await asyncio.to_thread(lambda: [explained(draw, *said, seed) for draw, seed in given])
        return [self._masked(each, found) for each in told]

    async def next_to_review(self, how: str, besides: str) -> str | None:
        """Return a dialogue that nobody has decided on yet; None if there is none."""
        async with self._log.reviewing() as reading:
            return await reading.next_to_review(how, besides)

    async def change_dialogues(self, operator: Operator, dialogue_ids: Sequence[str], wish: DialogueChange) -> str:
        """Make the same change to dialogues; return what `undo` takes."""
        assignee_id = None
        if wish.assignee:
            assignee_id = await self._assignee(wish.assignee, operator) or None
        changes = [each for id in dict.fromkeys(dialogue_ids) for each in dialogue_changes(wish, id, assignee_id)]
        return await self.change(operator, changes)

    async def change(self, operator: Operator, changes: Sequence[Change]) -> str:
        """Make changes, all or none; return what `undo` takes.

        Raises:
            Refusal: a correction was made of a masked text, and it is not known what belongs in the masks' places.
        """
        unmasked = [await self._unmasked(each) for each in changes]
        async with self._log.writing() as writing:
            return await writing.change(operator, unmasked)

    async def add_note(self, operator: Operator, dialogue_id: str, text: str) -> str:
        """Leave a note; return what `undo` takes."""
        async with self._log.writing() as writing:
            return await writing.add_note(operator, dialogue_id, text)

    async def undo(self, operator: Operator, batch: str) -> None:
        """Take a change back."""
        async with self._log.writing() as writing:
            await writing.undo_change(operator, batch)

    async def claim(self, operator: Operator, dialogue_id: str) -> None:
        """Take a dialogue over: from then on no message of the model is begun to be sent there.

        One that is on the wire is waited for, for `_WIRE_S` at most.

        Raises:
            TakenAlready: another operator has it, or it is over.
        """
        async with self._session() as session:
            await session.take_over(dialogue_id, operator.id)
            await session.writing.note_action(operator, "claim", dialogue_id)
        for _ in range(int(_WIRE_S / _LOOK_S)):
            async with self._log.reviewing() as reading:
                if not await reading.is_reply_on_its_way(dialogue_id):
                    return
            await asyncio.sleep(_LOOK_S)

    async def release(self, operator: Operator, dialogue_id: str) -> None:
        """Give a dialogue back.

        Raises:
            NotClaimed: it is not the operator's.
        """
        async with self._session() as session:
            await session.hand_back(dialogue_id, operator.id)
            await session.writing.note_action(operator, "release", dialogue_id)

    async def say(self, operator: Operator, dialogue_id: str, text: str, draft: int | None) -> None:
        """Write in the bot's place.

        Raises:
            NotClaimed: the operator does not have the dialogue.
            MessageEmpty: nothing but white space.
        """
        async with self._session() as session:
            await session.speak_for_bot(dialogue_id, operator.id, text, draft)
            await session.writing.note_action(operator, "message", dialogue_id)

    async def propose(self, operator: Operator, dialogue_id: str) -> None:
        """Have the model propose an answer; the pages of the dialogue are told when it is there.

        Raises:
            NotClaimed: the operator does not have the dialogue.
            ReviewError: nobody waits for an answer there.
        """
        async with self._log.reviewing() as reading:
            found = await reading.dialogue_row(dialogue_id)
        if found is None or not found[1].holder or found[0].claimed_by != operator.id:
            raise NotClaimed("the dialogue is not in your hands; take it over to have an answer proposed")
        await self._proposals.ask(dialogue_id)

    async def hiding(self, dialogue_id: str) -> Callable[[str], str]:
        """Return what makes of the texts of a dialogue what operators may see."""
        names: list[str] = []
        if self.masking.is_on and dialogue_id:
            async with self._log.reviewing() as reading:
                found = await reading.dialogue(dialogue_id)
            names = names_in(found) if found is not None else []
        return lambda text: self.masking.text(text, names)

    async def overview(self, since: float | None, until: float | None) -> Overview:
        """Return the figures of a span of time, by default of today.

        Raises:
            Refusal: the span ends before it begins.
        """
        now = self._clock()
        today = datetime.fromtimestamp(now).astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        since = today.timestamp() if since is None else since
        until = since + 24 * 3600.0 if until is None else until
        if until <= since:
            raise Refusal(422, "not_understood")
        async with self._log.reviewing() as reading:
            return await reading.overview(since, until)

    async def _seed_of(self, draw: Draw) -> Seed | None:
        seeds = self._conversation.seeds
        known = await self._versions.get(draw.seed_hash)
        return known or (seeds.get(draw.seed) if draw.seed in seeds else None)

    def _session(self) -> AbstractAsyncContextManager[Session]:
        return self._conversation.session(self._deliver)

    async def _assignee(self, name: str, operator: Operator) -> int | None:
        """Return the id of the operator of that name; 0 for nobody, None where no name is given."""
        if not name:
            return None
        if name in ("me", "nobody"):
            return operator.id if name == "me" else 0
        async with self._log.reviewing() as reading:
            found = next((each.id for each in await reading.operators() if each.name == name), None)
        if found is None:
            raise ReviewError(f"there is no operator {name!r}")
        return found

    async def _unmasked(self, change: Change) -> Change:
        """Put into a correction what was hidden from whoever wrote it: a model must not learn dots."""
        if not self.masking.is_on or change.field != "correction" or not change.value:
            return change
        async with self._log.reviewing() as reading:
            found = await reading.dialogue(change.dialogue_id)
        turn = next((each for each in found.turns if each.id == change.turn_id), None) if found is not None else None
        if found is None or turn is None:
            raise Refusal(404, "dialogue_gone")
        value = self.masking.unmasked(change.value, (turn.text, turn.verdict.correction), names_in(found))
        if value is None:
            raise Refusal(422, "masks_changed")
        return replace(change, value=value)

    def _masked(self, draw: Explained, dialogue: ReviewedDialogue) -> Explained:
        names = names_in(dialogue)

        def hide(text: str) -> str:
            return self.masking.text(text, names)

        raw = replace(draw.draw, text=hide(draw.draw.text))
        return Explained(raw, hide(draw.prompt), draw.why_not, hide(draw.kept), hide(draw.cut))
