"""Shows people that a reply is being written: a draft of it in private chats, "typing" elsewhere."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from telegram.constants import ChatAction
from telegram.error import EndPointNotFound, RetryAfter, TelegramError

from bot.telegram.aftermath import Expected
from bot.telegram.client import BotClient, seconds_to_wait
from bot.telegram.splitting import split, well_formed
from bot.telegram.updates import chat_and_topic
from storage.live.drafts import Draft
from storage.records import ChatKind

logger = logging.getLogger(__name__)

# A reply that is there sooner needs no announcement, and costs no call.
PATIENCE_S = 0.7
# "Typing" goes out after about five seconds. Source: https://core.telegram.org/bots/api#sendchataction
TYPING_EVERY_S = 4.5
DRAFT_EVERY_S = 1.0
# A draft that does not change is shown for 30 seconds. Source: https://core.telegram.org/bots/api#sendmessagedraft
DRAFT_LASTS_S = 25.0
# Nobody is told for longer than that that a reply is coming.
GIVE_UP_S = 600.0
_TICK_S = 0.25


@dataclass(slots=True)
class Wait:
    """Somebody waits for a reply.

    Args:
        last_message: the id of the newest message that is to be answered.
        draft_id: what the drafts of one reply have in common, so that Telegram shows one grow out of the other.
        due: when something may be shown next, by the clock.
        draft: what the model has written so far; `shown` is as much of it as the person sees.
    """

    place: str
    is_private: bool
    last_message: int
    draft_id: int
    began: float
    due: float
    draft: str = ""
    shown: str = ""
    shown_at: float = 0.0
    is_busy: bool = False


class Drafts:
    """Keeps people informed while they wait; whatever fails here costs nothing but that.

    Args:
        listen: yields what is being written, for ever, and word of dialogues that have changed.
        changed: called when another process has changed a dialogue.
    """

    def __init__(
        self,
        bot: BotClient,
        listen: Callable[[], AsyncIterator[Draft]],
        clock: Callable[[], float] = time.monotonic,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._bot, self._listen, self._clock, self._changed = bot, listen, clock, changed
        self._waits: dict[str, Wait] = {}
        self._somebody_waits = asyncio.Event()
        self._draft_ids = itertools.count(1)
        self._has_drafts = True
        self._has_typing = True

    def expect(self, expected: Expected) -> None:
        """Note that a reply is being waited for in the dialogue."""
        wait = self._waits.get(expected.dialogue_id)
        if wait is not None:
            wait.last_message = int(expected.message_id)
            return
        now = self._clock()
        self._waits[expected.dialogue_id] = Wait(
            place=expected.sender.place,
            is_private=expected.sender.kind is ChatKind.PRIVATE,
            last_message=int(expected.message_id),
            draft_id=next(self._draft_ids),
            began=now,
            due=now + PATIENCE_S,
        )
        self._somebody_waits.set()

    def call_off(self, dialogue_id: str) -> None:
        """Note that no reply is coming in the dialogue."""
        self._waits.pop(dialogue_id, None)

    def answered(self, dialogue_id: str, message_id: str) -> None:
        """Note that a message was answered; somebody who wrote again since goes on waiting."""
        wait = self._waits.get(dialogue_id)
        if wait is None:
            return
        if message_id.isdigit() and int(message_id) < wait.last_message:
            wait.draft_id, wait.draft, wait.shown = next(self._draft_ids), "", ""
            wait.due = self._clock() + PATIENCE_S
        else:
            del self._waits[dialogue_id]

    async def run(self) -> None:
        """Show until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            while True:
                await self._somebody_waits.wait()
                self.show_due(tasks)
                await asyncio.sleep(_TICK_S)

    def show_due(self, tasks: asyncio.TaskGroup) -> None:
        """Show everybody who waits what there is to show now."""
        now = self._clock()
        self._waits = {key: wait for key, wait in self._waits.items() if now - wait.began < GIVE_UP_S}
        if not self._waits:
            self._somebody_waits.clear()
        for dialogue_id, wait in self._waits.items():
            if wait.due <= now and not wait.is_busy:
                wait.is_busy = True
                tasks.create_task(self._show(dialogue_id, wait))

    def write(self, draft: Draft) -> None:
        """Note how far the reply of a dialogue is."""
        wait = self._waits.get(draft.dialogue_id)
        if wait is None or not draft.text.strip():
            return
        wait.draft = draft.text
        if wait.is_private and self._has_drafts and wait.began + PATIENCE_S <= self._clock():
            wait.due = min(wait.due, wait.shown_at + DRAFT_EVERY_S)

    async def _follow(self) -> None:
        async for draft in self._listen():
            if draft.is_final:
                self._changed()
            else:
                self.write(draft)

    async def _show(self, dialogue_id: str, wait: Wait) -> None:
        try:
            if wait.is_private and wait.draft and self._has_drafts:
                await self._show_draft(wait)
            else:
                await self._show_typing(wait)
        except RetryAfter as error:
            wait.due = self._clock() + seconds_to_wait(error)
        except TelegramError as error:
            logger.debug("dialogue %s: nothing shown: %s", dialogue_id, error)
            wait.due = self._clock() + TYPING_EVERY_S
        finally:
            wait.is_busy = False

    async def _show_draft(self, wait: Wait) -> None:
        chat_id, topic = chat_and_topic(wait.place)
        draft = split(well_formed(wait.draft))[0]
        wait.shown, wait.shown_at = wait.draft, self._clock()
        wait.due = wait.shown_at + DRAFT_LASTS_S
        try:
            await self._bot.send_message_draft(chat_id, wait.draft_id, draft, message_thread_id=topic)
        except EndPointNotFound:
            self._has_drafts = False
            wait.due = self._clock()
        if wait.draft != wait.shown:
            wait.due = min(wait.due, wait.shown_at + DRAFT_EVERY_S)

    async def _show_typing(self, wait: Wait) -> None:
        wait.due = self._clock() + TYPING_EVERY_S
        if not self._has_typing:
            return
        chat_id, topic = chat_and_topic(wait.place)
        try:
            await self._bot.send_chat_action(chat_id, ChatAction.TYPING, message_thread_id=topic)
        except EndPointNotFound:
            self._has_typing = False
        if wait.is_private and wait.draft and self._has_drafts:
            wait.due = self._clock()
