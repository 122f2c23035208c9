"""Chat in the terminal: the same commands and the same durable path as everywhere else."""

from __future__ import annotations

import asyncio
import json
import locale
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

from prompt_toolkit import PromptSession
from prompt_toolkit.patch_stdout import patch_stdout
from rich.console import Console
from rich.live import Live
from rich.text import Text

from bot.conversation import Conversation, Session, Visit, chosen_language, spoken_language
from bot.texts import help_text, refusal, text
from dialogue.choices import CHOICES, chosen
from dialogue.errors import MessageRefused, SeedError, SettingsError
from dialogue.forms import Group
from dialogue.turns import Outcome, Speaker
from storage.live.drafts import RedisDrafts
from storage.records import ChatKind, Outgoing

CHANNEL = "terminal"
_QUIT = ("/quit", "/exit")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a message."""

    text: str
    outcome: Outcome


class Terminal:
    """One person's chat.

    Args:
        user: the person's name, which is also the id of their chat.
    """

    def __init__(self, conversation: Conversation, drafts: RedisDrafts, console: Console, user: str) -> None:
        self._conversation = conversation
        self._drafts = drafts
        self._console = console
        self._user = user
        self._language = spoken_language((locale.getlocale()[0] or "en").replace("_", "-"))
        self._answers: asyncio.Queue[Answer] = asyncio.Queue()
        self._dialogue_id = ""
        self._chat_id = 0
        self._draft = ""

    async def talk(self, seed: str | None) -> None:
        """Chat until the person leaves (Ctrl-D or /quit)."""
        async with self._following():
            async with self._visit() as (session, visit):
                is_silent = not await self._conversation.log.transcript(visit.chat.id)
                if is_silent or (seed is not None and seed != visit.chat.seed):
                    visit = await session.start_anew(visit, seed)
            await self._open(visit, session.posted)
            async for line in self._lines():
                if line in _QUIT:
                    return
                await self._take(line)

    async def say_once(self, words: str, seed: str | None) -> bool:
        """Begin a dialogue, print the reply to one message; say whether there was one."""
        async with self._following():
            async with self._visit() as (session, visit):
                visit = await session.start_anew(visit, seed)
                await session.say(visit, words)
            self._enter(visit)
            answer = await self._answered()
        if answer.outcome is not Outcome.ANSWERED:
            # Not where the reply would be: whoever pipes it must not take an apology for one.
            sys.stderr.write(text(f"outcome_{answer.outcome.value}", session.language(visit)) + "\n")
            return False
        sys.stdout.write(answer.text + "\n")
        return True

    async def deliver(self, outgoing: Sequence[Outgoing]) -> None:
        """Show recorded replies, or tell the terminal that waits for them."""
        for message in outgoing:
            if message.dialogue_id == self._dialogue_id:
                self._answers.put_nowait(Answer(message.text, message.outcome))
            else:
                failure = "" if message.outcome is Outcome.ANSWERED else message.outcome.value
                await self._drafts.announce(CHANNEL, message.dialogue_id, failure)
        if outgoing:
            async with self._conversation.log.writing() as writing:
                await writing.mark_sent_many([(message.id, 1, ()) for message in outgoing])

    async def _take(self, line: str) -> None:
        """Do what one line asks for."""
        command, _, argument = line.partition(" ")
        try:
            if not command.startswith("/"):
                async with self._visit() as (session, visit):
                    await session.say(visit, line)
                await self._show_answer(visit)
            elif command in ("/retry", "/continue"):
                async with self._visit() as (session, visit):
                    await (session.retry(visit) if command == "/retry" else session.go_on(visit))
                await self._show_answer(visit)
            else:
                await self._command(command.removeprefix("/"), argument.strip())
        except MessageRefused as error:
            self._notice(refusal(error, self._language))
        except (SeedError, SettingsError) as error:
            self._notice(str(error))

    async def _command(self, command: str, argument: str) -> None:
        async with self._visit() as (session, visit):
            language = session.language(visit)
            if command in ("start", "new") or (command == "seed" and argument):
                visit = await session.start_anew(visit, argument or None)
            elif command == "undo":
                self._notice(text("undone" if await session.undo(visit) else "nothing_to_undo", language))
            elif command == "cancel":
                self._notice(text("cancelled" if await session.cancel(visit) else "nothing_to_cancel", language))
            elif command == "settings" and argument:
                name, _, value = argument.partition(" ")
                visit = await session.change_setting(visit, name, value.strip())
                self._show_settings(visit)
            elif command == "settings":
                self._show_settings(visit)
            elif command == "seed":
                self._show_seeds(visit)
            elif command == "human":
                self._notice(text("operator_cannot_come", language))
            elif command == "privacy":
                self._notice(text("privacy", language))
            elif command == "forget" and argument == self._user:
                await session.forget(visit)
                self._notice(text("forgotten", language))
            elif command == "forget":
                self._notice(f"{text('forget_question', language)}  /forget {self._user}")
            elif command == "help":
                self._notice(help_text(language) + "\n/quit")
            elif command != "mydata":
                self._notice(text("unknown_command", language))
        if command == "mydata":
            everything = await self._conversation.log.everything_about(CHANNEL, self._user)
            self._console.print_json(json.dumps(everything))
        await self._open(visit, session.posted)

    async def _open(self, visit: Visit, posted: Sequence[Outgoing]) -> None:
        """Go on in the visit's dialogue; shows what was said in it when it is another than before."""
        if visit.chat.dialogue_id == self._dialogue_id:
            return
        self._enter(visit)
        seed = self._conversation.seeds.get(visit.chat.seed)
        self._console.rule(f"[bold]{seed.title}[/bold]", style="dim")
        for turn in await self._conversation.log.transcript(visit.chat.id):
            is_bot = turn.speaker is Speaker.BOT
            self._console.print(Text(turn.text, style="cyan" if is_bot else "dim"))
        if posted:
            async with self._conversation.log.writing() as writing:
                await writing.mark_sent_many([(message.id, 1, ()) for message in posted])

    def _enter(self, visit: Visit) -> None:
        self._dialogue_id, self._chat_id = visit.chat.dialogue_id, visit.chat.id
        while not self._answers.empty():
            self._answers.get_nowait()

    async def _show_answer(self, visit: Visit) -> None:
        self._enter(visit)
        try:
            answer = await self._answered()
        except KeyboardInterrupt:
            await self._command("cancel", "")
            return
        if answer.outcome is Outcome.ANSWERED:
            self._console.print(Text(answer.text, style="cyan"))
        else:
            self._notice(text(f"outcome_{answer.outcome.value}", chosen_language(visit.chat)))

    async def _answered(self) -> Answer:
        """Wait for the answer; its draft is shown meanwhile, and Ctrl-C raises KeyboardInterrupt."""
        self._draft = ""
        waiting = asyncio.ensure_future(self._answers.get())
        with _interrupts() as interrupted, Live(console=self._console, transient=True, refresh_per_second=12) as live:
            stop = asyncio.ensure_future(interrupted.wait())
            try:
                while not waiting.done() and not stop.done():
                    live.update(Text(self._draft + " ▌", style="cyan"))
                    await asyncio.wait([waiting, stop], timeout=0.08, return_when=asyncio.FIRST_COMPLETED)
            finally:
                stop.cancel()
                if not waiting.done():
                    waiting.cancel()
        if not waiting.done() or waiting.cancelled():
            raise KeyboardInterrupt
        return waiting.result()

    def _show_seeds(self, visit: Visit) -> None:
        for group in Group:
            seeds = [seed for seed in self._conversation.seeds if seed.group is group]
            if seeds:
                self._console.print(text(f"group_{group}", self._language), style="dim")
            for seed in sorted(seeds, key=lambda seed: seed.language != self._language):
                mark = "•" if seed.name == visit.chat.seed else " "
                line = f"{mark} [bold]{seed.name}[/bold]  {seed.title}: {seed.description}"
                self._console.print(line, highlight=False)
        self._notice("/seed NAME")

    def _show_settings(self, visit: Visit) -> None:
        for name, choices in CHOICES.items():
            now = chosen(name, visit.chat.settings)
            shown = "  ".join(f"[bold]{each}[/bold]" if each == now else f"[dim]{each}[/dim]" for each in choices)
            self._console.print(f"{name:12} {shown}", highlight=False)
        self._notice("/settings NAME VALUE")

    def _notice(self, sentence: str) -> None:
        self._console.print(Text(sentence, style="yellow"))

    @asynccontextmanager
    async def _visit(self) -> AsyncIterator[tuple[Session, Visit]]:
        async with self._conversation.session() as session:
            yield (
                session,
                await session.enter(CHANNEL, self._user, ChatKind.PRIVATE, self._user, self._user, self._language),
            )

    @asynccontextmanager
    async def _following(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._follow(), name="drafts of the terminal")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _follow(self) -> None:
        async for draft in self._drafts.listen(CHANNEL):
            if draft.dialogue_id != self._dialogue_id:
                continue
            if not draft.is_final:
                self._draft = draft.text
            elif draft.text:
                self._answers.put_nowait(Answer("", Outcome(draft.text)))
            else:
                # Another terminal of the same person recorded this one's reply.
                shown = await self._conversation.log.transcript(self._chat_id)
                replies = [turn.text for turn in shown if turn.speaker is Speaker.BOT]
                self._answers.put_nowait(Answer(replies[-1], Outcome.ANSWERED))

    async def _lines(self) -> AsyncIterator[str]:
        """Yield what the person types, line by line, until the end of input."""
        if not sys.stdin.isatty():
            while line := await asyncio.to_thread(sys.stdin.readline):
                if line.strip():
                    yield line.strip()
            return
        prompt: PromptSession[str] = PromptSession()
        while True:
            try:
                with patch_stdout():
                    line = await prompt.prompt_async("› ")
            except KeyboardInterrupt:
                continue
            except EOFError:
                return
            if line.strip():
                yield line.strip()


@contextmanager
def _interrupts() -> Iterator[asyncio.Event]:
    """Turn Ctrl-C into an event for a while."""
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    loop.add_signal_handler(signal.SIGINT, event.set)
    try:
        yield event
    finally:
        loop.remove_signal_handler(signal.SIGINT)
