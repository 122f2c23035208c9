"""Keeps freed memory at hand: what a step allocates anew each time need not be fetched from the system each time."""

from __future__ import annotations

import ctypes

# glibc's numbers for its options, from malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8

# The scores of 32 texts over 262,144 words take 34 MB, and other threads than the first one get heaps of 64 MB that are
# given back whenever they are empty. Fetched anew at each step, pages of zeros cost 32 chats a third of their tokens.
_BLOCK_BYTES = 256 * 2**20
_KEPT_BYTES = 512 * 2**20


def keep_freed_memory() -> bool:
    """Tell glibc's allocator not to give memory back at once; say whether it listens (musl and macOS have others).

    For threads that are started afterwards.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    wishes = ((_M_ARENA_MAX, 1), (_M_MMAP_THRESHOLD, _BLOCK_BYTES), (_M_TRIM_THRESHOLD, _KEPT_BYTES))
    heard = [mallopt(option, value) for option, value in wishes]
    return all(heard)
