"""What an update asks of the bot."""

from __future__ import annotations

import re
from dataclasses import dataclass

from telegram import (
    CallbackQuery,
    Chat,
    ChatMemberUpdated,
    InlineQuery,
    Message,
    MessageEntity,
    MessageReactionUpdated,
    Update,
    User,
)

from bot.telegram.reactions import opinion
from storage.records import ChatKind

ALLOWED = ("message", "edited_message", "callback_query", "inline_query", "message_reaction", "my_chat_member")
"""The kinds of updates that the bot wants from Telegram."""

WEBHOOK_PATH = "/telegram/webhook"
"""Where Telegram pushes them to, if it is told to."""

_COMMAND = re.compile(r"/([A-Za-z0-9_]+)(?:@(\w+))?(?:\s+(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who wrote, and where.

    Args:
        place: the chat's id, with the topic's behind a colon in a forum.
        language: of the person's Telegram; may be empty.
    """

    place: str
    kind: ChatKind
    person_id: str
    name: str
    language: str


@dataclass(frozen=True, slots=True)
class Said:
    """Words for the bot."""

    sender: Sender
    message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Reworded:
    """A message for the bot was edited."""

    sender: Sender
    message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Commanded:
    """A command for the bot, without slash and in lower case."""

    sender: Sender
    message_id: str
    name: str
    argument: str


@dataclass(frozen=True, slots=True)
class Wordless:
    """A sticker, a voice message, a photo without a caption ...

    Args:
        album: what the messages of one album have in common; empty for a single message.
    """

    sender: Sender
    message_id: str
    album: str


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button was pressed, below the message `message_id`."""

    sender: Sender
    message_id: str
    query_id: str
    data: str


@dataclass(frozen=True, slots=True)
class Inquired:
    """Somebody writes the bot's name in any chat, and `text` behind it, and is to be offered something to send there.

    Args:
        language: of the person's Telegram; may be empty.
    """

    person_id: str
    language: str
    query_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Reacted:
    """Somebody reacted to the message `message_id`, or thought better of it.

    Args:
        sender: its place is the chat, in a forum as well: Telegram does not say in which topic.
        is_up: whether they like it; None where they do not say any more.
    """

    sender: Sender
    message_id: str
    is_up: bool | None


@dataclass(frozen=True, slots=True)
class Admitted:
    """The bot may write in a place from now on, or no longer."""

    sender: Sender
    is_active: bool


@dataclass(frozen=True, slots=True)
class Moved:
    """A group has another id now."""

    old_place: str
    new_place: str


Wish = Said | Reworded | Commanded | Wordless | Pressed | Inquired | Reacted | Admitted | Moved


def wish(update: Update, me: User) -> Wish | None:
    """Return what the update asks of the bot `me`; None where it is none of its business.

    In a private chat every message is for the bot; in a group, those that mention it, reply to it or are commands. The
    caption of a photo or file is read like a text.
    """
    if update.callback_query is not None:
        return _press(update.callback_query)
    if update.inline_query is not None:
        return _inquiry(update.inline_query)
    if update.message_reaction is not None:
        return _reaction(update.message_reaction)
    if update.my_chat_member is not None:
        return _membership(update.my_chat_member)
    if update.edited_message is not None:
        return _edited(_message(update.edited_message, me))
    if update.message is not None:
        return _message(update.message, me)
    return None


def chat_and_topic(place: str) -> tuple[int, int | None]:
    """Return the chat's id and, in a forum, the topic's."""
    chat_id, _, topic = place.partition(":")
    return int(chat_id), int(topic) if topic else None


def _message(message: Message, me: User) -> Wish | None:
    if message.migrate_to_chat_id:
        return Moved(str(message.chat.id), str(message.migrate_to_chat_id))
    sender = _sender(message)
    if sender is None:
        return None
    message_id = str(message.message_id)
    text = message.text or message.caption or ""
    command = _COMMAND.fullmatch(text)
    if command is not None:
        name, addressee, argument = command.groups()
        if addressee and addressee.lower() != (me.username or "").lower():
            return None
        return Commanded(sender, message_id, name.lower(), (argument or "").strip())
    if not _is_addressed(message, me):
        return None
    if text:
        return Said(sender, message_id, _without_mentions(message, me))
    if message.effective_attachment:
        return Wordless(sender, message_id, message.media_group_id or "")
    return None  # A service message: somebody joined, a message was pinned.


def _edited(wish: Wish | None) -> Wish | None:
    if isinstance(wish, Said):
        return Reworded(wish.sender, wish.message_id, wish.text)
    # A live location is edited every few seconds; a mistyped command is meant as it reads now.
    return wish if isinstance(wish, Commanded) else None


def _press(query: CallbackQuery) -> Wish | None:
    if query.message is None or query.data is None:
        return None
    message = query.message
    topic = message.message_thread_id if isinstance(message, Message) and _has_topic(message) else None
    sender = _person_at(message.chat, query.from_user, topic)
    return Pressed(sender, str(message.message_id), query.id, query.data)


def _inquiry(query: InlineQuery) -> Wish:
    person = query.from_user
    return Inquired(str(person.id), person.language_code or "", query.id, query.query)


def _reaction(change: MessageReactionUpdated) -> Wish | None:
    # Who reacts in the name of a chat, or anonymously, is nobody who can think something.
    if change.user is None or change.user.is_bot:
        return None
    before, after = opinion(change.old_reaction), opinion(change.new_reaction)
    if before is None and after is None:
        return None
    return Reacted(_person_at(change.chat, change.user, None), str(change.message_id), after)


def _membership(change: ChatMemberUpdated) -> Wish | None:
    if change.chat.type == Chat.CHANNEL:
        return None
    is_active = change.new_chat_member.status not in ("kicked", "left")
    return Admitted(_person_at(change.chat, change.from_user, None), is_active)


def _sender(message: Message) -> Sender | None:
    """Return who wrote; None for channels and for other bots, with which a conversation would never end."""
    user = message.from_user
    if message.chat.type == Chat.CHANNEL or user is None:
        return None
    sender = _person_at(message.chat, user, message.message_thread_id if _has_topic(message) else None)
    if message.sender_chat is not None:
        # An anonymous administrator, or somebody who writes in a channel's name: `from` is a stand-in bot.
        return Sender(
            sender.place, sender.kind, str(message.sender_chat.id), message.sender_chat.title or "", sender.language
        )
    return None if user.is_bot else sender


def _person_at(chat: Chat, user: User, topic: int | None) -> Sender:
    kind = ChatKind.PRIVATE if chat.type == Chat.PRIVATE else ChatKind.GROUP
    place = f"{chat.id}:{topic}" if topic else str(chat.id)
    return Sender(place, kind, str(user.id), user.full_name, user.language_code or "")


def _has_topic(message: Message) -> bool:
    # Threads of replies have a thread id too, but no topic.
    return bool(message.is_topic_message and message.message_thread_id)


def _is_addressed(message: Message, me: User) -> bool:
    if message.chat.type == Chat.PRIVATE or _mentions(message, me):
        return True
    answered = message.reply_to_message
    # Everything in a topic "replies" to the message that opened it, who may be the bot.
    if answered is None or answered.forum_topic_created is not None:
        return False
    return answered.from_user is not None and answered.from_user.id == me.id


def _mentions(message: Message, me: User) -> list[MessageEntity]:
    name = f"@{me.username}".lower()
    entities = message.parse_entities() if message.text else message.parse_caption_entities()
    return [
        entity
        for entity, covered in entities.items()
        if (entity.type == MessageEntity.MENTION and covered.lower() == name)
        or (entity.type == MessageEntity.TEXT_MENTION and entity.user is not None and entity.user.id == me.id)
    ]


def _without_mentions(message: Message, me: User) -> str:
    """Return what is said; in a group the bot's name is an address, not a part of it."""
    text = message.text or message.caption or ""
    if message.chat.type == Chat.PRIVATE:
        return text
    mentions = _mentions(message, me)
    # Entities count UTF-16 code units.
    coded = text.encode("utf-16-le", "surrogatepass")
    for entity in sorted(mentions, key=lambda entity: entity.offset, reverse=True):
        before, after = coded[: entity.offset * 2], coded[(entity.offset + entity.length) * 2 :]
        coded = _joined(before, after)
    return coded.decode("utf-16-le", "surrogatepass") if mentions else text


def _joined(before: bytes, after: bytes) -> bytes:
    left = before.decode("utf-16-le", "surrogatepass")
    right = after.decode("utf-16-le", "surrogatepass")
    if not left.strip():
        # "@bot, hello" says "hello".
        return right.lstrip(" ,:;—-\t\n").encode("utf-16-le", "surrogatepass")
    if not right or right[0] in ",.!?":
        left = left.rstrip(" ,")
    elif right[0].isspace():
        right = right[1:]
    return (left + right).encode("utf-16-le", "surrogatepass")
