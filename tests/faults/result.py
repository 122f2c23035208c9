"""What came of a scenario."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table in `docs/guarantees.md`.

    Args:
        guarantee: its id, such as `G4`.
        injected: how many faults.
        load: what was said meanwhile, in words.
        lost: messages that were never answered.
        doubled: answers that came twice without being marked as possible duplicates.
        flagged: answers that came twice and are marked so.
        recovery_p99_s: how long a message waited after a strike, at the 99th percentile; None where nothing waited.
        complaints: everything else that was not as promised; empty where all was.
        note: what else is worth telling.
    """

    guarantee: str
    injected: int
    load: str
    lost: int = 0
    doubled: int = 0
    flagged: int = 0
    recovery_p99_s: float | None = None
    complaints: tuple[str, ...] = field(default=())
    note: str = ""

    @property
    def is_kept(self) -> bool:
        """Whether the promise was kept."""
        return not self.lost and not self.doubled and not self.complaints
