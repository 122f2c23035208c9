"""The seed workshop: an operator edits a seed, tries the draft beside what is at work, and puts it to work."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bot.review.asking import no_such_seed
from bot.review.diffs import Piece, differences
from bot.web.refusals import Refusal
from dialogue.errors import SeedError
from dialogue.seeds import Seed, Seeds, read_seed
from storage.log.sql_log import SqlLog
from storage.operators import Operator
from storage.reviewed import SeedChoice
from storage.seed_versions import SeedVersions, choices_at_work

# Each is shown with what it has changed.
_SHOWN_CHOICES = 20


@dataclass(frozen=True, slots=True)
class SeedState:
    """A seed as it is at work.

    Args:
        edited_by: the choice by which it is not as its file has it; None where it is.
    """

    seed: Seed
    edited_by: SeedChoice | None


@dataclass(frozen=True, slots=True)
class PastChoice:
    """A version that was put to work, with what it changed of the one before.

    Args:
        content: the version's file, as text.
    """

    choice: SeedChoice
    content: str
    change: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything about a seed that is to be edited.

    Args:
        content: the file of what is at work, as text; `file` that of the seed's own file.
        follows: the id of the last choice; 0 where nobody has chosen yet.
    """

    state: SeedState
    content: str
    file: str
    follows: int
    past: tuple[PastChoice, ...]


class Workshop:
    """What operators do with seeds."""

    def __init__(self, log: SqlLog, seeds: Seeds, versions: SeedVersions) -> None:
        self._log, self._seeds, self._versions = log, seeds, versions

    async def seeds(self) -> list[SeedState]:
        """Return all seeds as they are at work."""
        await self._versions.apply()
        edited = await choices_at_work(self._log, self._seeds)
        return [SeedState(seed, edited.get(seed.name)) for seed in self._seeds]

    async def bench(self, name: str) -> Bench:
        """Return everything about a seed.

        Raises:
            Refusal: there is no such seed.
        """
        await self._versions.apply()
        own = self._file(name)
        seed = self._seeds.get(name)
        choices = await self._log.seed_choices(name, _SHOWN_CHOICES)
        past = await asyncio.to_thread(_past, choices, text_of(own))
        edited_by = choices[0] if choices and choices[0].version == seed.version else None
        return Bench(SeedState(seed, edited_by), text_of(seed), text_of(own), choices[0].id if choices else 0, past)

    async def keep_draft(self, name: str, content: str) -> Seed:
        """Keep a draft for a day, so that it can be tried.

        Raises:
            Refusal: there is no such seed, or the draft is none.
        """
        draft = self._draft(name, content)
        async with self._log.writing() as writing:
            await writing.keep_draft(draft)
        return draft

    async def put_to_work(self, operator: Operator, name: str, content: str, note: str, follows: int) -> Seed:
        """Have a version answer from the next message on; the seed's file itself where it has this content.

        Args:
            follows: the id of the last choice that the operator knows of.

        Raises:
            Refusal: there is no such seed, or the content is none.
            Overtaken: somebody else was faster.
        """
        draft = self._draft(name, content)
        async with self._log.writing() as writing:
            is_file = draft.version == self._file(name).version
            await writing.choose_version(draft, operator, note, follows, is_file)
            await writing.note_action(operator, "seed", about=name)
        await self._versions.apply()
        return draft

    def _draft(self, name: str, content: str) -> Seed:
        own = self._file(name)
        try:
            draft = read_seed(f"{name}.toml", content.encode())
        except SeedError as error:
            raise Refusal(422, "no_seed", problems=error) from error
        if draft.kind is not own.kind:
            raise Refusal(422, "other_kind", kind=own.kind.value)
        return draft

    def _file(self, name: str) -> Seed:
        if name not in self._seeds.files:
            raise no_such_seed(self._seeds, name)
        return self._seeds.files[name]


def text_of(seed: Seed) -> str:
    """Return the file of a seed as text."""
    return seed.content.decode("utf-8-sig")


def _past(choices: Sequence[SeedChoice], own: str) -> tuple[PastChoice, ...]:
    texts = [each.content.decode("utf-8-sig") if each.version else own for each in choices]
    befores = [*texts, own][1:]
    return tuple(
        PastChoice(choice, content, differences(before, content))
        for choice, content, before in zip(choices, texts, befores, strict=True)
    )
