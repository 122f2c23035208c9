"""`govorun export`: approved conversations as training data, in the formats of the tools that train."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dialogue.errors import ExportError
from storage.export.wanted import Ending, Format, Handling, Wanted

if TYPE_CHECKING:
    from storage.export.exporting import Exported, ShowProgress
    from storage.export.lengths import Ruler
    from storage.export.plan import Plan

_Seed = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Only with this seed; may be said several times.")
]


def _day(meaning: str) -> Any:
    return typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], metavar="DATE", help=meaning, show_default=False)


def export(
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="The file: .jsonl, .jsonl.zst, .parquet, or .csv.", show_default=False)
    ],
    format: Annotated[
        Format, typer.Option(help="The shape of the rows; docs/export.md says what each is for.")
    ] = Format.PROMPT_COMPLETION,
    seed: _Seed = None,
    model: Annotated[str, typer.Option(metavar="NAME", help="Learn only what this model wrote.")] = "",
    since: Annotated[datetime | None, _day("Only what was last spoken in then or later.")] = None,
    until: Annotated[datetime | None, _day("Only what was last spoken in before then.")] = None,
    rating: Annotated[
        Literal["good", "bad"] | None, typer.Option(help="Learn only what operators rated so.", show_default=False)
    ] = None,
    operator: Annotated[str, typer.Option(metavar="NAME", help="Only what this operator has approved.")] = "",
    language: Annotated[
        Literal["ru", "en"] | None, typer.Option(help="Only with seeds of this language.", show_default=False)
    ] = None,
    include_unreviewed: Annotated[
        bool, typer.Option("--include-unreviewed", help="Also what nobody has approved or rejected yet.")
    ] = False,
    split: Annotated[
        str,
        typer.Option(
            metavar="NAME=SHARE,...",
            help="Divide the people between several files: train=0.9,test=0.1.",
            show_default=False,
        ),
    ] = "",
    personal_data: Annotated[
        Handling, typer.Option(help="Replace phones, names and the like by [PHONE_1], [NAME_1].")
    ] = Handling.REMOVE,
    near_duplicates: Annotated[
        Handling, typer.Option(help="Dialogues that say nearly the same as another one.")
    ] = Handling.REMOVE,
    ending: Annotated[
        Ending,
        typer.Option(help="How a reply ends: trainers add the end of text to it, or with the next speaker's tag."),
    ] = Ending.EOS,
    fine_tuned: Annotated[
        bool,
        typer.Option(
            "--fine-tuned",
            help="Prompts are a seed's form without its text, for a model that needs no examples.",
        ),
    ] = False,
    count_tokens: Annotated[
        str,
        typer.Option(
            metavar="MODEL",
            help="Say how long the rows are in the tokens of this model: embedded, a folder, or a name on the hub.",
            show_default=False,
        ),
    ] = "",
    processes: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="How many prepare rows where there are thousands of dialogues; each takes some 160 MB.",
            show_default="as many as there are processor cores, at most 8",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier export has written.")] = False,
) -> None:
    """Write approved conversations as training data, with a manifest, a dataset card and LLaMA-Factory's registry.

    Every prompt is rendered as the worker rendered it. Corrected replies are learned as corrected, those rated bad are
    not learned. People who have opted out or were forgotten are left out.

    [dim]Example: govorun export --format dpo --out pairs.jsonl --seed isp-support-ru --split train=0.9,test=0.1[/dim]
    """
    from storage.export.plan import Plan
    from storage.export.processes import usual_processes
    from storage.export.splits import Split, parse_splits
    from storage.reviewed import Rating

    wanted = Wanted(
        is_unreviewed_wanted=include_unreviewed,
        seeds=tuple(seed or ()),
        model=model,
        rating=Rating(rating or ""),
        operator=operator,
        since=since.timestamp() if since else None,
        until=until.timestamp() if until else None,
        language=language or "",
    )
    if since and until and since >= until:
        raise ExportError(f"--since {since:%Y-%m-%d} is not before --until {until:%Y-%m-%d}: nothing lies between them")
    plan = Plan(
        format=format,
        out=out,
        wanted=wanted,
        splits=parse_splits(split) if split else (Split(),),
        personal_data=personal_data,
        near_duplicates=near_duplicates,
        ending=ending,
        is_fine_tuned=fine_tuned,
        is_overwriting=overwrite,
        processes=processes or usual_processes(),
    )
    _tell(asyncio.run(_export(plan, count_tokens)))


async def _export(plan: Plan, model: str) -> Exported:
    from dataclasses import replace

    from rich.console import Console

    from bot.running.opened_log import opened_log
    from bot.running.progress import shown_progress
    from bot.settings import load_settings
    from storage.export.exporting import export
    from storage.seed_versions import seeds_at_work

    settings = load_settings()
    async with opened_log() as log:
        seeds = await seeds_at_work(log)
    for name in plan.wanted.seeds:
        seeds.get(name)
    with shown_progress(Console(stderr=True)) as show:
        ruler = _ruler(model, settings.data_dir, show) if model else None
        return await export(settings.sql_url, seeds, replace(plan, ruler=ruler), show)


def _ruler(model: str, data_dir: Path, show: ShowProgress) -> Ruler:
    """Return what counts tokens as a model does.

    Raises:
        ModelRefused: there is no such model.
    """
    from dialogue.engine.models.loading import load_tokenizer
    from dialogue.engine.vocabulary import Vocabulary
    from dialogue.learning.base_model import find
    from storage.export.lengths import Ruler

    base = find(model, data_dir, show)
    vocabulary = Vocabulary(load_tokenizer(base.folder))
    return Ruler(base.name, lambda text: len(vocabulary.encode(text)))


def _tell(exported: Exported) -> None:
    """Say what was written, and what was left out and why."""
    facts = exported.facts
    for file in facts["files"]:
        rows, dialogues = _counted(file["rows"], "row"), _counted(file["dialogues"], "dialogue")
        typer.echo(f"{exported.manifest.parent / file['name']}: {rows} of {dialogues}")
    left_out = {name: many for name, many in facts["counts"]["dialogues"].items() if name != "exported"}
    left_out |= {name: many for name, many in facts["counts"]["rows"].items() if name != "written"}
    if tokens := facts["lengths"].get("tokens"):
        typer.echo(
            f"{tokens['all']:,} tokens of {tokens['model']}; a row has {tokens['median_row']:,} in the middle, "
            f"{tokens['row_of_95_percent']:,} or less in 95 % of the cases, {tokens['longest_row']:,} at most."
        )
    if left_out:
        typer.echo(
            "Left out: " + ", ".join(f"{name.replace('_', ' ')} {many}" for name, many in left_out.items()) + "."
        )
    if facts["labels"] and not facts["labels"]["is_within_1_to_4_thirds"]:
        weights = f"{facts['labels']['desirable_weight']} and {facts['labels']['undesirable_weight']}"
        typer.echo(f"Liked and disliked are uneven: train with desirable and undesirable weights of {weights}.")
    if not any(file["rows"] for file in facts["files"]):
        is_all = facts["query"] == Wanted().as_query()
        hint = (
            "Only approved dialogues count: see the review pages." if is_all else "Nothing approved meets the options."
        )
        typer.echo(f"There was nothing to learn. {hint}")
    typer.echo(f"Where it comes from: {exported.manifest}")


def _counted(many: int, thing: str) -> str:
    return f"{many} {thing}{'' if many == 1 else 's'}"
