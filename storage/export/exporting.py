"""`govorun export`: from the log into files, dialogue by dialogue, in memory that does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import Row, Select

from dialogue.errors import ExportError
from dialogue.seeds import Seeds
from storage.export.card import REGISTRY, card, card_path, registry
from storage.export.files import Sealed, WholeFiles, whole_files
from storage.export.fitting import check_that_it_ends, check_that_it_fits
from storage.export.ledger import Ledger
from storage.export.lengths import Lengths
from storage.export.manifest import manifest_of, others_beside, write_manifest
from storage.export.near_duplicates import NearDuplicates
from storage.export.plan import Plan
from storage.export.preparing import Prepared, Preparing, Written
from storage.export.processes import PreparePages, pages_in_order
from storage.export.reading import TalkReader
from storage.export.shapes.catalogue import SHAPES
from storage.export.sinks import Sink, ending_of, open_sink
from storage.export.splits import Crowd, Split, part_of
from storage.export.tally import Tally
from storage.log.migration_state import table_version
from storage.log.sql import SqlEngine, sql_engines, transaction, translated
from storage.log.versioning import read_versions
from storage.seed_versions import versions_of

ShowProgress = Callable[[str, float], None]
"""Takes the name of a stage and how much of it is done, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Args:
        facts: what the manifest says, without the dialogues.
    """

    manifest: Path
    facts: dict[str, Any]


@dataclass(slots=True)
class _Part:
    """One file that is being written."""

    split: Split
    path: Path
    sink: Sink
    rows: int = 0
    dialogues: int = 0


async def export(url: str, seeds: Seeds, plan: Plan, show: ShowProgress) -> Exported:
    """Write what is wanted.

    Raises:
        ExportError: it cannot be written as asked, or somebody was forgotten while it was.
        StorageUnavailable: the database is out of reach.
    """
    ending = ending_of(plan.out, plan.format)
    paths = [_part_path(plan.out, split, ending) for split in plan.splits]
    check_that_it_fits(plan.format, plan.is_fine_tuned, [seeds.get(name) for name in plan.wanted.seeds])
    check_that_it_ends(plan.format, plan.ending)
    _refuse_to_overwrite(plan, [*paths, manifest_of(plan.out)])
    tables = await table_version(url)
    with ExitStack() as stack:
        files = stack.enter_context(whole_files())
        ledger = stack.enter_context(Ledger())
        async with sql_engines(url) as engines:
            parts = [
                _Part(split, path, open_sink(files.open(path), ending))
                for split, path in zip(plan.splits, paths, strict=True)
            ]
            versions = versions_of(await _rows(engines.reading, read_versions))
            preparing = Preparing(plan, seeds, versions)
            similar = stack.enter_context(NearDuplicates())
            run = _Run(plan, seeds, preparing.reader(engines.reading), ledger, similar, parts, Tally())
            await run.write(pages_in_order(url, engines.reading, preparing, plan.processes), show)
            for part in parts:
                part.sink.close()
            show("Making sure of the files", 0.0)
            sealed = [files.seal(part.path) for part in parts]
            facts = run.facts(sealed) | {"database": {"kind": engines.reading.dialect.name, "tables": tables}}
            shown = _describe(files, run, facts, ending)
            await run.check_that_nobody_has_left()
        files.show([*shown, *paths])
        show("Making sure of the files", 1.0)
    return Exported(manifest_of(plan.out), facts)


@dataclass(slots=True)
class _Run:
    """One export that is under way."""

    plan: Plan
    seeds: Seeds
    reader: TalkReader
    ledger: Ledger
    similar: NearDuplicates
    parts: list[_Part]
    tally: Tally
    _crowd: Crowd = field(default_factory=Crowd)
    _lengths: Lengths = field(init=False)

    def __post_init__(self) -> None:
        self._lengths = Lengths(self.plan.ruler)

    async def write(self, prepared: PreparePages, show: ShowProgress) -> None:
        """Write the rows of all dialogues."""
        if len(self.plan.splits) > 1:
            self._crowd.add(await self.reader.group_members())
        many, done = await self.reader.count(), 0
        show("Exporting", 0.0)
        async with aclosing(prepared(self.reader.pages(), many)) as pages:
            async for page in pages:
                self.tally.dialogues["opted_out"] += page.opted_out
                for each in page.prepared:
                    self._take(each)
                done += page.asked
                show("Exporting", min(done / many, 1.0) if many else 1.0)
        show("Exporting", 1.0)

    async def check_that_nobody_has_left(self) -> None:
        """Make sure that nobody was forgotten, and nothing rejected, since it was read.

        Raises:
            ExportError: something was.
        """
        for dialogues in self.ledger.all_dialogues():
            self._refuse(await self.reader.gone(dialogues, []))
        for people in self.ledger.all_people():
            self._refuse(await self.reader.gone([], people))

    def facts(self, sealed: list[Sealed]) -> dict[str, Any]:
        """Return what the manifest says."""
        plan, tally = self.plan, self.tally
        named = {part.path: part for part in self.parts}
        languages = {self.seeds.get(name).language for name in tally.seeds}
        return {
            "manifest": manifest_of(plan.out).name,
            "format": str(plan.format),
            "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "govorun": version("govorun"),
            "query": plan.wanted.as_query(),
            "ending": str(plan.ending),
            "fine_tuned": plan.is_fine_tuned,
            "splits": {split.name: split.share for split in plan.splits if split.name},
            "near_duplicates": str(plan.near_duplicates),
            "personal_data": {"handling": str(plan.personal_data), "replaced": _sorted(tally.personal_data)},
            "counts": {
                "dialogues": _sorted(tally.dialogues),
                "rows": _sorted(tally.rows),
                "sources": _sorted(tally.sources),
                "ratings": _sorted(tally.ratings),
                "prompts": _sorted(tally.prompts),
            },
            "labels": tally.label_ratio() if tally.labels else {},
            "lengths": self._lengths.facts(),
            "languages": sorted(languages),
            "seeds": {
                name: {"version": self.seeds.get(name).version, "replies_by_version": _sorted(served)}
                for name, served in sorted(tally.seeds.items())
            },
            "models": _sorted(tally.models),
            "reviewers": _sorted(tally.reviewers),
            "files": [
                {
                    "name": each.path.name,
                    "split": named[each.path].split.name,
                    "rows": named[each.path].rows,
                    "dialogues": named[each.path].dialogues,
                    "bytes": each.bytes,
                    "sha256": each.sha256,
                }
                for each in sealed
            ],
        }

    def _take(self, prepared: Prepared) -> None:
        """Write the rows of one dialogue."""
        self.tally.personal_data.update(prepared.replaced)
        self.tally.rows["not_in_form"] += prepared.not_in_form
        if prepared.left_out:
            self.tally.dialogues[prepared.left_out] += 1
            return
        if prepared.signature and not self.similar.is_new(prepared.signature):
            self.tally.dialogues["near_duplicates"] += 1
            return
        talk = prepared.talk
        index = part_of(self._crowd.key(talk), self.plan.splits) if len(self.parts) > 1 else 0
        if self._write_rows(self.parts[index], prepared.rows):
            self.ledger.hold(index, talk.id, talk.people)
            self.parts[index].dialogues += 1
            self.tally.dialogues["exported"] += 1
            self.tally.update(prepared.tally)

    def _write_rows(self, part: _Part, rows: Sequence[Written]) -> bool:
        """Write the rows that are not in any file yet; say whether there was one."""
        before = part.rows
        for each in rows:
            if not self.ledger.is_new(each.digest):
                self.tally.rows["exact_duplicates"] += 1
                continue
            part.sink.write(each.row, each.line)
            part.rows += 1
            self.tally.add_row(each.row)
            self._lengths.add(each.row, each.characters)
        return part.rows > before

    @staticmethod
    def _refuse(gone: tuple[int, int]) -> None:
        if any(gone):
            raise ExportError("somebody was forgotten, or a dialogue rejected, during the export; start it again")


async def _rows(engine: SqlEngine, statement: Select[Any]) -> Sequence[Row[Any]]:
    async with transaction(engine) as connection:
        with translated():
            return (await connection.execute(statement)).all()


def _describe(files: WholeFiles, run: _Run, facts: dict[str, Any], ending: str) -> list[Path]:
    """Write the manifest and what other tools want; return the paths, the manifest first.

    It comes first so that no file with what people said is ever there without a manifest that names them.
    """
    plan, shape = run.plan, SHAPES[run.plan.format]
    manifest = manifest_of(plan.out)
    held = {part.path.name: run.ledger.dialogues(index) for index, part in enumerate(run.parts)}
    write_manifest(files.open(manifest), facts, held)
    files.seal(manifest)
    shown = [manifest, card_path(plan.out)]
    files.write(shown[1], card(facts, shape, ending, others_beside(manifest)))
    known = registry(plan.out.parent, facts, shape)
    if known is not None:
        shown.append(plan.out.parent / REGISTRY)
        files.write(shown[2], known)
    return shown


def _part_path(out: Path, split: Split, ending: str) -> Path:
    if not split.name:
        return out
    return out.with_name(f"{out.name[: -len(ending)]}.{split.name}{out.name[-len(ending) :]}")


def _refuse_to_overwrite(plan: Plan, paths: list[Path]) -> None:
    if not plan.out.parent.is_dir():
        raise ExportError(f"--out {plan.out}: there is no folder {plan.out.parent}")
    for path in paths:
        if path.is_dir():
            raise ExportError(f"--out {path}: that is a folder; name a file")
        if path.exists() and not plan.is_overwriting:
            raise ExportError(f"{path} exists already; --overwrite replaces it")


def _sorted(counts: dict[Any, int]) -> dict[str, int]:
    """Return counts, the greatest first, those of nothing left out."""
    return {
        str(name): count for name, count in sorted(counts.items(), key=lambda each: (-each[1], str(each[0]))) if count
    }
