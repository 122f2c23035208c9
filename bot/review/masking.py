"""Hides who people are from operators, where `GOVORUN_MASK_PEOPLE` says so: their work is with words."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from storage.reviewed import Deed, Hit, InboxRow, ReviewedDialogue, ReviewedTurn

_MASK = "•••"

# What identifies people in their words: e-mail addresses, links to accounts, and runs of digits such as phones,
# contracts and cards. An address is looked for where a word begins: from its middle on, it takes a time that grows with
# the square of the word's length.
_IDENTIFIER = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.-]+|@\w{4,}|\+?\d(?:[\s()\-]{0,2}\d){5,}")

# Deeds whose values are words.
_WORDS = ("correction", "note")

# Shorter parts of names are words of their own, too.
_SHORTEST = 3


class Masking:
    """Masks what operators are shown.

    Args:
        secret: makes the numbers of people stable here, and worthless elsewhere.
    """

    def __init__(self, is_on: bool, secret: str = "") -> None:
        self.is_on = is_on
        self._secret = secret

    def row(self, row: InboxRow) -> InboxRow:
        """Return a dialogue of the inbox as operators may see it."""
        if not self.is_on:
            return row
        names = [row.person]
        return replace(
            row,
            person=self.name(row.person_id),
            person_id="",
            last_text=self.text(row.last_text, names),
            hit=row.hit and Hit(row.hit.turn_id, tuple(_masked_pieces(row.hit.pieces, names))),
        )

    def dialogue(self, dialogue: ReviewedDialogue) -> ReviewedDialogue:
        """Return a transcript as operators may see it."""
        if not self.is_on:
            return dialogue
        names = names_in(dialogue)
        number = {name: f"№{index}" for index, name in enumerate(names, start=1)} if len(names) > 1 else {}
        pseudonym = self.name(dialogue.row.person_id)
        return replace(
            dialogue,
            row=self.row(dialogue.row),
            turns=tuple(
                self._turn(turn, names, f"{pseudonym} {number.get(turn.name, '')}".strip()) for turn in dialogue.turns
            ),
            notes=tuple(replace(note, text=self.text(note.text, names)) for note in dialogue.notes),
            deeds=tuple(self.deed(deed, names) for deed in dialogue.deeds),
        )

    def deed(self, deed: Deed, names: Sequence[str] | None = None) -> Deed:
        """Return what an operator did as others may see it: corrections and notes have people's words in them.

        Args:
            names: of who speaks in the dialogue; None where nobody knows: then no word is shown.
        """
        if not self.is_on or deed.action not in _WORDS:
            return deed

        def masked(value: Any) -> Any:
            if not value:
                return value
            return _MASK if names is None else self.text(value, names)

        return replace(deed, before=masked(deed.before), after=masked(deed.after))

    def name(self, person_id: str) -> str:
        """Return what a person is called instead: always the same, and nobody's name."""
        digest = hashlib.blake2b(f"{self._secret}:{person_id}".encode("utf-8", "surrogatepass"), digest_size=4)
        return f"#{digest.hexdigest()[:6]}"

    def text(self, text: str, names: Sequence[str]) -> str:
        """Return a text without identifiers and without these names."""
        return "".join(_masked_pieces([text], names)) if self.is_on else text

    def unmasked(self, text: str, shown: Iterable[str], names: Sequence[str]) -> str | None:
        """Return a text that was made of a masked one, with what was hidden in its places again.

        Args:
            shown: the texts of which it may have been made, before they were masked.

        Returns:
            None where its masks are not those of any of these texts.
        """
        if not self.is_on or _MASK not in text:
            return text
        parts = text.split(_MASK)
        for original in shown:
            hidden = [original[first:last] for first, last in _hidden(original, names)]
            if len(hidden) == len(parts) - 1:
                return "".join(each for pair in zip(parts, [*hidden, ""], strict=True) for each in pair)
        return None

    def _turn(self, turn: ReviewedTurn, names: Sequence[str], pseudonym: str) -> ReviewedTurn:
        verdict = replace(
            turn.verdict,
            correction=self.text(turn.verdict.correction, names),
            note=self.text(turn.verdict.note, names),
        )
        name = pseudonym if turn.name else ""
        return replace(turn, name=name, text=self.text(turn.text, names), verdict=verdict)


def names_in(dialogue: ReviewedDialogue) -> list[str]:
    """Return the names of who speaks in a dialogue."""
    return sorted({dialogue.row.person, *(turn.name for turn in dialogue.turns)} - {""})


def _masked_pieces(pieces: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    """Yield the pieces of a text without what identifies people, also where that goes over the end of a piece."""
    text = "".join(pieces)
    hidden = _hidden(text, names)
    start = 0
    for piece in pieces:
        end = start + len(piece)
        shown, at = "", start
        for first, last in hidden:
            if first < end and last > start:
                # The mask stands where what it hides begins.
                shown += text[at:first] + _MASK if first >= start else ""
                at = min(last, end)
        yield shown + text[at:end]
        start = end


def _hidden(text: str, names: Sequence[str]) -> list[tuple[int, int]]:
    """Return where in a text something identifies people."""
    return _merged(span for pattern in (_IDENTIFIER, _names(names)) if pattern for span in _spans(pattern, text))


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if merged and first < merged[-1][1]:
            first, last = merged[-1][0], max(last, merged.pop()[1])
        merged.append((first, last))
    return merged


def _names(names: Sequence[str]) -> re.Pattern[str] | None:
    parts = {part for name in names for part in [name, *name.split()] if len(part) >= _SHORTEST}
    either = "|".join(re.escape(part) for part in sorted(parts, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE) if parts else None


def _spans(pattern: re.Pattern[str], text: str) -> list[tuple[int, int]]:
    return [match.span() for match in pattern.finditer(text)]
