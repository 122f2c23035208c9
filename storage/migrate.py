"""Brings a database to the newest version of the tables."""

from __future__ import annotations


async def migrate(url: str) -> None:
    """Make or upgrade the tables; safe to call from several processes at once.

    Raises:
        StorageUnavailable: the database is out of reach.
    """
    raise NotImplementedError
