"""Passwords: hashed with argon2id, compared in a thread, a few at a time."""

from __future__ import annotations

import asyncio
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from dialogue.errors import ReviewError

# OWASP ASVS 5.0, 6.2.1 asks for 8 at least and recommends 15; a team that types it once a day can do with 12.
SHORTEST = 12
# Longer ones cost nothing to hash, but somebody could send megabytes.
LONGEST = 1024

# The library's defaults are RFC 9106's second recommendation: argon2id, 64 MiB, 3 passes, 4 lanes.
_hasher = PasswordHasher()

# Each takes 64 MiB for some 50 ms: many at once would starve the rest of the process.
_AT_A_TIME = 2


def hashed(password: str) -> str:
    """Return the hash to keep.

    Raises:
        ReviewError: the password is too short or too long.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise ReviewError(f"a password has {SHORTEST} to {LONGEST} characters, this one has {len(password)}")
    return _hasher.hash(_safe(password))


class Passwords:
    """Compares passwords without holding anybody up."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(_AT_A_TIME)
        # For names that do not exist: the answer takes as long, and tells nobody which names do.
        self._nobodys = _nobodys()

    async def is_right(self, password: str, kept: str | None) -> bool:
        """Say whether the password is the one whose hash was kept; None for an account that does not exist."""
        async with self._free:
            is_same = await asyncio.to_thread(_is_same, password[:LONGEST], kept or self._nobodys)
        return is_same and bool(kept) and len(password) <= LONGEST

    async def hashed(self, password: str) -> str:
        """Return the hash to keep.

        Raises:
            ReviewError: the password is too short or too long.
        """
        async with self._free:
            return await asyncio.to_thread(hashed, password)

    @staticmethod
    def is_outdated(kept: str) -> bool:
        """Say whether the hash was made with weaker parameters than today's."""
        return _hasher.check_needs_rehash(kept)


@cache
def _nobodys() -> str:
    return _hasher.hash("nobody's")


def _is_same(password: str, kept: str) -> bool:
    try:
        return _hasher.verify(kept, _safe(password))
    except (VerificationError, InvalidHashError):
        return False


def _safe(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
