"""Says of which kinds of seeds a format can hold what was said, and how its replies can end."""

from __future__ import annotations

from collections.abc import Iterable

from dialogue.errors import ExportError
from dialogue.forms import SeedKind
from dialogue.seeds import Seed
from storage.export.shapes.catalogue import SHAPES
from storage.export.wanted import Ending, Format


def kinds_for(format: Format, is_fine_tuned: bool) -> frozenset[SeedKind]:
    """Return the kinds whose dialogues are written.

    Args:
        is_fine_tuned: prompts are the form alone, without the seed's text; a dialogue has no form.
    """
    kinds = SHAPES[format].kinds
    return kinds - {SeedKind.DIALOGUE} if is_fine_tuned else kinds


def check_that_it_fits(format: Format, is_fine_tuned: bool, seeds: Iterable[Seed]) -> None:
    """Make sure that a format can hold what was said behind these seeds.

    Raises:
        ExportError: it cannot; the text names the formats that can.
    """
    if is_fine_tuned and not SHAPES[format].is_prompted:
        raise ExportError(
            f"--fine-tuned leaves the text of seeds out of prompts, and rows of the format {format} have none; "
            f"take {_prompted()}"
        )
    for seed in seeds:
        if seed.kind in kinds_for(format, is_fine_tuned):
            continue
        if is_fine_tuned and seed.kind is SeedKind.DIALOGUE:
            raise ExportError(f"--fine-tuned: the seed {seed.name} is a dialogue, which has no form beside its text")
        fitting = ", ".join(each for each, shape in SHAPES.items() if seed.kind in shape.kinds)
        raise ExportError(
            f"--format {format} cannot hold what the seed {seed.name} of the kind {seed.kind} writes; take {fitting}"
        )


def check_that_it_ends(format: Format, ending: Ending) -> None:
    """Make sure that replies can end so in a format: where no tag begins them, none ends them.

    Raises:
        ExportError: they cannot; the text names the formats in which they can.
    """
    if ending is Ending.TAG and not SHAPES[format].is_prompted:
        raise ExportError(f"--ending tag: rows of the format {format} have no speakers' tags; take {_prompted()}")


def _prompted() -> str:
    return ", ".join(each for each, shape in SHAPES.items() if shape.is_prompted)
