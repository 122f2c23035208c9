"""What seeds are measured on: held-out dialogues of an export, or a stable share of the demonstrations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dialogue.demonstrations import demonstrated, load_demonstrations
from dialogue.learning.held_out import HeldOut, by_lot, dialogues_of, held_out_of
from dialogue.seeds import Seed, Seeds, load_seeds
from dialogue.transcript import render
from storage.export.rereading import Reread, reread, rows_of
from storage.export.splits import Split, part_of

BARE_MODEL = "The model is asked as it is: an adapter that comes with a seed has learned from its demonstrations."

# Always the same ones, also when others are written or edited. So many are left to learn from.
_PARTS = (Split("learn", 0.85), Split("measure", 0.15))


@dataclass(frozen=True, slots=True)
class Yardstick:
    """Dialogues, and in a sentence which these are."""

    dialogues: list[HeldOut]
    words: str


def yardstick(
    seeds: Sequence[Seed], known: Seeds, file: Path | None, most: int | None, random_seed: int
) -> Yardstick | None:
    """Choose what to measure seeds on; None where no file is named and none of them has demonstrations.

    Args:
        known: behind which the dialogues of the file were exported.
        file: of an export; where it has dialogues of these seeds, those of others are left aside.
        most: how many dialogues are taken, drawn by lot; None for all.

    Raises:
        EvaluationError, ExportError: the file cannot be taken.
    """
    found = _exported(file, known, {seed.name for seed in seeds}) if file else _demonstrated(seeds)
    if found is None:
        return None
    taken = by_lot(found.dialogues, most, random_seed)
    replies = sum(len(each.replies) for each in taken)
    lots = f"; {len(taken)} of them, drawn by lot" if len(taken) < len(found.dialogues) else ""
    return Yardstick(taken, f"{found.words}{lots}: {replies} replies")


def held_out_in(file: Reread, seeds: Seeds) -> list[HeldOut]:
    """Return the dialogues of a file of an export, behind those seeds that its manifest names.

    Raises:
        EvaluationError: it has none, or not in a format that says what a reply answers.
    """
    served = [seeds.get(name) for name in file.seeds if name in seeds]
    return dialogues_of(rows_of(file), served, file.format)


def _exported(path: Path, known: Seeds, names: set[str]) -> Yardstick:
    file = reread(path)
    every = held_out_in(file, known)
    own = [each for each in every if each.replies[0].seed.name in names] or every
    behind = sorted({each.replies[0].seed.name for each in own})
    return Yardstick(own, f"{len(own)} of the {len(every)} dialogues in {path.name} ({', '.join(behind)})")


def _demonstrated(seeds: Sequence[Seed]) -> Yardstick | None:
    name = next((seed.name for seed in seeds if seed.name in demonstrated()), None)
    if name is None:
        return None
    # Of an edited file the greeting may be another one; what was said was said behind the one that is at hand.
    seed = load_seeds().get(name)
    every = [each.dialogue for each in load_demonstrations(seed)]
    share = [each for each in every if part_of(render("", each, seed.tags), _PARTS) == 1]
    words = (
        f"{len(share)} of the {len(every)} demonstrations of {name}, those whose hash falls into the last "
        f"{_PARTS[1].share:.0%}"
    )
    return Yardstick([held_out_of(each, seed) for each in share], words)
