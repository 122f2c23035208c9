"""`govorun promote`: an adapter or a seed takes a seed's place, for all people or for a share, and is taken back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dialogue.errors import PromotionError

if TYPE_CHECKING:
    from bot.promotion.proof import Proven
    from dialogue.casting import Promotion
    from dialogue.seeds import Seed, Seeds


def promote(
    seed: Annotated[
        str, typer.Argument(help="In whose place; without it, what is at work is listed.", show_default=False)
    ] = "",
    adapter: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="What `govorun finetune` wrote.", show_default=False)
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The export that it learned from.", show_default=False)
    ] = None,
    stand_in: Annotated[
        str, typer.Option(metavar="NAME", help="Another seed, without an adapter or with one.", show_default=False)
    ] = "",
    evaluation: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="What `govorun evaluate` wrote.", show_default=False)
    ] = None,
    held_out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The export that was evaluated on.", show_default=False)
    ] = None,
    share: Annotated[str, typer.Option(metavar="SHARE", help="Of the people, such as 10%.")] = "100%",
    back: Annotated[bool, typer.Option("--back", help="Take back what was promoted last.")] = False,
) -> None:
    """Let what proved to be better answer in a seed's place, in all running workers, within a second.

    It takes an evaluation that passed, and each link of the lineage as it was made. With --share 10% a tenth of the
    people get it, from their next dialogue on; nobody changes sides within a dialogue. --share alone changes the share
    of what is at work. The overview of the review pages has the figures of both sides.

    [dim]Example: govorun promote isp-support-ru --adapter adapters/isp --data data.train.jsonl --evaluation report
    --held-out data.test.jsonl --share 10%[/dim]

    [dim]Example: govorun promote isp-support-ru --share 50%[/dim]

    [dim]Example: govorun promote isp-support-ru --back[/dim]
    """
    if not seed:
        if any((adapter, data, stand_in, evaluation, held_out, back)):
            raise PromotionError("say in the place of which seed: govorun promote SEED ...")
        asyncio.run(_list())
        return
    seeds = asyncio.run(_seeds())
    place = seeds.get(seed)
    if back:
        asyncio.run(_take_back(place))
        return
    part = _share(share)
    proven = _proven(place, seeds, adapter, data, stand_in, evaluation, held_out)
    asyncio.run(_promote(place, stand_in or place.name, proven, part))


def _proven(
    place: Seed,
    seeds: Seeds,
    adapter: Path | None,
    data: Path | None,
    stand_in: str,
    evaluation: Path | None,
    held_out: Path | None,
) -> Proven | None:
    """Return what may take the seed's place; None where only its share is to change."""
    from bot.promotion.proof import proven_adapter, proven_stand_in

    if not adapter and not stand_in:
        if data or evaluation or held_out:
            raise PromotionError("say what is to be promoted: --adapter FOLDER or --stand-in SEED")
        return None
    if evaluation is None or held_out is None:
        raise PromotionError("only what was evaluated is promoted: name --evaluation FOLDER and --held-out FILE")
    other = seeds.get(stand_in) if stand_in else None
    if adapter is None:
        assert other
        return proven_stand_in(other, evaluation, held_out, place)
    if data is None:
        raise PromotionError("name what the adapter learned from, so that its lineage can be proven: --data FILE")
    return proven_adapter(adapter, data, evaluation, held_out, place, other)


async def _seeds() -> Seeds:
    from bot.running.opened_log import opened_log
    from storage.seed_versions import seeds_at_work

    async with opened_log() as log:
        return await seeds_at_work(log)


async def _promote(place: Seed, stand_in: str, proven: Proven | None, share: float) -> None:
    from bot.running.opened_log import opened_log

    async with opened_log() as log, log.writing() as writing:
        if proven is None:
            made = await writing.change_share(place.name, share)
        else:
            if proven.files:
                await writing.keep_adapter(proven.adapter, proven.files)
            made = await writing.promote(place.name, stand_in, proven.adapter, share, proven.facts)
        await writing.note_action(None, "promoted", about=f"{place.name}: {_words(made)}")
    when = "at once" if share >= 1 else "from their next dialogue on"
    typer.echo(f"{place.name} is answered by {_words(made)}, {when}.")
    typer.echo(f"To take it back: govorun promote {place.name} --back")


async def _take_back(place: Seed) -> None:
    from bot.running.opened_log import opened_log

    async with opened_log() as log:
        async with log.writing() as writing:
            gone = await writing.withdraw(place.name)
            if not gone:
                raise PromotionError(f"nothing is promoted in the place of {place.name}")
            await writing.note_action(None, "promotion_withdrawn", about=f"{place.name}: {_words(gone[-1])}")
        left = [each for each in await log.promotions() if each.seed == place.name]
    now = _words(left[-1]) if left else "itself"
    typer.echo(f"{place.name} is answered by {now} again, at once.")


async def _list() -> None:
    from datetime import datetime

    from rich.console import Console
    from rich.table import Table

    from bot.running.opened_log import opened_log
    from dialogue.casting import at_work

    async with opened_log() as log:
        promotions = await log.promotions()
    if not promotions:
        typer.echo("Nothing is promoted: each seed answers itself.")
        return
    table = Table(box=None, pad_edge=False)
    for head in ("seed", "answered by", "since"):
        table.add_column(head)
    for name in dict.fromkeys(each.seed for each in promotions):
        last = at_work([each for each in promotions if each.seed == name])[-1]
        since = datetime.fromtimestamp(last.began_at).astimezone().strftime("%Y-%m-%d %H:%M")
        table.add_row(name, _words(last), since)
    Console(highlight=False).print(table)


def _words(promotion: Promotion) -> str:
    """Return what answers, for whom."""
    names = [] if promotion.adapter and promotion.stand_in == promotion.seed else [f"the seed {promotion.stand_in}"]
    names += [f"adapter {promotion.adapter}"] if promotion.adapter else []
    what = " with ".join(names)
    return what if promotion.share >= 1 else f"{what} for {100 * promotion.share:.4g} % of the people"


def _share(text: str) -> float:
    number, percent, rest = text.strip().partition("%")
    try:
        share = float(number) / (100 if percent else 1)
    except ValueError:
        share = 0.0
    if rest or not 0 < share <= 1:
        raise PromotionError(f"--share {text!r} is not a share of the people: above 0 % up to 100 %, such as 10%")
    return share
