"""Versions of seeds are kept byte for byte, drafts for a day; what operators choose is on record, and taken back."""

from __future__ import annotations

import asyncio

import pytest

from dialogue.errors import Overtaken
from dialogue.seeds import Seed, read_seed
from storage.log.sql_log import SqlLog
from storage.operators import Operator, Role
from tests.storage.conftest import Clock

LEAD = Operator(1, "vera", Role.LEAD)


def edited(name: str, text: str) -> Seed:
    """Return a version of a seed that begins with this text."""
    lines = [f'name = "{name}"', 'language = "en"', 'title = "A seed"', 'description = "It talks."', f'text = "{text}"']
    return read_seed(f"{name}.toml", "\n".join(lines).encode())


async def choose(log: SqlLog, seed: Seed, note: str, is_file: bool = False) -> None:
    before = await log.seed_choices(seed.name, limit=1)
    async with log.writing() as writing:
        await writing.choose_version(seed, LEAD, note, before[0].id if before else 0, is_file)


async def test_the_last_choice_is_at_work_until_the_file_is_chosen(log: SqlLog, clock: Clock) -> None:
    first, second, other = edited("support", "One."), edited("support", "Two."), edited("films", "Three.")
    await choose(log, first, "shorter")
    await choose(log, other, "")
    await choose(log, second, "no, longer \ud83d")
    assert await log.chosen_seeds() == {"support": second.version, "films": other.version}

    clock.now += 5
    await choose(log, first, "as it came", is_file=True)

    assert await log.chosen_seeds() == {"films": other.version}
    told = [(each.version, each.content, each.operator, each.note) for each in await log.seed_choices("support")]
    assert told == [
        ("", b"", "vera", "as it came"),
        (second.version, second.content, "vera", "no, longer \ud83d"),
        (first.version, first.content, "vera", "shorter"),
    ]
    assert [each.at for each in await log.seed_choices("support", limit=1)] == [clock.now]


async def test_versions_are_kept_once_and_come_back_byte_for_byte(log: SqlLog) -> None:
    seed = edited("support", "Привет «всем» \u2028.")
    for _ in range(2):
        async with log.writing() as writing:
            await writing.keep_versions([seed])

    assert await log.seed_version(seed.version) == ("support", seed.content)
    assert await log.seed_version("0" * 16) is None


async def test_drafts_are_kept_for_a_day_and_for_good_once_they_are_chosen(log: SqlLog, clock: Clock) -> None:
    tried, chosen, late = (edited("support", text) for text in ("One.", "Two.", "Three."))
    for draft in (tried, chosen):
        async with log.writing() as writing:
            await writing.keep_draft(draft)
    await choose(log, chosen, "better")

    clock.now += 25 * 3600
    async with log.writing() as writing:
        await writing.keep_draft(late)

    kept = {each.version for each in (tried, chosen, late) if await log.seed_version(each.version)}
    assert kept == {chosen.version, late.version}


async def test_who_does_not_know_of_the_last_choice_changes_nothing(log: SqlLog) -> None:
    first, second = edited("support", "One."), edited("support", "Two.")
    await choose(log, first, "")

    for follows in (0, 7):
        with pytest.raises(Overtaken, match="somebody else has changed support since"):
            async with log.writing() as writing:
                await writing.choose_version(second, LEAD, "", follows)

    assert await log.chosen_seeds() == {"support": first.version}


async def test_of_two_at_the_same_time_one_is_refused(log: SqlLog) -> None:
    async def choose_one(text: str) -> bool:
        try:
            async with log.writing() as writing:
                await writing.choose_version(edited("support", text), LEAD, "", 0)
        except Overtaken:
            return False
        return True

    taken = await asyncio.gather(*(choose_one(f"Number {number}.") for number in range(5)))

    assert sum(taken) == 1
    assert len(await log.seed_choices("support")) == 1
