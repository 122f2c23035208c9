"""What of a dialogue a model may learn: for each reply the words that are right, if any are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from storage.export.served import Given
from storage.export.talks import Said, Talk
from storage.export.wanted import Wanted
from storage.records import Author
from storage.reviewed import Rating


@dataclass(frozen=True, slots=True)
class Lesson:
    """A reply that stands in a transcript.

    Args:
        given: what it answers.
        right: the words to be learned; empty for none. They may differ from what was said: an operator's correction.
    """

    reply: Said
    given: Given
    right: str

    @property
    def is_as_said(self) -> bool:
        """Whether what was said is what is to be learned."""
        return self.right != "" and self.right == self.reply.text

    @property
    def source(self) -> str:
        """Where the right words come from; empty where there are none."""
        if not self.right:
            return ""
        if not self.is_as_said:
            return "correction"
        return "operator" if self.reply.author is Author.OPERATOR else "model"


def right_words(reply: Said, wanted: Wanted) -> str:
    """Return what is to be learned of a reply: its correction, or else itself unless it was rated bad.

    Nothing of the seed's own greeting, nor of what the filters leave out.
    """
    if reply.author not in (Author.MODEL, Author.OPERATOR):
        return ""
    if wanted.model and (reply.draw is None or reply.draw.model != wanted.model):
        return ""
    if wanted.rating and reply.reviewed.rating != wanted.rating:
        return ""
    if reply.reviewed.correction.strip():
        return reply.reviewed.correction
    return "" if reply.reviewed.rating == Rating.BAD or not reply.text.strip() else reply.text


def replies_of(talk: Talk) -> Iterator[Said]:
    """Yield the replies of a transcript in order."""
    return (each for each in talk.kept if each.author is not Author.PERSON)
