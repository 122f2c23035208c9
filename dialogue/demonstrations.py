"""Demonstrations: whole dialogues of a seed as a good operator leads them, kept as texts beside the seeds."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from dialogue.errors import SeedError, TranscriptError
from dialogue.seeds import Seed
from dialogue.transcript import parse
from dialogue.turns import Dialogue, Speaker

RULE = "***"

_OWN = resources.files("seeds") / "demonstrations"


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One dialogue from a file.

    Args:
        theme: the name of its file without `.txt`.
    """

    theme: str
    dialogue: Dialogue


def demonstrated() -> frozenset[str]:
    """Return the names of the seeds for which this project has demonstrations."""
    return frozenset(each.name for each in _OWN.iterdir() if each.is_dir())


def load_demonstrations(seed: Seed, folder: Path | None = None) -> list[Demonstration]:
    """Read and check every dialogue of a seed: those in the files `FOLDER/SEED/*.txt`, in the order of the files.

    Args:
        folder: this project's own by default.

    Raises:
        SeedError: there are none, or everything that is wrong with them, one `FILE:LINE: reason` on each line.
    """
    place: Traversable = folder or _OWN
    own = place / seed.name
    try:
        texts = {each.name: each.read_text("utf-8") for each in own.iterdir() if each.name.endswith(".txt")}
    except OSError as error:
        raise SeedError(f"there are no demonstrations of the seed {seed.name}: {own} cannot be read") from error
    found: list[Demonstration] = []
    problems: list[str] = []
    seen: dict[Dialogue, str] = {}
    for file, text in sorted(texts.items()):
        for line, block in _blocks(text):
            where = f"{file}:{line}"
            try:
                dialogue = _read(block, seed)
            except TranscriptError as error:
                problems.append(f"{where}: {error}")
                continue
            if dialogue in seen:
                problems.append(f"{where}: the same dialogue as {seen[dialogue]}")
            seen.setdefault(dialogue, where)
            found.append(Demonstration(file.removesuffix(".txt"), dialogue))
    if problems:
        raise SeedError("\n".join(problems))
    return found


def _blocks(text: str) -> list[tuple[int, str]]:
    """Return what stands before each rule, with the number of its first line."""
    blocks, start, lines = [], 1, text.removesuffix("\n").split("\n")
    for number, line in enumerate(lines, 1):
        if line == RULE:
            blocks.append((start, "\n".join(lines[start - 1 : number - 1])))
            start = number + 1
    if start <= len(lines):
        blocks.append((start, "\n".join(lines[start - 1 :])))
    return blocks


def _read(block: str, seed: Seed) -> Dialogue:
    """Read one dialogue.

    Raises:
        TranscriptError: it is none, does not begin with the seed's greeting, or only one of them speaks.
    """
    dialogue = parse(f"\n{block}", "", seed.tags)
    turns = dialogue.turns
    if seed.greeting and (not turns or turns[0].text != seed.greeting or turns[0].speaker is not Speaker.BOT):
        raise TranscriptError(f"it does not begin with the greeting {seed.greeting!r}")
    if any(not turn.text.strip() for turn in turns):
        raise TranscriptError("a turn has no words")
    if {turn.speaker for turn in turns[bool(seed.greeting) :]} != set(Speaker):
        raise TranscriptError("it must have words of both behind the greeting")
    return dialogue
