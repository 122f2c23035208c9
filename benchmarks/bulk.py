"""Puts very many rows into the tables of a log, past the log's own doors, which would take hours."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import JSON, Column, DefaultClause, Integer, Table, make_url

Row = dict[str, Any]
Batch = dict[Table, list[Row]]


class NewRows:
    """Rows on their way into the tables.

    Args:
        tables: in an order in which a row refers only to rows before it.
    """

    def __init__(self, tables: Sequence[Table]) -> None:
        self._tables = tables
        self._ids: defaultdict[Table, Iterator[int]] = defaultdict(lambda: count(1))
        self._rows: Batch = {table: [] for table in tables}

    def add(self, table: Table, *parts: Mapping[str, Any], **values: Any) -> Row:
        """Add a row, and return it with its id; until it is taken out, it may be changed."""
        row: Row = {name: value for part in (*parts, values) for name, value in part.items()}
        if "id" in table.c and "id" not in row:
            row["id"] = next(self._ids[table])
        self._rows[table].append(row)
        return row

    def rows(self, table: Table) -> list[Row]:
        """Return the rows that were not taken out yet."""
        return self._rows[table]

    def taken_out(self) -> Batch:
        """Return all rows; what is added from now on is another batch."""
        rows, self._rows = self._rows, {table: [] for table in self._tables}
        return rows


async def fill(url: str, batches: Iterable[Batch]) -> None:
    """Insert rows into tables that are there, a transaction for each batch, and have the database count them.

    PostgreSQL counts by itself, now and then; plans for tables that it holds to be empty would tell nothing. SQLite is
    never asked to: its plans are the same without.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        _fill_sqlite(Path(parsed.database or ""), batches)
    else:
        await _fill_postgresql(url, batches)


def _fill_sqlite(path: Path, batches: Iterable[Batch]) -> None:
    driver = sqlite3.connect(path)
    try:
        driver.execute("PRAGMA synchronous = OFF")  # Whoever loses power begins anew.
        for rows in batches:
            for table, added in rows.items():
                columns = ", ".join(f'"{column.name}"' for column in table.columns)
                holes = ", ".join("?" * len(table.columns))
                driver.executemany(f"INSERT INTO {table.name} ({columns}) VALUES ({holes})", _values(table, added))
            driver.commit()
    finally:
        driver.close()


async def _fill_postgresql(url: str, batches: Iterable[Batch]) -> None:
    driver = await asyncpg.connect(url)
    try:
        for rows in batches:
            async with driver.transaction():
                for table, added in rows.items():
                    columns = [column.name for column in table.columns]
                    await driver.copy_records_to_table(table.name, records=_values(table, added), columns=columns)
        for table in rows:
            if "id" in table.c and isinstance(table.c.id.type, Integer):
                last = f"(SELECT coalesce(max(id), 1) FROM {table.name})"
                await driver.execute(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), {last})")
        await driver.execute("VACUUM ANALYZE")
    finally:
        await driver.close()


def _values(table: Table, rows: Sequence[Row]) -> Iterator[tuple[Any, ...]]:
    """Yield rows as both drivers take them; a value that a row does not have is the column's default."""
    columns = [(column.name, isinstance(column.type, JSON), _default(column)) for column in table.columns]
    for row in rows:
        values = ((row.get(name, default), is_json) for name, is_json, default in columns)
        yield tuple(json.dumps(value) if is_json else value for value, is_json in values)


def _default(column: Column[Any]) -> Any:
    default = column.server_default
    if not isinstance(default, DefaultClause):
        return None
    return int(str(default.arg)) if isinstance(column.type, Integer) else str(default.arg)
