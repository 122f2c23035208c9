"""A studio over each kind of database."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialogue.seeds import Seeds
from storage.log.sql_log import SqlLog
from tests.storage.export.studio import ENGLISH, SUPPORT, Studio
from tests.storage.log.places import an_operator


@pytest.fixture
async def studio(log: SqlLog, database_url: str, tmp_path: Path) -> Studio:
    """A studio with nothing in its log."""
    folder = tmp_path / "exports"
    folder.mkdir()
    return Studio(log, database_url, folder, await an_operator(log, "Olga"), Seeds([SUPPORT, ENGLISH]))
