"""Takes a seed's text apart: what describes, and the examples, each with what a person says in it and the reply."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from dialogue.forms import PLACE, SeedKind, Until
from dialogue.kinds.filling import marks
from dialogue.kinds.objects import read_object
from dialogue.seeds import Seed
from dialogue.transcript import parse
from dialogue.turns import Dialogue, Speaker


@dataclass(frozen=True, slots=True)
class Example:
    """An exchange that a seed shows.

    Args:
        history: what was said up to the reply; the person's words are its end.
        reply: the bot's words; of other kinds than `dialogue` what stands behind the form, spaces included.
    """

    history: Dialogue
    reply: str


@dataclass(frozen=True, slots=True)
class Piece:
    """Some lines of a seed's text.

    Args:
        group: the number of the conversation that they belong to; of other kinds each example has its own. None for
            what describes.
        example: None for what is none by itself: a greeting, a rule.
    """

    text: str
    group: int | None = None
    example: Example | None = None


def pieces_of(seed: Seed) -> list[Piece]:
    """Take a seed's text apart; put together again, the pieces are the text, byte for byte.

    Raises:
        TranscriptError: a turn of a sample conversation has a line break that no transcript has.
    """
    readers = {SeedKind.DIALOGUE: _exchanges, SeedKind.JSON: _objects}
    pieces: list[Piece] = []
    end, group = 0, None
    for start, piece in readers.get(seed.kind, _filled)(seed):
        pieces += _between(seed.text[end:start], group)
        pieces.append(piece)
        end, group = start + len(piece.text), piece.group
    return [*pieces, *_between(seed.text[end:], group)]


def text_without(pieces: Sequence[Piece], left_out: Collection[int]) -> str:
    """Return what is left of a text without the pieces of these numbers.

    A conversation that loses its last example goes as a whole, with its greeting and its rule.
    """
    kept = [piece for number, piece in enumerate(pieces) if number not in left_out]
    gone = {pieces[number].group for number in left_out} - {piece.group for piece in kept if piece.example}
    return "".join(piece.text for piece in kept if piece.group is None or piece.group not in gone).strip()


_Found = Iterator[tuple[int, Piece]]


def _between(text: str, group: int | None) -> Iterator[Piece]:
    """Yield the lines between two examples: those without words, such as rules, belong to the one before them."""
    rule = re.match(r"(?:[^\n\w]*(?:\n|\Z))*", text)
    end = rule.end() if rule and group is not None else 0
    if text[:end]:
        yield Piece(text[:end], group)
    if text[end:]:
        yield Piece(text[end:])


def _exchanges(seed: Seed) -> _Found:
    """Yield the exchanges of each conversation, and what the bot says before the first one."""
    tags = "|".join(re.escape(seed.tags.of(speaker)) for speaker in Speaker)
    turn = rf"(?:{tags}): (?=[^\n]*\S)[^\n]*(?:\n [^\n]*)*(?:\n|\Z)"
    for group, conversation in enumerate(re.finditer(rf"^(?:{turn})+", seed.text, re.MULTILINE)):
        start, texts = conversation.start(), re.findall(turn, conversation[0])
        turns = parse(f"\n{conversation[0].removesuffix(chr(10))}", "", seed.tags).turns
        speakers = [None, *(turn.speaker for turn in turns)]
        begun = [at for at, pair in enumerate(pairwise(speakers)) if pair[1] is Speaker.PERSON is not pair[0]]
        for first, last in pairwise([0, *begun, len(turns)]):
            text = "".join(texts[first:last])
            at = next((at for at in range(first, last) if turns[at].speaker is Speaker.BOT), None)
            example = Example(Dialogue(turns[:at]), turns[at].text) if at is not None and at > first else None
            if text:
                yield start, Piece(text, group, example)
            start += len(text)


def _filled(seed: Seed) -> _Found:
    """Yield what looks like the form, filled in."""
    form = seed.form
    before, _, after = form.template.partition(PLACE)
    # The words between may be of another case or number: "who likes", "who like".
    first, *inflected = before.split() or [""]
    head = r"\s+".join([re.escape(first), *(r"\S+" for _ in inflected)]) + (r"\s+" if before[-1:].isspace() else "")
    tail = re.escape(f"{after} {form.opening}" if form.opening else after)
    next_example = "|".join(re.escape(mark) for mark in marks(seed))
    reply = rf"(?s:.+?)(?=\n[ \t]*(?:{next_example})|\Z)" if form.until is Until.EXAMPLE else r"[^\n]+"
    pattern = rf"^{head}(?P<words>[^\n]+?(?:\n [^\n]*?)*?){tail}(?P<reply>{reply})(?:\n|\Z)"
    for group, match in enumerate(re.finditer(pattern, seed.text, re.MULTILINE)):
        asked = Dialogue().then(Speaker.PERSON, match["words"].replace("\n ", "\n"))
        yield match.start(), Piece(match[0], group, Example(asked, match["reply"]))


def _objects(seed: Seed) -> _Found:
    """Yield the lines with an object that has parameters, question and the keys of the schema."""
    first_key = json.dumps(seed.form.schema[0][0]) + ":"
    for group, match in enumerate(re.finditer(r"^(\{[^\n]*\})[ \t]*(?:\n|\Z)", seed.text, re.MULTILINE)):
        asked, _, reply = match[1].partition(f", {first_key}")
        given = _object(f"{asked}}}")
        if given is None or read_object(f"{{{first_key}{reply}", seed) is None:
            continue
        question = given.pop("question", "")
        words = " ".join([*(f"{name}={value}" for name, value in given.items()), str(question)])
        yield match.start(), Piece(match[0], group, Example(Dialogue().then(Speaker.PERSON, words), reply))


def _object(text: str) -> dict[str, object] | None:
    try:
        read = json.loads(text)
    except ValueError:
        return None
    return read if isinstance(read, dict) else None
