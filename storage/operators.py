"""Operators: who may review, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What an operator may do; each role may do what the one before it may.

    A reviewer reads, judges, corrects and takes dialogues over. A lead also changes many dialogues at once and sees who
    did what. An admin also sees the accounts; what changes them is the command line.
    """

    REVIEWER = "reviewer"
    LEAD = "lead"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """Say whether who has this role may do what that one may."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(other)


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody with an account.

    Args:
        created_at: seconds since the epoch; 0 where it was not asked for.
    """

    id: int
    name: str
    role: Role
    is_active: bool = True
    created_at: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Session:
    """A browser in which an operator is logged in.

    Args:
        id: the hash of what the cookie holds; nobody can log in with it.
        csrf_token: what the session's pages add to each change.
        agent: how the browser calls itself.
        seen_at: when it was last used, seconds since the epoch.
    """

    id: str
    operator: Operator
    csrf_token: str
    agent: str
    created_at: float
    seen_at: float


@dataclass(frozen=True, slots=True)
class Token:
    """What a program of an operator shows instead of a password; the token itself is shown once and not kept.

    Args:
        used_at: when it was last used, seconds since the epoch; None for never.
    """

    id: int
    name: str
    created_at: float
    used_at: float | None
