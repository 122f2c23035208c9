"""The chat pages that are open now, and what each of them has not been told yet."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bot.metrics import OPEN_PAGES
from bot.web.refusals import Refusal
from storage.live.drafts import Draft

# A browser opens six connections to one server at most (HTTP/1.1), and a visitor has a device or two.
MAX_PAGES_PER_VISITOR = 16

# A change is told twice, at once by this process and a moment later through Redis: one reading serves both.
_SETTLE_S = 0.02


@dataclass(frozen=True, slots=True)
class Changed:
    """The chat is to be read again.

    Args:
        failure: why the last request got no reply, the name of an `Outcome`; empty where it did.
    """

    failure: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """What the bot has written so far."""

    text: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The server goes down: nothing follows."""


News = Changed | Written | Closed


class Page:
    """An open page. However slowly it listens, at most one change and one draft are kept for it."""

    def __init__(self) -> None:
        self.dialogue_id = ""
        self._epoch = 0
        self._is_waiting = False
        self._is_closed = False
        # A page that was just opened is told everything first.
        self._change: Changed | None = Changed()
        self._draft: str | None = None
        self._wake = asyncio.Event()
        self._wake.set()

    async def news(self, patience_s: float) -> News | None:
        """Return the weightiest news: the end, a change, the newest draft; None if there was none for so long."""
        try:
            async with asyncio.timeout(patience_s):
                await self._wake.wait()
        except TimeoutError:
            # Word of a change is lost while Redis is restarted: a page that waits for a reply looks for itself.
            return Changed() if self._is_waiting else None
        if self._change is not None:
            await asyncio.sleep(_SETTLE_S)
        if self._is_closed:
            return Closed()
        if self._change is not None:
            change, self._change = self._change, None
            self._wake_if_needed()
            return change
        draft, self._draft = self._draft, None
        self._wake_if_needed()
        return None if draft is None else Written(draft)

    def has_read(self, epoch: int, is_waiting: bool) -> None:
        """Note what the page shows: drafts older than that are not for it."""
        self._epoch = epoch
        self._is_waiting = is_waiting
        if not is_waiting:
            self._draft = None
            self._wake_if_needed()

    def change(self, failure: str = "") -> None:
        """Have the page read again; the draft that it may have missed is part of what it reads."""
        # A second word of the same change does not take back why there is no reply.
        self._change = Changed(failure or (self._change.failure if self._change else ""))
        self._draft = None
        self._wake_if_needed()

    def show(self, draft: Draft) -> None:
        """Have the page show a draft, unless it belongs to a reply that was called off or has arrived."""
        if self._is_waiting and draft.epoch >= self._epoch:
            self._draft = draft.text
            self._wake_if_needed()

    def close(self) -> None:
        """Tell the page that nothing follows."""
        self._is_closed = True
        self._wake_if_needed()

    def _wake_if_needed(self) -> None:
        if self._is_closed or self._change is not None or self._draft is not None:
            self._wake.set()
        else:
            self._wake.clear()


class Pages:
    """All pages that this process serves."""

    def __init__(self) -> None:
        self._of_visitor: defaultdict[str, set[Page]] = defaultdict(set)
        self._of_dialogue: defaultdict[str, set[Page]] = defaultdict(set)
        self._is_closed = False

    @contextmanager
    def open(self, visitor: str) -> Iterator[Page]:
        """Keep a page for as long as its connection lasts.

        Raises:
            Refusal: the visitor has too many, or the server goes down.
        """
        if self._is_closed:
            raise Refusal(503, "going_down")
        if len(self._of_visitor[visitor]) >= MAX_PAGES_PER_VISITOR:
            raise Refusal(429, "too_many_pages", limit=MAX_PAGES_PER_VISITOR)
        page = Page()
        self._of_visitor[visitor].add(page)
        try:
            with OPEN_PAGES.track_inprogress():
                yield page
        finally:
            _take_out(self._of_visitor, visitor, page)
            _take_out(self._of_dialogue, page.dialogue_id, page)

    def follow(self, page: Page, dialogue_id: str) -> bool:
        """Send the page what happens in the dialogue, and only there; say whether it was another one before."""
        if page.dialogue_id == dialogue_id:
            return False
        _take_out(self._of_dialogue, page.dialogue_id, page)
        page.dialogue_id = dialogue_id
        self._of_dialogue[dialogue_id].add(page)
        return True

    def change(self, dialogue_id: str, failure: str = "") -> None:
        """Have the pages that show the dialogue read it again."""
        for page in self._of_dialogue.get(dialogue_id, ()):
            page.change(failure)

    def show(self, draft: Draft) -> None:
        """Show a draft on the pages that show its dialogue."""
        for page in self._of_dialogue.get(draft.dialogue_id, ()):
            page.show(draft)

    def close(self) -> None:
        """End every page's stream and take no more: the server waits for open connections before it stops."""
        self._is_closed = True
        for pages in self._of_visitor.values():
            for page in pages:
                page.close()


def _take_out(index: defaultdict[str, set[Page]], name: str, page: Page) -> None:
    pages = index.get(name, set())
    pages.discard(page)
    if not pages:
        index.pop(name, None)
