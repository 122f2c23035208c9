"""Makes rows of dialogues, of each apart from all others: what is the same in two of them is found later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, NamedTuple

from dialogue.seeds import TUNED, Seed, Seeds
from storage.export.fitting import kinds_for
from storage.export.json_lines import json_line
from storage.export.material import Material
from storage.export.plan import Plan
from storage.export.privacy.placeholders import without_personal_data
from storage.export.reading import TalkReader
from storage.export.shapes.catalogue import SHAPES
from storage.export.talks import Talk
from storage.export.tally import Tally
from storage.export.wanted import Format, Handling
from storage.log.sql import SqlEngine


class Written(NamedTuple):
    """A row as it is written.

    Args:
        line: the row in JSON, with the line break.
        characters: how long the line is.
        digest: of the line, as a signed number of 64 bits.
    """

    row: dict[str, Any]
    line: bytes
    characters: int
    digest: int


@dataclass(slots=True)
class Prepared:
    """What an export may write of one dialogue.

    Args:
        talk: whose it is; without what was said.
        left_out: why nothing of it is written; empty where there are rows.
        not_in_form: how many replies the form of the seed cannot hold.
        replaced: how much personal data was replaced, by kind.
        signature: what it is told by whether another one says nearly the same; None where nobody asks.
        tally: what is counted if the rows are written.
    """

    talk: Talk
    left_out: str = ""
    rows: tuple[Written, ...] = ()
    not_in_form: int = 0
    replaced: Counter[str] = field(default_factory=Counter)
    signature: bytes | None = None
    tally: Tally = field(default_factory=Tally)


@dataclass(slots=True)
class Page:
    """Some dialogues.

    Args:
        asked: how many were to be prepared.
        opted_out: how many of them nobody may learn from.
    """

    asked: int
    opted_out: int
    prepared: list[Prepared]


class Preparing:
    """Reads dialogues and makes rows of them; may be sent to another process.

    Args:
        versions: what seeds were like when they served, by version.
    """

    def __init__(self, plan: Plan, seeds: Seeds, versions: Mapping[str, Seed]) -> None:
        self._plan, self._seeds, self._versions = replace(plan, ruler=None), seeds, versions
        self._kinds = kinds_for(plan.format, plan.is_fine_tuned)

    def reader(self, engine: SqlEngine) -> TalkReader:
        """Return what reads the dialogues that are wanted."""
        languages = {name: seed.language for seed in self._seeds for name in (seed.name, f"{seed.name}{TUNED}")}
        return TalkReader(engine, self._plan.wanted, languages)

    async def page(self, engine: SqlEngine, ids: Sequence[str]) -> Page:
        """Read dialogues by their ids, and make rows of them.

        Raises:
            StorageUnavailable: the database is out of reach or busy.
        """
        talks, opted_out = await self.reader(engine).read(ids)
        signature = self._signature()
        return Page(len(ids), opted_out, [self._prepared(talk, signature) for talk in talks])

    def _prepared(self, logged: Talk, signature: Callable[[Talk], bytes | None]) -> Prepared:
        prepared = Prepared(replace(logged, said=()))
        if logged.seed not in self._seeds:
            prepared.left_out = "seed_gone"
            return prepared
        seed, versions = self._seeds.get(logged.seed), self._versions
        if seed.kind not in self._kinds:
            prepared.left_out = "other_kind"
            return prepared
        if self._plan.is_fine_tuned:
            versions, seed = {**versions, seed.version: seed}, seed.tuned()
        talk = logged
        if self._plan.personal_data is Handling.REMOVE:
            talk, prepared.replaced = without_personal_data(logged, seed.language)
        material = Material(logged, talk, seed, versions, self._plan.wanted, self._plan.ending)
        prepared.rows = tuple(self._written(row) for row in SHAPES[self._plan.format].rows(material))
        prepared.not_in_form = len(material.not_in_form)
        if not prepared.rows:
            prepared.left_out = "nothing_to_learn"
            return prepared
        prepared.signature = signature(talk)
        prepared.tally.add(material)
        return prepared

    def _written(self, row: dict[str, Any]) -> Written:
        line = json_line(row, is_lossless=self._plan.format is Format.JSONL)
        digest = int.from_bytes(blake2b(line, digest_size=8).digest(), signed=True)
        return Written(row, line, len(line.decode()), digest)

    def _signature(self) -> Callable[[Talk], bytes | None]:
        if self._plan.near_duplicates is Handling.KEEP:
            return lambda talk: None
        # It loads much, and is not always needed.
        from storage.export.signatures import signature

        return signature
