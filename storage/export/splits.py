"""Divides people between files: everything that one person said is in one of them, always in the same one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from dialogue.errors import ExportError
from storage.export.talks import Talk

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,30}")


@dataclass(frozen=True, slots=True)
class Split:
    """A part of the people.

    Args:
        name: what its file is called; empty where there is only one.
        share: of the people, from 0 to 1.
    """

    name: str = ""
    share: float = 1.0


def parse_splits(text: str) -> tuple[Split, ...]:
    """Return what `train=0.9,test=0.1` says.

    Raises:
        ExportError: it says nothing of that kind, or the shares do not add up to 1.
    """
    splits = []
    for part in text.split(","):
        name, _, share = part.strip().partition("=")
        try:
            splits.append(Split(name, float(share)))
        except ValueError:
            raise ExportError(f"--split: {part.strip()!r} is not of the form NAME=SHARE, such as train=0.9") from None
        if not _NAME.fullmatch(name):
            raise ExportError(f"--split: {name!r} must be small Latin letters, digits and hyphens: it names a file")
        if not 0 < splits[-1].share <= 1:
            raise ExportError(f"--split: {part.strip()!r}: the share must be over 0, and at most 1")
    if len({split.name for split in splits}) < len(splits):
        raise ExportError(f"--split: {text!r} names a part twice")
    if abs(sum(split.share for split in splits) - 1) > 1e-6:
        raise ExportError(f"--split: {text!r}: the shares must add up to 1")
    return tuple(splits)


@dataclass(slots=True)
class Crowd:
    """Who belongs together: all who have ever spoken in the same group, and whoever shares another group with them.

    A person is where the oldest chat of their groups is, so that most stay where they are when groups get new members.
    """

    _chat_of: dict[int, int] = field(default_factory=dict)
    _leader: dict[int, int] = field(default_factory=dict)
    _names: dict[int, str] = field(default_factory=dict)

    def add(self, members: Iterable[tuple[int, int, str]]) -> None:
        """Take in who has spoken in which group: the ids of the person and of the chat, and the chat's name."""
        for person, chat, name in members:
            self._names[chat] = name
            self._leader.setdefault(chat, chat)
            if person in self._chat_of:
                one, other = sorted((self._find(self._chat_of[person]), self._find(chat)))
                self._leader[other] = one
            else:
                self._chat_of[person] = chat

    def key(self, talk: Talk) -> str:
        """Return what is the same for all dialogues of all who belong together with this one's people."""
        if talk.chat_id in self._leader:
            return self._names[self._find(talk.chat_id)]
        for person in talk.people:
            if person in self._chat_of:
                return self._names[self._find(self._chat_of[person])]
        return f"{talk.channel}:{talk.place}"

    def _find(self, chat: int) -> int:
        while self._leader[chat] != chat:
            self._leader[chat] = self._leader[self._leader[chat]]
            chat = self._leader[chat]
        return chat


def part_of(key: str, splits: Sequence[Split]) -> int:
    """Return the index of the part that a key belongs to, now and in every other export with the same shares."""
    digest = hashlib.sha256(f"govorun split {key}".encode("utf-8", "surrogatepass")).digest()
    point = int.from_bytes(digest[:8]) / 2**64
    for index, split in enumerate(splits[:-1]):
        point -= split.share
        if point < 0:
            return index
    return len(splits) - 1
