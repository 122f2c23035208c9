"""What people preferred: of two replies to the same words, and of one reply whether it was liked.

A pair never has the same reply twice, and never two prompts. A thumb or a reaction that was taken back is not in the
log any more, so it is nowhere here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dialogue.turns import Ask
from storage.export.material import Material
from storage.export.talks import Said
from storage.records import Author
from storage.reviewed import Rating

# How sure it is that the chosen reply is better, for those who want to weigh pairs or leave some out.
_CORRECTED = 1.0  # An operator has read the one and written the other.
_WRITTEN_INSTEAD = 0.9  # So here, but operators may know what the model was not told.
_RATED = 1.0
_PICKED = 0.7  # Of several proposals an operator took the best one; the others may be good as well.
_RETRIED = 0.5  # Why somebody asks for another reply is not known; some do it for fun.
_RETRIED_AND_THUMBED = 0.8
_THUMBED = 0.7  # One press, perhaps about the news and not about the words.


@dataclass(frozen=True, slots=True)
class Pair:
    """Two replies to the same prompt.

    Args:
        at: the reply in the transcript, or the version or draft of one, that was rejected.
        source: `correction`, `draft`, `picked` or `retry`.
        confidence: from 0 to 1.
    """

    at: Said
    chosen: str
    rejected: str
    source: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Opinion:
    """Whether a reply was good.

    Args:
        source: `rating`, `correction` or `thumb`.
        confidence: from 0 to 1.
    """

    at: Said
    text: str
    is_good: bool
    source: str
    confidence: float


def pairs(material: Material) -> Iterator[Pair]:
    """Yield the pairs of a dialogue."""
    found = [*_corrected(material), *_written_instead(material), *_picked(material), *_retried(material)]
    return (pair for pair in found if pair.rejected.strip() and not _is_same(pair.chosen, pair.rejected))


def opinions(material: Material) -> Iterator[Opinion]:
    """Yield what was thought of the replies of a dialogue, those included that were asked for anew.

    What an operator says weighs more than thumbs, and a tie of thumbs says nothing.
    """
    for reply in _replies(material):
        review = reply.reviewed
        if review.correction.strip() and not _is_same(review.correction, reply.text):
            yield Opinion(reply, review.correction, True, "correction", _CORRECTED)
            yield Opinion(reply, reply.text, False, "correction", _CORRECTED)
        elif review.rating:
            yield Opinion(reply, reply.text, review.rating == Rating.GOOD, "rating", _RATED)
        elif reply.ups != reply.downs:
            agreement = abs(reply.ups - reply.downs) / (reply.ups + reply.downs)
            yield Opinion(reply, reply.text, reply.ups > reply.downs, "thumb", round(_THUMBED * agreement, 3))


def _corrected(material: Material) -> Iterator[Pair]:
    for reply in _replies(material):
        if reply.reviewed.correction.strip():
            yield Pair(reply, reply.reviewed.correction, reply.text, "correction", _CORRECTED)


def _written_instead(material: Material) -> Iterator[Pair]:
    """What an operator made out of the model's proposal."""
    for reply in material.talk.kept:
        draft = material.version_before(reply)
        if reply.author is Author.OPERATOR and draft is not None and _is_to_the_same(material, reply, draft):
            yield Pair(draft, reply.text, draft.text, "draft", _WRITTEN_INSTEAD)


def _picked(material: Material) -> Iterator[Pair]:
    """The proposal that an operator sent as it was, and the others."""
    drafts = [said for said in material.talk.said if said.author is Author.MODEL and said.position is None]
    for reply in material.talk.kept:
        picked = material.version_before(reply)
        if reply.author is not Author.OPERATOR or picked is None or picked.text != reply.text:
            continue
        for draft in drafts:
            if draft.id != picked.id and draft.id < reply.id and _is_to_the_same(material, reply, draft):
                yield Pair(draft, reply.text, draft.text, "picked", _PICKED)


def _retried(material: Material) -> Iterator[Pair]:
    """The last version of a reply, and those before it that somebody wanted to have otherwise."""
    for kept in material.talk.kept:
        if kept.author is not Author.MODEL or _is_bad(kept):
            continue
        newer = kept
        while newer.asked == Ask.RETRY and (older := material.version_before(newer)) is not None:
            if _is_good(older) or older.author is not Author.MODEL or not _is_to_the_same(material, kept, older):
                break
            is_thumbed = kept.ups > kept.downs or older.downs > older.ups
            is_rated = kept.reviewed.rating == Rating.GOOD or older.reviewed.rating == Rating.BAD
            confidence = _RATED if is_rated else _RETRIED_AND_THUMBED if is_thumbed else _RETRIED
            yield Pair(older, kept.reviewed.correction or kept.text, older.text, "retry", confidence)
            newer = older


def _replies(material: Material) -> Iterator[Said]:
    """Yield the replies that were shown to somebody, in the transcript or before another version took their place."""
    wanted = material.wanted
    for said in material.talk.said:
        if said.author not in (Author.MODEL, Author.OPERATOR) or said.position is None or not said.text.strip():
            continue
        if wanted.model and (said.draw is None or said.draw.model != wanted.model):
            continue
        if not wanted.rating or said.reviewed.rating == wanted.rating:
            yield said


def _is_good(said: Said) -> bool:
    return said.reviewed.rating == Rating.GOOD or said.ups > said.downs


def _is_bad(said: Said) -> bool:
    is_bad = said.reviewed.rating == Rating.BAD or (not said.reviewed.rating and said.downs > said.ups)
    return is_bad and not said.reviewed.correction


def _is_to_the_same(material: Material, one: Said, other: Said) -> bool:
    """Say whether two replies answer the same words, so that the same prompt is rendered for both."""
    return material.prompt(one) == material.prompt(other)


def _is_same(one: str, other: str) -> bool:
    return one.split() == other.split()
