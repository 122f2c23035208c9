"""Held-out dialogues: approved replies, each with what was said before it, taken out of the rows of an export."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dialogue.errors import EvaluationError, TranscriptError
from dialogue.kinds.choosing import asked_words, kind_of
from dialogue.seeds import Seed
from dialogue.transcript import parse, render
from dialogue.turns import Dialogue, Speaker, StopReason, Turn

FORMATS = ("prompt-completion", "input-output")
"""The formats in which a row says what a reply answers."""


@dataclass(frozen=True, slots=True)
class Approved:
    """A reply that people approved.

    Args:
        history: what was said before it, as the model was given it.
        text: the reply as it was shown.
        written: as it stands behind the prompt, where it was taken from there; the kind knows how else.
        seed: the seed behind which it was said.
    """

    history: Dialogue
    text: str
    seed: Seed
    written: str = ""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The approved replies of one dialogue, in their order."""

    replies: tuple[Approved, ...]


def dialogues_of(rows: Iterable[Mapping[str, Any]], seeds: Iterable[Seed], format: str) -> list[HeldOut]:
    """Put the rows of an export together to dialogues again.

    Rows do not name their dialogue, but they stand in its order, and each prompt goes on where the one before ended.
    Where each message is answered by itself, each row is a dialogue.

    Args:
        seeds: behind which they were exported.

    Raises:
        EvaluationError: of another format, or a row is not one of an export behind a seed of this project.
    """
    if format not in FORMATS:
        raise EvaluationError(
            f"the data are of the format {format}; to compare what was approved, export it with --format {FORMATS[0]}"
        )
    known = list(seeds)
    pieces_of = _completed if format == "prompt-completion" else _segmented
    found: list[list[Approved]] = []
    longest = ""
    for number, row in enumerate(rows, 1):
        try:
            pieces = [(prompt, words) for prompt, words in pieces_of(row) if words.strip()]
        except (KeyError, TypeError) as error:
            raise EvaluationError(f"row {number} of the data is not one of the format {format}") from error
        if not pieces:
            continue
        replies = [_approved(prompt, words, known, number) for prompt, words in pieces]
        prompt = pieces[-1][0]
        # A corrected reply of `input-output` has a row of its own, in front of that of the dialogue.
        is_older = format == "input-output" and longest.startswith(prompt) and longest != prompt
        is_talk = kind_of(replies[0].seed).keeps_history
        if found and is_talk and (is_older or _goes_on(longest, prompt, found[-1][-1], replies[0])):
            found[-1] += replies
            longest = max(longest, prompt, key=len) if is_older else prompt
        else:
            found.append(replies)
            longest = prompt
    if not found:
        raise EvaluationError("there is no approved reply in the data, so there is nothing to compare")
    if format == "input-output":
        found = [sorted(each, key=lambda reply: len(reply.history.turns)) for each in found]
    return [HeldOut(tuple(each)) for each in found]


def held_out_of(dialogue: Dialogue, seed: Seed) -> HeldOut:
    """Take all that the bot answers in a dialogue for approved."""
    answers = [
        Approved(Dialogue(dialogue.turns[:at]), turn.text, seed)
        for at, turn in enumerate(dialogue.turns)
        if turn.speaker is Speaker.BOT and at and dialogue.turns[at - 1].speaker is Speaker.PERSON
    ]
    return HeldOut(tuple(answers))


def by_lot(dialogues: list[HeldOut], most: int | None, random_seed: int) -> list[HeldOut]:
    """Draw so many of the dialogues, and leave them in their order; all of them for None."""
    if most is None or most >= len(dialogues):
        return dialogues
    lots = random.Random(random_seed).sample(range(len(dialogues)), most)  # noqa: S311 - a sample only
    return [dialogues[index] for index in sorted(lots)]


def _completed(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield _text(row["prompt"]), _text(row["completion"])


def _segmented(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    before = ""
    for segment in row["segments"]:
        text = _text(segment["text"])
        if segment["label"]:
            yield before, text.removesuffix("\n")
        before += text


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _approved(prompt: str, words: str, seeds: Sequence[Seed], number: int) -> Approved:
    seed = _seed_of(prompt, seeds, number)
    try:
        history = kind_of(seed).read(prompt, seed)
        if not kind_of(seed).keeps_history:
            return Approved(history, _answer(history, words, seed, number), seed)
        said = parse(f"{prompt}{words}", seed.text, seed.tags)
    except TranscriptError as error:
        raise EvaluationError(f"row {number} of the data: {error}") from error
    # With `--ending tag` the next speaker's tag, without words, stands behind the reply.
    turns = [turn for turn in said.turns[len(history.turns) :] if turn != Turn(Speaker.PERSON, "")]
    if render(seed.text, history, seed.tags) != prompt or len(turns) != 1 or turns[0].speaker is not Speaker.BOT:
        raise EvaluationError(f"row {number} of the data is not a prompt that ends with the bot's tag, and one reply")
    return Approved(history, turns[0].text, seed)


def _seed_of(prompt: str, seeds: Sequence[Seed], number: int) -> Seed:
    fitting = [seed for seed in seeds if prompt.startswith(seed.head)]
    if not fitting:
        raise EvaluationError(
            f"row {number} of the data does not begin with the text of any seed "
            f"({', '.join(seed.name for seed in seeds)}): its seed was changed since, or is gone; export the dialogues "
            "anew"
        )
    longest = max(len(seed.text) for seed in fitting)
    fitting = [seed for seed in fitting if len(seed.text) == longest]
    # Those without a text differ in their forms.
    readable = [seed for seed in fitting if _is_readable(prompt, seed)] or fitting[:1]
    if len(readable) > 1:
        names = " or ".join(seed.name for seed in readable)
        raise EvaluationError(f"row {number} of the data may be of the seed {names}: export each by itself")
    return readable[0]


def _is_readable(prompt: str, seed: Seed) -> bool:
    try:
        kind_of(seed).read(prompt, seed)
    except TranscriptError:
        return False
    return True


def _answer(history: Dialogue, words: str, seed: Seed, number: int) -> str:
    kind = kind_of(seed)
    answer = kind.answer([kind.cut(words, StopReason.TAG, seed)], seed, asked_words(seed, history))
    if answer is None:
        raise EvaluationError(f"row {number} of the data is no answer of the seed {seed.name}: {words[:80]!r}")
    return answer.text


def _goes_on(before: str, prompt: str, last: Approved, first: Approved) -> bool:
    """Say whether a prompt is of the same dialogue as the one before it."""
    if prompt != before and prompt.startswith(before):
        return True
    if last.seed != first.seed:
        return False
    # Where a dialogue became too long, its oldest turns were left out: then it begins with what stood at the end.
    new = first.history.turns
    return any(
        old[-length:] == new[:length] and len(old) > length
        for old in (last.history.turns, last.history.then(Speaker.BOT, last.text).turns)
        for length in range(2, len(new))
    )
