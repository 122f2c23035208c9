"""What was promoted answers from the next message on, its adapter taken from the log, until it is taken back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dialogue.casting import Cast, Promotion, place_of
from dialogue.engine.wardrobe import EngineWardrobe
from dialogue.errors import StorageUnavailable
from dialogue.ports import Job
from storage.casting import PromotedCasting
from storage.live.rehearsal import rehearsal_of
from storage.log.sql_log import SqlLog
from storage.seed_versions import SeedVersions, trial_name
from tests.fakes import GREETING_SEED, SEED, SEEDS, ScriptedEngine, a_job
from tests.storage.conftest import Clock
from tests.storage.log.places import Place, open_place
from tests.storage.log.test_versioning import edited

ADAPTER = "sha256:0123456789abcdef"
FILES = {"lineage.json": b'{"base_model": {"revision": "1"}}', "adapter_config.json": b"{}"}


class Reach:
    """A log that can be out of reach."""

    def __init__(self, log: SqlLog) -> None:
        self._log = log
        self.is_away = False

    async def promotions(self) -> list[Promotion]:
        self._check()
        return await self._log.promotions()

    async def beginning(self, dialogue_id: str) -> tuple[int, float] | None:
        self._check()
        return await self._log.beginning(dialogue_id)

    async def adapter_files(self, adapter: str) -> dict[str, bytes]:
        self._check()
        return await self._log.adapter_files(adapter)

    def _check(self) -> None:
        if self.is_away:
            raise StorageUnavailable("the log is away")


class Stage:
    """A worker's casting beside a log."""

    def __init__(self, log: SqlLog, folder: Path) -> None:
        self.log = log
        self.reach = Reach(log)
        self.now = 0.0
        self.engine = ScriptedEngine([])
        versions, wardrobe = SeedVersions(log, SEEDS), EngineWardrobe(self.engine, own=None)
        self.casting = PromotedCasting(SEEDS, SEED.name, self.reach, versions, wardrobe, folder, clock=lambda: self.now)

    async def promote(self, stand_in: str = SEED.name, adapter: str = "", share: float = 1.0) -> int:
        async with self.log.writing() as writing:
            if adapter:
                await writing.keep_adapter(adapter, FILES)
            return (await writing.promote(SEED.name, stand_in, adapter, share, {})).id

    async def cast(self, job: Job) -> Cast:
        self.now += 2.0
        return await self.casting.cast(job)


@pytest.fixture
def stage(log: SqlLog, tmp_path: Path) -> Stage:
    """A worker with an engine of the revision `1`."""
    return Stage(log, tmp_path / "adapters")


JOB = a_job("Hi")


async def test_an_adapter_answers_at_once_and_is_gone_when_it_is_taken_back(stage: Stage, tmp_path: Path) -> None:
    assert await stage.cast(JOB) == Cast(SEED)

    promotion = await stage.promote(adapter=ADAPTER)

    assert await stage.cast(JOB) == Cast(SEED, ADAPTER, promotion)
    folder = stage.engine.adapters[ADAPTER]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    async with stage.log.writing() as writing:
        await writing.withdraw(SEED.name)
    assert await stage.cast(JOB) == Cast(SEED)


async def test_a_draft_is_tried_whatever_was_promoted(stage: Stage) -> None:
    await stage.promote(stand_in=GREETING_SEED.name)
    draft = edited(SEED.name, "Another beginning.")
    async with stage.log.writing() as writing:
        await writing.keep_draft(draft)

    assert await stage.cast(replace(JOB, seed=trial_name(draft))) == Cast(draft)
    assert (await stage.cast(JOB)).seed == GREETING_SEED


async def test_another_seed_stands_in(stage: Stage) -> None:
    promotion = await stage.promote(stand_in=GREETING_SEED.name)

    assert await stage.cast(JOB) == Cast(GREETING_SEED, None, promotion)


async def test_a_share_is_told_by_the_chat_and_by_when_its_dialogue_began(stage: Stage, clock: Clock) -> None:
    places = [await open_place(stage.log, str(number), person_id=str(number)) for number in range(8)]
    share = sorted(place_of(place.chat.id, SEED.name) for place in places)[4]
    clock.now += 1
    await stage.promote(adapter=ADAPTER, share=share)

    async def sides() -> list[bool]:
        return [(await stage.cast(job_of(place))).promotion > 0 for place in places]

    assert await sides() == [False] * 8
    for place in places:
        async with stage.log.writing() as writing:
            place.chat = await writing.new_dialogue(place.chat)
    chosen = [place_of(place.chat.id, SEED.name) < share for place in places]
    assert sum(chosen) == 4
    assert await sides() == chosen
    clock.now += 1
    async with stage.log.writing() as writing:
        await writing.change_share(SEED.name, 0.999)
    assert await sides() == chosen


def job_of(place: Place) -> Job:
    return replace(JOB, dialogue_id=place.chat.dialogue_id)


async def test_what_is_proposed_to_an_operator_is_of_the_dialogue_s_side(stage: Stage, clock: Clock) -> None:
    clock.now -= 1
    await stage.promote(adapter=ADAPTER, share=0.999)
    clock.now += 1
    place = await open_place(stage.log)
    job = replace(job_of(place), dialogue_id=rehearsal_of(place.chat.dialogue_id))

    assert (await stage.cast(job)).adapter == ADAPTER


async def test_a_worker_that_cannot_wear_it_answers_without(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.engine.revision = "2"
    await stage.promote(adapter=ADAPTER)

    assert await stage.cast(JOB) == Cast(SEED)
    assert await stage.cast(JOB) == Cast(SEED)
    assert [each.message for each in caplog.records if each.levelname == "WARNING"] == [
        f"promotion 1 for {SEED.name} is left off: adapter {ADAPTER} does not fit the model that works here"
    ]


async def test_while_the_log_is_away_what_is_known_goes_on(stage: Stage) -> None:
    stage.reach.is_away = True
    with pytest.raises(StorageUnavailable):
        await stage.cast(JOB)
    stage.reach.is_away = False
    promotion = await stage.promote(adapter=ADAPTER)
    assert (await stage.cast(JOB)).promotion == promotion

    stage.reach.is_away = True

    assert (await stage.cast(JOB)).promotion == promotion
