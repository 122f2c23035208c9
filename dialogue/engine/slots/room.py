"""How many rows of keys and values the memory has room for."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from dialogue.errors import ModelRefused

if TYPE_CHECKING:
    import torch

# Of what is free once the model is there. A CPU shares its memory with everything else on the machine, and needs some
# of it for the steps themselves; on a GPU the steps take a tenth at most.
_SHARES = {"cpu": 0.25, "cuda": 0.85}

# How many rows there are for each text that is written at the same time: the others keep the keys of dialogues whose
# people are thinking or typing, so that the next turn reads only what is new.
_ROWS_PER_PLACE = 2


def rows_that_fit(places: int, row_tokens: int, bytes_per_token: int, budget_bytes: int) -> int:
    """Return how many rows to have.

    Args:
        places: how many texts are to be written at the same time.
        budget_bytes: the most that the rows may take when all are full.

    Raises:
        ModelRefused: not even one row fits; the text says what to do.
    """
    row_bytes = row_tokens * bytes_per_token
    if row_bytes > budget_bytes:
        raise ModelRefused(
            f"the keys and values of one dialogue of {row_tokens} tokens take {row_bytes / 1e9:.2f} GB, and there is "
            f"room for {budget_bytes / 1e9:.2f} GB: free some memory, set GOVORUN_CACHE_GB to more, or use a smaller "
            f"model"
        )
    return min(places * _ROWS_PER_PLACE, budget_bytes // row_bytes)


def budget_bytes(device: torch.device) -> int:
    """Return how much of the device's memory keys and values may take, if nobody says otherwise."""
    return int(_free_bytes(device) * _SHARES["cuda" if device.type == "cuda" else "cpu"])


def _free_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        import torch

        return torch.cuda.mem_get_info(device)[0]
    return min(_free_on_machine(), _free_in_container())


def _free_on_machine() -> int:
    info = Path("/proc/meminfo")
    if info.exists() and (found := re.search(r"^MemAvailable:\s+(\d+) kB", info.read_text("ascii"), re.MULTILINE)):
        return int(found[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _free_in_container(group: Path = Path("/sys/fs/cgroup")) -> int:
    """Return what the container may still take; more than any machine has where there is no limit."""
    try:
        limit, used = ((group / f"memory.{name}").read_text("ascii").strip() for name in ("max", "current"))
        return 2**62 if limit == "max" else int(limit) - int(used)
    except (OSError, ValueError):
        return 2**62
