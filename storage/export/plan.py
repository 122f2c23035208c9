"""What an export is to write, and where."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from storage.export.lengths import Ruler
from storage.export.splits import Split
from storage.export.wanted import Ending, Format, Handling, Wanted


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written, and where.

    Args:
        out: the file; of several parts each is named after it: `out.train.jsonl`.
        is_fine_tuned: for a model that needs only the form: prompts are without the seed's text.
        ruler: counts the tokens of the rows; None where nobody asks for them.
        processes: how many prepare the rows where there are very many.
    """

    format: Format
    out: Path
    wanted: Wanted = field(default_factory=Wanted)
    splits: tuple[Split, ...] = (Split(),)
    personal_data: Handling = Handling.REMOVE
    near_duplicates: Handling = Handling.REMOVE
    ending: Ending = Ending.EOS
    is_fine_tuned: bool = False
    is_overwriting: bool = False
    ruler: Ruler | None = None
    processes: int = 1
