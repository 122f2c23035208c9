"""One transaction of the SQL log: everything that may be written in it."""

from __future__ import annotations

from collections.abc import Sequence

from dialogue.turns import Ask
from storage.records import Asked, Chat, ChatKind, Finished, Outgoing, Person


class Writing:
    """Everything that may be written in one transaction."""

    async def store_updates(self, bot_id: int, updates: Sequence[tuple[int, str]]) -> list[int]:
        """Keep updates as they arrived and return the ids of those that are new."""
        raise NotImplementedError

    async def take_update(self, bot_id: int, update_id: int) -> bool:
        """Mark an update as handled and erase its content; False where it was handled already."""
        raise NotImplementedError

    async def drop_old_updates(self, older_than_s: float) -> int:
        """Delete handled updates that arrived longer ago and return how many."""
        raise NotImplementedError

    async def person(self, channel: str, external_id: str, name: str, language: str) -> Person:
        """Find or make a person and keep the newest name and language."""
        raise NotImplementedError

    async def chat(self, channel: str, external_id: str, kind: ChatKind, default_seed: str, language: str) -> Chat:
        """Find or make a chat, a new one with a first dialogue."""
        raise NotImplementedError

    async def chat_by_id(self, chat_id: int) -> Chat:
        """Return a chat with its current dialogue."""
        raise NotImplementedError

    async def set_settings(self, chat: Chat, settings: dict[str, str]) -> Chat:
        """Replace what people changed in the chat."""
        raise NotImplementedError

    async def set_active(self, chat_id: int, is_active: bool) -> None:
        """Note whether the bot may write to the chat."""
        raise NotImplementedError

    async def move_chat(self, channel: str, old_external_id: str, new_external_id: str) -> None:
        """Give a chat the id that the channel moved it to."""
        raise NotImplementedError

    async def say(self, chat: Chat, person: Person, text: str, external_id: str = "", max_waiting: int = 20) -> Asked:
        """Keep a message that wants an answer.

        Raises:
            TooManyWaiting: so many wait already that no more are taken.
        """
        raise NotImplementedError

    async def ask(self, chat: Chat, person: Person, ask: Ask) -> Asked:
        """Keep a wish for another version of the last reply, or for more of it."""
        raise NotImplementedError

    async def interrupt(self, chat: Chat) -> tuple[Chat, int]:
        """Call off what waits for an answer; return the chat with its new epoch and how many messages waited."""
        raise NotImplementedError

    async def new_dialogue(self, chat: Chat, seed: str | None = None) -> Chat:
        """Close the chat's dialogue and open another, with another seed if one is named."""
        raise NotImplementedError

    async def greet(self, chat: Chat, text: str) -> str:
        """Make the seed's greeting the bot's turn and return the id of that turn."""
        raise NotImplementedError

    async def undo(self, chat: Chat) -> tuple[Chat, bool]:
        """Interrupt and drop the last exchange; False where there was none."""
        raise NotImplementedError

    async def reword(self, chat: Chat, person: Person, external_id: str, text: str) -> tuple[Chat, list[Asked]] | None:
        """Ask the last exchange anew with another wording; None where the message is not part of it."""
        raise NotImplementedError

    async def post(
        self,
        chat: Chat,
        text: str,
        buttons: tuple[tuple[tuple[str, str], ...], ...] = (),
        reply_to: str = "",
        turn_id: str = "",
    ) -> Outgoing:
        """Put a message into the outbox."""
        raise NotImplementedError

    async def record_reply(self, finished: Finished) -> Outgoing | None:
        """Record one reply; see `record_replies`."""
        raise NotImplementedError

    async def record_replies(self, finished: Sequence[Finished]) -> list[Outgoing | None]:
        """Record replies in the given order: turns, generations, outbox; None for one that is not to be sent."""
        raise NotImplementedError

    async def mark_sending(self, ids: Sequence[int]) -> None:
        """Note that messages are about to be sent: from here on a crash may send them twice."""
        raise NotImplementedError

    async def mark_sent(self, id: int, parts: int, external_ids: Sequence[str]) -> None:
        """Note that all parts of a message were sent, and the channel's ids of them."""
        raise NotImplementedError

    async def mark_sent_many(self, rows: Sequence[tuple[int, int, Sequence[str]]]) -> None:
        """Note it for many messages: (id, parts, the channel's ids)."""
        raise NotImplementedError

    async def mark_part(self, id: int, parts: int, external_id: str) -> None:
        """Note that one more part of a message was sent: `parts` of them by now."""
        raise NotImplementedError

    async def mark_failed(self, id: int, reason: str) -> None:
        """Note that a message cannot be sent."""
        raise NotImplementedError

    async def forget(self, channel: str, external_id: str) -> list[str]:
        """Erase a person and return the ids of the dialogues it touched."""
        raise NotImplementedError
