"""Tells open pages of the review what changes: which dialogues, and what the model proposes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from bot.web.exchange import event
from bot.web.refusals import Refusal
from dialogue.errors import StorageUnavailable
from dialogue.ports import Interruption
from storage.live.drafts import Draft
from storage.live.rehearsal import CHANNEL, rehearsed
from storage.log.sql_log import SqlLog

logger = logging.getLogger(__name__)

# One reading of the log for all pages of this process; nobody notices half a second.
LOOK_EVERY_S = 0.5
BEAT_S = 15.0
MOST_LISTENERS = 200
_RECONNECT_MS = 1500

# Transactions are committed in another order than their times say; so much is read again each time.
_OVERLAP_S = 2.0


class Drafts(Protocol):
    """What is being written (`storage.live.drafts.RedisDrafts`)."""

    def listen(self, channel: str) -> AsyncIterator[Draft]:
        """Yield drafts, for ever."""

    def interruptions(self) -> AsyncIterator[Interruption]:
        """Yield the interruptions of dialogues, for ever."""


@dataclass(eq=False, slots=True)
class Listener:
    """An open page.

    Args:
        dialogue_id: the dialogue that it shows; empty for a list.
    """

    dialogue_id: str
    changed: set[str] = field(default_factory=set)
    proposal: dict[str, Any] | None = None
    is_closed: bool = False
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class Watch:
    """All pages of the review that this process serves."""

    def __init__(self, log: SqlLog, clock: Callable[[], float] = time.time) -> None:
        self._log, self._clock = log, clock
        self._listeners: set[Listener] = set()
        self._is_closed = False
        self._looked_at: float | None = None
        self._seen: dict[str, float] = {}
        self._somebody_listens = asyncio.Event()

    @contextmanager
    def listening(self, dialogue_id: str) -> Iterator[Listener]:
        """Keep a page for as long as its connection lasts.

        Raises:
            Refusal: there are too many, or the server goes down.
        """
        if self._is_closed:
            raise Refusal(503, "going_down")
        if len(self._listeners) >= MOST_LISTENERS:
            raise Refusal(429, "too_many_pages", limit=MOST_LISTENERS)
        listener = Listener(dialogue_id)
        self._listeners.add(listener)
        self._somebody_listens.set()
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            if not self._listeners:
                self._somebody_listens.clear()

    async def run(self) -> None:
        """Look for changes until cancelled, while anybody listens."""
        while True:
            if not self._listeners:
                self._looked_at, self._seen = None, {}
                await self._somebody_listens.wait()
            try:
                await self.look()
            except StorageUnavailable as error:
                logger.warning("pages of the review wait for the log: %s", error)
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Tell open pages what has changed since the last look, however long ago that was.

        Raises:
            StorageUnavailable: the log is out of reach.
        """
        now = self._clock()
        async with self._log.reviewing() as reading:
            touched = await reading.touched_since((self._looked_at or now) - _OVERLAP_S)
        news = {id for id, at in touched.items() if self._seen.get(id) != at}
        self._looked_at, self._seen = now, touched
        self._note(news)

    async def follow(self, drafts: Drafts) -> None:
        """Pass on what the model proposes while it writes, for ever."""
        async for draft in drafts.listen(CHANNEL):
            self.show(draft)

    async def heed(self, drafts: Drafts) -> None:
        """Tell pages what was interrupted, for ever: of a dialogue that was erased, the log says nothing any more."""
        async for interruption in drafts.interruptions():
            self._note({rehearsed(interruption.dialogue_id)})

    def show(self, draft: Draft) -> None:
        """Tell the pages of a dialogue how far the proposal is; at its end, which turn it is (None for none)."""
        turn_id = int(draft.text) if draft.is_final and draft.text else None
        text = "" if draft.is_final else draft.text
        self._tell(rehearsed(draft.dialogue_id), {"turn": turn_id, "is_final": draft.is_final, "text": text})

    def close(self) -> None:
        """End every page's stream and take no more."""
        self._is_closed = True
        for listener in self._listeners:
            listener.is_closed = True
            listener.wake.set()

    def _note(self, news: set[str]) -> None:
        """Tell pages which dialogues have changed."""
        for listener in self._listeners:
            mine = news & {listener.dialogue_id} if listener.dialogue_id else news
            if mine:
                listener.changed |= mine
                listener.wake.set()

    def _tell(self, dialogue_id: str, proposal: dict[str, Any]) -> None:
        for listener in self._listeners:
            if listener.dialogue_id == dialogue_id:
                listener.proposal = proposal
                listener.wake.set()


async def told(
    listener: Listener,
    is_welcome: Callable[[], Awaitable[bool]],
    hide: Callable[[str], str],
    beat_s: float,
) -> AsyncIterator[str]:
    """Yield the events of a page: `changed` with ids of dialogues, `proposal`, `beat`.

    Args:
        is_welcome: asked at each beat; the stream ends with the session in which it was begun.
        hide: makes of a text what operators may see.
    """
    yield f"retry: {_RECONNECT_MS}\n\n"
    next_beat = time.monotonic() + beat_s
    while not listener.is_closed:
        try:
            async with asyncio.timeout(max(0.0, next_beat - time.monotonic())):
                await listener.wake.wait()
        except TimeoutError:
            try:
                if not await is_welcome():
                    return
            except StorageUnavailable:
                return  # The browser comes back by itself, and is asked who it is again.
            next_beat = time.monotonic() + beat_s
            yield event("beat", None)
            continue
        listener.wake.clear()
        changed, listener.changed = listener.changed, set()
        proposal, listener.proposal = listener.proposal, None
        if changed:
            yield event("changed", sorted(changed))
        if proposal is not None:
            yield event("proposal", {**proposal, "text": hide(proposal["text"])})
