"""Makes tokens of the rows of an export, as the engine makes them of prompts, and says which of them are learned.

Only replies are learned. Nothing that people write becomes a special token. The border between prompt and reply lies
before the space, and no token reaches over it: the tokens in front of a reply are those that the engine serves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dialogue.engine.vocabulary import Vocabulary
from dialogue.errors import TrainingError

Row = dict[str, Any]

IGNORED = -100
"""The label of a token that is read and not learned, as torch and TRL have it."""

_TAG_AT_END = re.compile(r"\n\S[^\n]*:\Z")


@dataclass(frozen=True, slots=True)
class Example:
    """Tokens, of which some are learned; `labels` has those and `IGNORED` for the others."""

    tokens: tuple[int, ...]
    labels: tuple[int, ...]

    @property
    def learned(self) -> int:
        """How many tokens are learned."""
        return sum(label != IGNORED for label in self.labels)


@dataclass(frozen=True, slots=True)
class Examples:
    """What rows have become.

    Args:
        too_long: so many replies were left out because they lie behind the last token that is read.
    """

    examples: tuple[Example, ...]
    too_long: int

    @property
    def tokens(self) -> int:
        """How many tokens are read."""
        return sum(len(example.tokens) for example in self.examples)

    @property
    def learned(self) -> int:
        """How many of them are learned."""
        return sum(example.learned for example in self.examples)


def examples_of(rows: Iterable[Row], vocabulary: Vocabulary, max_tokens: int, where: str) -> Examples:
    """Make examples of rows of `prompt-completion` or `input-output`.

    Args:
        where: what the rows are called in errors.

    Raises:
        TrainingError: a row is of another format, or nothing is left to learn.
    """
    examples: list[Example] = []
    too_long = 0
    for number, row in enumerate(rows, 1):
        made = list(_of_row(row, vocabulary, f"{where}, row {number}"))
        for example in made:
            cut = _cut(example, max_tokens)
            if cut.learned:
                examples.append(cut)
            too_long += example.learned > cut.learned
    if not examples:
        why = f"no reply ends before token {max_tokens}: see --max-tokens" if too_long else "there are no rows"
        raise TrainingError(f"{where}: there is nothing to learn: {why}")
    return Examples(tuple(examples), too_long)


def completion_tokens(text: str, prompt: str, vocabulary: Vocabulary) -> list[int]:
    """Return the tokens of a reply: with the end of text behind it, unless the next speaker's tag is there already."""
    tokens = vocabulary.encode(text)
    tag = _TAG_AT_END.search(text)
    # The last line of an answer, such as one of code, may end with a colon as well.
    is_ended = tag is not None and tag[0] in f"\n{prompt}"
    if vocabulary.ends and not is_ended:
        tokens.append(min(vocabulary.ends))
    return tokens


def _of_row(row: Row, vocabulary: Vocabulary, where: str) -> Iterator[Example]:
    segments = row.get("segments")
    if isinstance(segments, list):
        yield from _of_segments(_checked(segments, where), vocabulary)
        return
    prompt, completion = row.get("prompt"), row.get("completion")
    if not isinstance(prompt, str) or not isinstance(completion, str) or "label" in row:
        raise TrainingError(
            f"{where}: it has {', '.join(sorted(row)) or 'no columns'}; SFT takes exports of the format input-output "
            f"or prompt-completion"
        )
    yield _example(vocabulary.encode_prompt(prompt), completion_tokens(completion, prompt, vocabulary))


def _checked(segments: list[Any], where: str) -> list[tuple[str, bool]]:
    for segment in segments:
        if not isinstance(segment, dict) or not isinstance(segment.get("text"), str) or "label" not in segment:
            raise TrainingError(f"{where}: a segment is not of the form {{'label': ..., 'text': ...}}")
    return [(segment["text"], bool(segment["label"])) for segment in segments]


def _of_segments(segments: Sequence[tuple[str, bool]], vocabulary: Vocabulary) -> Iterator[Example]:
    """Yield a whole dialogue as one example or, where a token reaches over a border, each reply as one of its own."""
    text = "".join(segment for segment, _ in segments)
    tokens = vocabulary.encode_prompt(text)
    labels = [IGNORED] * len(tokens)
    end = 0
    for segment, is_learned in segments:
        start, end = end, end + len(segment)
        if not is_learned:
            continue
        first = _prefix(tokens, vocabulary.encode_prompt(text[:start]))
        last = _prefix(tokens, vocabulary.encode_prompt(text[:end]))
        if first is None or last is None:
            yield from _apart(segments, vocabulary)
            return
        labels[first:last] = tokens[first:last]
    yield Example(tuple(tokens), tuple(labels))


def _apart(segments: Sequence[tuple[str, bool]], vocabulary: Vocabulary) -> Iterator[Example]:
    before = ""
    for segment, is_learned in segments:
        if is_learned:
            yield _example(vocabulary.encode_prompt(before), vocabulary.encode(segment))
        before += segment


def _prefix(tokens: Sequence[int], beginning: Sequence[int]) -> int | None:
    return len(beginning) if list(tokens[: len(beginning)]) == list(beginning) else None


def _example(prompt: Sequence[int], reply: Sequence[int]) -> Example:
    return Example((*prompt, *reply), (*[IGNORED] * len(prompt), *reply))


def _cut(example: Example, max_tokens: int) -> Example:
    """Leave out the replies that do not end before the limit, and what is read for them."""
    labels = list(example.labels[:max_tokens])
    if len(example.labels) > max_tokens and labels[-1] != IGNORED and example.labels[max_tokens] != IGNORED:
        while labels and labels[-1] != IGNORED:
            labels.pop()
    while labels and labels[-1] == IGNORED:
        labels.pop()
    return Example(example.tokens[: len(labels)], tuple(labels))
