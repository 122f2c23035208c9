"""One bot's life: introduces itself, and while it has the lease, receives, handles and sends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from telegram import BotCommand
from telegram.error import EndPointNotFound, InvalidToken, TelegramError

from bot.conversation import Conversation
from bot.telegram.arrival import FIRST_PAUSE_S, LONGEST_PAUSE_S, POLL_S, Arrival, Keep
from bot.telegram.client import BotClient
from bot.telegram.delivery import Delivery
from bot.telegram.drafts import Drafts
from bot.telegram.handling import LOOK_OFTEN_S, LOOK_SELDOM_S, Handling
from bot.telegram.inline import Inline
from bot.telegram.marking import Marking
from bot.telegram.pacing import Limits, Pacing
from bot.telegram.updates import ALLOWED, WEBHOOK_PATH
from bot.telegram.wishes import CHANNEL, Wishes
from bot.texts import COMMANDS, LANGUAGES, text
from dialogue.errors import SettingsError, StorageUnavailable
from storage.live.drafts import Draft
from storage.log.sql_log import SqlLog

logger = logging.getLogger(__name__)

# Other processes put messages into the outbox too; so long they wait there if word of them is lost.
SWEEP_EVERY_S = 2.0
# Telegram repeats an update for a day at most; twice that leaves room for a clock that is wrong.
KEEP_UPDATES_S = 48 * 3600.0
_TIDY_EVERY_S = 3600.0
_EVERYTHING = 1_000_000

Job = Callable[[], Coroutine[Any, Any, None]]
"""Runs until it is cancelled."""


class Lease(Protocol):
    """Which process may work."""

    def held(self) -> AbstractAsyncContextManager[asyncio.Event]:
        """Wait until this process may; yields an event that is set when it may no longer."""


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """Where Telegram is to push updates to, and what it shows there to be let in."""

    url: str
    secret: str


class TelegramBot:
    """The Telegram side of the conversation.

    Args:
        listen: yields what is being written, for ever, and word of dialogues that another process has changed.
        inline: answers inline queries.
        webhook: None to fetch updates by polling.
        alongside: what else only the process with the lease may do, such as recording replies; each is given what
            takes recorded messages for sending.
    """

    def __init__(
        self,
        bot: BotClient,
        conversation: Conversation,
        log: SqlLog,
        lease: Lease,
        listen: Callable[[], AsyncIterator[Draft]],
        inline: Inline,
        webhook: WebhookTarget | None = None,
        limits: Limits | None = None,
        poll_s: float = POLL_S,
        alongside: Sequence[Callable[[Delivery], Job]] = (),
        sweep_every_s: float = SWEEP_EVERY_S,
    ) -> None:
        self._bot, self._conversation, self._log, self._lease = bot, conversation, log, lease
        self._listen, self._webhook, self._limits, self._poll_s = listen, webhook, limits, poll_s
        self._inline = inline
        self._alongside, self._sweep_every_s = alongside, sweep_every_s
        self._wishes = Wishes(log)
        self._handling: Handling | None = None

    def wake(self) -> None:
        """Say that updates were stored by somebody else: the webhook."""
        if self._handling is not None:
            self._handling.wake()

    async def run(self) -> None:
        """Work until cancelled, whenever this process has the lease.

        Raises:
            SettingsError: Telegram does not know the token.
        """
        try:
            await self._introduce()
            while True:
                async with self._lease.held() as lost:
                    logger.info("receiving, handling and sending for the bot @%s", self._bot.username)
                    await _run_until(lost, await self._jobs())
        finally:
            await self._bot.shutdown()

    async def _introduce(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                await self._bot.initialize()
                return
            except (InvalidToken, EndPointNotFound):
                # The library's own error shows the token.
                raise SettingsError("Telegram does not know the token in GOVORUN_TELEGRAM_TOKEN") from None
            except TelegramError as error:
                logger.warning("Telegram is out of reach, again in %.1f s: %s", pause_s, error)
                await asyncio.sleep(pause_s)
                pause_s = min(LONGEST_PAUSE_S, pause_s * 2)

    async def _jobs(self) -> list[Job]:
        """Return what is to be done while this process has the lease, with nothing left over from an earlier time."""
        is_changed = asyncio.Event()
        drafts = Drafts(self._bot, self._listen, changed=is_changed.set)
        delivery = Delivery(
            self._bot,
            Marking(self._log, CHANNEL),
            Pacing(self._limits),
            delivered=lambda outgoing: drafts.answered(outgoing.dialogue_id, outgoing.reply_to),
        )
        look_every_s = LOOK_OFTEN_S if self._webhook is not None else LOOK_SELDOM_S
        self._handling = Handling(
            self._bot, self._conversation, self._wishes, drafts, delivery, look_every_s, self._inline.take
        )
        # Before anything new comes in: what is left in the outbox goes out first.
        await self._sweep(delivery, _EVERYTHING)
        return [
            self._inline.run,
            self._show_commands,
            partial(self._receive, self._handling.keep),
            self._handling.run,
            delivery.run,
            drafts.run,
            partial(self._keep_sweeping, delivery, is_changed),
            self._keep_tidy,
            *(make(delivery) for make in self._alongside),
        ]

    async def _receive(self, keep: Keep) -> None:
        if self._webhook is not None and await self._set_webhook(self._webhook):
            return
        await Arrival(self._bot, keep, self._poll_s).run()

    async def _set_webhook(self, webhook: WebhookTarget) -> bool:
        """Ask Telegram to push; say whether it will."""
        pause_s = FIRST_PAUSE_S
        url = webhook.url.rstrip("/") + WEBHOOK_PATH
        while True:
            try:
                await self._bot.set_webhook(url, secret_token=webhook.secret, allowed_updates=ALLOWED)
                return True
            except EndPointNotFound:
                logger.warning("this Bot API server knows no webhooks, so updates are fetched")
                return False
            except TelegramError as error:
                logger.warning("the webhook is not set, again in %.1f s: %s", pause_s, error)
                await asyncio.sleep(pause_s)
                pause_s = min(LONGEST_PAUSE_S, pause_s * 2)

    async def _show_commands(self) -> None:
        """Put the commands into people's menus: in Russian for Russian Telegrams, in English for all others."""
        try:
            for language in LANGUAGES:
                commands = [BotCommand(name, text(f"command_{name}", language)) for name in COMMANDS]
                await self._bot.set_my_commands(commands, language_code="ru" if language == "ru" else None)
        except TelegramError as error:
            logger.info("the menu of commands stays as it was: %s", error)

    async def _keep_sweeping(self, delivery: Delivery, is_changed: asyncio.Event) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._sweep_every_s):
                    await is_changed.wait()
            is_changed.clear()
            await self._sweep(delivery)

    async def _sweep(self, delivery: Delivery, limit: int = 1000) -> None:
        try:
            await delivery.sweep(partial(self._log.unsent, CHANNEL, limit))
        except StorageUnavailable as error:
            logger.warning("the outbox is out of reach: %s", error)

    async def _keep_tidy(self) -> None:
        while True:
            try:
                # In small transactions, between which others may write.
                while await self._drop_some_updates():
                    pass
            except StorageUnavailable as error:
                logger.warning("old updates stay in the log: %s", error)
            await asyncio.sleep(_TIDY_EVERY_S)

    async def _drop_some_updates(self) -> int:
        async with self._log.writing() as writing:
            return await writing.drop_old_updates(KEEP_UPDATES_S)


async def _run_until(end: asyncio.Event, jobs: Sequence[Job]) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(job()) for job in jobs]
        await end.wait()
        for task in tasks:
            task.cancel()
