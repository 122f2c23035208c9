"""What operators chose is at work in every process, and what cannot be used leaves the file at work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialogue.errors import StorageUnavailable
from dialogue.seeds import Seeds
from storage.log.sql_log import SqlLog
from storage.seed_versions import SeedVersions, trial_name
from tests.storage.log.test_versioning import choose, edited

FILE, OTHER = edited("support", "As it came."), edited("films", "Films.")


@pytest.fixture
def seeds() -> Seeds:
    """The seeds of one process."""
    return Seeds([FILE, OTHER])


async def test_a_chosen_version_is_at_work_and_the_file_again_after_it(log: SqlLog, seeds: Seeds) -> None:
    versions, draft = SeedVersions(log, seeds), edited("support", "Better.")
    await choose(log, draft, "")

    await versions.apply()

    assert (seeds.get("support"), seeds.get("films")) == (draft, OTHER)
    assert list(seeds) == [OTHER, draft]
    assert seeds.files["support"] == FILE
    await choose(log, FILE, "", is_file=True)
    await versions.apply()
    assert seeds.get("support") == FILE


async def test_a_version_that_is_no_seed_any_more_leaves_the_file_at_work(
    log: SqlLog, seeds: Seeds, caplog: pytest.LogCaptureFixture
) -> None:
    await choose(log, replace(FILE, content=b"kind = 'gone'", version="0123456789abcdef"), "")
    await choose(log, edited("no-file-of-this-name", "New."), "")

    await SeedVersions(log, seeds).apply()

    assert list(seeds) == [OTHER, FILE]
    assert "a version of seed support is left off: support.toml: " in caplog.text


async def test_every_version_is_found_by_its_hash(log: SqlLog, seeds: Seeds) -> None:
    versions, draft = SeedVersions(log, seeds), edited("support", "Better.")
    async with log.writing() as writing:
        await writing.keep_draft(draft)

    assert await versions.get(draft.version) == draft
    assert await versions.get(FILE.version) == FILE
    assert await versions.get("0" * 16) is None
    assert await versions.tried(trial_name(draft)) == draft
    assert await versions.tried("support") is None


async def test_while_the_log_is_away_the_seeds_stay_as_they_are(log: SqlLog, seeds: Seeds) -> None:
    class Away:
        async def chosen_seeds(self) -> dict[str, str]:
            raise StorageUnavailable("the log is away")

        async def seed_version(self, version: str) -> tuple[str, bytes] | None:
            raise AssertionError(version)

    with pytest.raises(StorageUnavailable):
        await SeedVersions(Away(), seeds).apply()

    assert list(seeds) == [OTHER, FILE]
