"""What goes into an export and what does not, and how its files come about."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import time
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pyarrow.parquet
import pytest
import zstandard
from huggingface_hub import DatasetCard
from sqlalchemy import update

from dialogue.errors import ExportError
from dialogue.file_hash import sha256_of
from dialogue.forms import SeedKind
from dialogue.seeds import Seeds
from storage.export.card import CARD, REGISTRY
from storage.export.exporting import export
from storage.export.holders import Holder, holders
from storage.export.manifest import read_manifest, verified
from storage.export.plan import Plan
from storage.export.sinks import open_sink
from storage.export.splits import Split, parse_splits
from storage.export.wanted import Format, Handling, Wanted
from storage.log.sql import sql_engines, transaction
from storage.log.sql_log import sql_log
from storage.log.tables import chats
from storage.records import ChatKind, hashed_id
from storage.reviewed import Rating
from tests.storage.conftest import Clock
from tests.storage.export.studio import Studio, lines
from tests.storage.log.places import Place

LONG = (
    "интернет пропал вчера вечером и с тех пор "
    "лампочка на роутере горит красным, перезагрузка не помогает совсем никак, помогите"
)


async def spoken(studio: Studio, *numbers: int) -> list[Place]:
    """Return chats of these people, each with a dialogue of its own."""
    places = [await studio.place(number) for number in numbers]
    for place in places:
        await studio.exchange(place, f"вопрос {place.person.external_id}", f"ответ {place.person.external_id}")
    return places


def replies(rows: list[dict[str, str]]) -> set[str]:
    return {row["completion"].strip() for row in rows}


async def test_only_what_was_approved_is_exported(studio: Studio) -> None:
    approved, rejected, _ = await spoken(studio, 1, 2, 3)
    await studio.approve(approved)
    await studio.approve(rejected, approval="rejected")

    assert replies(await studio.rows(Format.PROMPT_COMPLETION)) == {"ответ 1"}
    wanted = Wanted(is_unreviewed_wanted=True)
    assert replies(await studio.rows(Format.PROMPT_COMPLETION, wanted)) == {"ответ 1", "ответ 3"}


async def test_who_has_opted_out_is_left_out_and_counted(studio: Studio) -> None:
    places = await spoken(studio, 1, 2)
    await studio.approve(*places)
    async with sql_engines(studio.url) as engines, transaction(engines.writing) as connection:
        await connection.execute(
            update(chats).where(chats.c.id == places[0].chat.id).values(settings={"training": "no"})
        )

    exported = await studio.export(Format.PROMPT_COMPLETION)

    assert replies(lines(studio.folder / "out.jsonl")) == {"ответ 2"}
    assert exported.facts["counts"]["dialogues"] == {"exported": 1, "opted_out": 1}


async def test_who_was_forgotten_is_in_no_later_export_and_the_earlier_ones_are_named(studio: Studio) -> None:
    places = await spoken(studio, 1, 2)
    await studio.approve(*places)
    await studio.export(Format.PROMPT_COMPLETION, "early.jsonl")
    await studio.export(Format.JSONL, "other.jsonl", wanted=Wanted(seeds=("small-talk-en",)))
    async with studio.log.writing() as writing:
        await writing.forget("telegram", "1")

    assert replies(await studio.rows(Format.PROMPT_COMPLETION)) == {"ответ 2"}
    # The log's clock stands still, that of the manifest goes on.
    gone = dict.fromkeys(await studio.log.forgotten(), time.time())
    found = holders(studio.folder.parent, gone)
    assert found == [Holder(studio.folder / "early.jsonl", 1)]


async def test_who_is_forgotten_during_an_export_stops_it(studio: Studio) -> None:
    group = await studio.place(-5, ChatKind.GROUP, person=7)
    await studio.exchange(group, "вопрос", "ответ")
    await studio.approve(group)

    async def forget() -> None:
        async with sql_log(studio.url) as log, log.writing() as writing:
            await writing.forget("telegram", "7")

    def then_forget(stage: str, share: float) -> None:
        # Everything is read by now, and nothing is shown yet.
        if stage == "Making sure of the files" and share == 0.0:
            thread.start()
            thread.join()

    thread = Thread(target=lambda: asyncio.run(forget()))
    with pytest.raises(ExportError, match="forgotten"):
        await export(studio.url, studio.seeds, Plan(Format.JSONL, studio.folder / "out.jsonl"), then_forget)
    assert list(studio.folder.iterdir()) == []


async def test_filters_leave_out_what_they_do_not_name(studio: Studio, clock: Clock) -> None:
    early, late, other = [await studio.place(number) for number in (1, 2, 3)]
    await studio.exchange(early, "вопрос 1", "ответ 1")
    clock.now += 1000
    await studio.judge(late, await studio.exchange(late, "вопрос 2", "ответ 2"), rating="good")
    studio.model = "qwen"
    async with studio.log.writing() as writing:
        other.chat = await writing.new_dialogue(other.chat, "small-talk-en")
    await studio.exchange(other, "вопрос 3", "ответ 3")
    await studio.approve(early, late)
    await studio.approve(other, by="Pavel")

    async def found(wanted: Wanted) -> set[str]:
        return {reply.removeprefix("ответ ") for reply in replies(await studio.rows(Format.PROMPT_COMPLETION, wanted))}

    assert await found(Wanted(seeds=("small-talk",))) == {"1", "2"}
    assert await found(Wanted(seeds=("small-talk", "small-talk-en"))) == {"1", "2", "3"}
    assert await found(Wanted(model="qwen")) == {"3"}
    assert await found(Wanted(since=clock.now - 500)) == {"2", "3"}
    assert await found(Wanted(until=clock.now - 500)) == {"1"}
    assert await found(Wanted(rating=Rating.GOOD)) == {"2"}
    assert await found(Wanted(operator="Pavel")) == {"3"}
    assert await found(Wanted(language="en")) == {"3"}


async def test_a_dialogue_whose_seed_is_gone_is_counted(studio: Studio) -> None:
    (place,) = await spoken(studio, 1)
    await studio.approve(place)
    studio.seeds = type(studio.seeds)([seed for seed in studio.seeds if seed.name != "small-talk"])

    exported = await studio.export(Format.PROMPT_COMPLETION)

    assert exported.facts["counts"]["dialogues"] == {"seed_gone": 1}


async def test_a_dialogue_of_a_kind_that_the_format_cannot_hold_is_counted(studio: Studio) -> None:
    (place,) = await spoken(studio, 1)
    await studio.approve(place)
    studio.seeds = Seeds(
        replace(seed, kind=SeedKind.VOTE) if seed.name == "small-talk" else seed for seed in studio.seeds
    )

    exported = await studio.export(Format.MESSAGES)

    assert exported.facts["counts"]["dialogues"] == {"other_kind": 1}


async def test_what_is_said_twice_is_learned_once(studio: Studio) -> None:
    places = [await studio.place(number) for number in (1, 2)]
    for place in places:
        await studio.exchange(place, "привет", "Здравствуйте!")
    await studio.approve(*places)

    exported = await studio.export(Format.PROMPT_COMPLETION)

    assert exported.facts["counts"]["rows"] == {"written": 1, "exact_duplicates": 1}


async def test_what_is_nearly_said_twice_is_learned_once_unless_it_is_to_be_kept(studio: Studio) -> None:
    places = [await studio.place(number) for number in (1, 2, 3)]
    for place, text in zip(places, (LONG, f"{LONG} вот", LONG[::-1]), strict=True):
        await studio.exchange(place, text, "Сейчас проверю вашу линию, оставайтесь на связи, пожалуйста, это недолго.")
    await studio.approve(*places)

    removed = await studio.export(Format.PROMPT_COMPLETION)
    kept = await studio.export(Format.PROMPT_COMPLETION, near_duplicates=Handling.KEEP)

    assert removed.facts["counts"]["dialogues"] == {"exported": 2, "near_duplicates": 1}
    assert kept.facts["counts"]["dialogues"] == {"exported": 3}


async def test_nobody_is_in_two_parts(studio: Studio) -> None:
    people = range(1, 25)
    places = await spoken(studio, *people)
    # Groups tie together who would else be in different parts, also over the groups that they share.
    for chat, members in {-1: (1, 2, 3, 4, 5, 6), -2: (6, 7, 8), -3: (20, 21)}.items():
        for member in members:
            group = await studio.place(chat, ChatKind.GROUP, person=member)
            await studio.exchange(group, f"в группе {chat} {member}", f"ответ в группе {chat} {member}")
        places.append(group)
    await studio.approve(*places)
    splits = parse_splits("train=0.5,test=0.5")

    await studio.export(Format.PROMPT_COMPLETION, splits=splits)
    parts = [replies(lines(studio.folder / f"out.{split.name}.jsonl")) for split in splits]
    again = await studio.export(Format.PROMPT_COMPLETION, splits=splits)

    assert all(parts)
    assert len(parts[0] | parts[1]) == 24 + 6 + 3 + 2
    who = [{reply.split()[-1] for reply in part} for part in parts]
    assert who[0] & who[1] == set()
    assert any({str(member) for member in range(1, 9)} <= part for part in who)
    assert [file["rows"] for file in again.facts["files"]] == [len(part) for part in parts]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("train", "NAME=SHARE"),
        ("train=half", "NAME=SHARE"),
        ("Train=0.5,test=0.5", "small Latin letters"),
        ("../x=0.5,test=0.5", "small Latin letters"),
        ("train=0.9,test=0.2", "add up to 1"),
        ("train=0.5,train=0.5", "twice"),
        ("train=1.5,test=-0.5", "over 0"),
        ("train=nan,test=0.5", "over 0"),
    ],
)
def test_a_split_that_cannot_be_is_refused(text: str, why: str) -> None:
    with pytest.raises(ExportError, match=why):
        parse_splits(text)


async def test_the_manifest_says_where_it_all_comes_from(studio: Studio) -> None:
    places = await spoken(studio, 1, 2)
    turn = await studio.exchange(places[0], "ещё", "да")
    await studio.approve(*places)
    async with studio.log.writing() as writing:
        pavel = await writing.add_operator("Pavel", studio.olga.role, "a hash")
    studio.olga = pavel
    await studio.judge(places[0], turn, rating="good")

    await studio.export(Format.PROMPT_COMPLETION, splits=(Split("all", 1.0),), wanted=Wanted(seeds=("small-talk",)))
    manifest = verified(studio.folder / "out.jsonl.manifest.json")

    assert manifest["query"] == {"approval": ["approved"], "seeds": ["small-talk"]}
    assert manifest["reviewers"] == {"Olga": 2, "Pavel": 1}
    assert manifest["models"] == {"gemma@1": 3}
    assert manifest["seeds"] == {
        "small-talk": {"version": "0123456789abcdef", "replies_by_version": {"0123456789abcdef": 3}}
    }
    assert manifest["counts"]["ratings"] == {"unrated": 2, "good": 1}
    assert manifest["database"]["kind"] in studio.url
    assert manifest["database"]["tables"]
    (file,) = manifest["files"]
    path = studio.folder / "out.all.jsonl"
    assert (file["name"], file["rows"], file["bytes"]) == ("out.all.jsonl", 3, path.stat().st_size)
    assert file["sha256"] == sha256_of(path)
    held = sorted(each.chat.dialogue_id for each in places)
    assert manifest["dialogues"] == {"out.all.jsonl": [hashed_id(each) for each in held]}


async def test_a_file_that_was_changed_is_not_the_one_of_its_manifest(studio: Studio) -> None:
    (place,) = await spoken(studio, 1)
    await studio.approve(place)
    exported = await studio.export(Format.PROMPT_COMPLETION)
    path = studio.folder / "out.jsonl"

    path.write_bytes(path.read_bytes().replace(b"1", b"2"))
    with pytest.raises(ExportError, match="SHA-256"):
        verified(exported.manifest)
    path.unlink()
    with pytest.raises(ExportError, match="missing"):
        verified(exported.manifest)
    path.with_name("not.manifest.json").write_text("[]")
    with pytest.raises(ExportError, match="not a manifest"):
        read_manifest(path.with_name("not.manifest.json"))


async def test_llama_factory_is_told_about_each_export_in_a_folder(studio: Studio) -> None:
    (place,) = await spoken(studio, 1)
    await studio.approve(place)
    await studio.export(Format.SHAREGPT, "talks.jsonl")
    await studio.export(Format.KTO, "labels.jsonl", splits=parse_splits("train=0.5,test=0.5"))

    known = json.loads((studio.folder / REGISTRY).read_text())

    assert known["talks"] == {
        "file_name": "talks.jsonl",
        "formatting": "sharegpt",
        "columns": {"messages": "conversations", "system": "system"},
        "tags": {"role_tag": "from", "content_tag": "value", "user_tag": "human", "assistant_tag": "gpt"},
    }
    assert sorted(known) == ["labels.test", "labels.train", "talks"]
    assert known["labels.test"]["columns"]["kto_tag"] == "label"


async def test_llama_factory_is_told_in_ascii_and_only_of_what_it_can_read(studio: Studio) -> None:
    (place,) = await spoken(studio, 1)
    await studio.approve(place)
    for name in ("разговоры.parquet", "packed.jsonl.zst", "LOUD.JSONL"):
        await studio.export(Format.SHAREGPT, name)

    written = (studio.folder / REGISTRY).read_bytes()

    assert written.isascii()
    assert {name: entry["file_name"] for name, entry in json.loads(written).items()} == {
        "разговоры": "разговоры.parquet"
    }


async def test_somebody_elses_readme_is_left_alone(studio: Studio) -> None:
    (studio.folder / CARD).write_text("# My project\n")
    await studio.export(Format.JSONL)
    assert (studio.folder / CARD).read_text() == "# My project\n"
    assert "Conversations of a chatbot" in (studio.folder / f"out.jsonl.{CARD}").read_text()

    (studio.folder / CARD).unlink()
    await studio.export(Format.JSONL)
    await studio.export(Format.CSV, "out.csv")
    assert "format `csv`" in (studio.folder / CARD).read_text()


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.zst", "parquet"])
async def test_every_kind_of_file_holds_the_same_rows(studio: Studio, ending: str) -> None:
    places = await spoken(studio, *range(1, 6))
    await studio.approve(*places)
    for format in (Format.PROMPT_COMPLETION, Format.SHAREGPT, Format.INPUT_OUTPUT, Format.ALPACA, Format.MESSAGES):
        wanted = await studio.rows(format)
        await studio.export(format, f"rows.{ending}")
        path = studio.folder / f"rows.{ending}"
        if ending == "parquet":
            found = pyarrow.parquet.read_table(path).to_pylist()
        elif ending == "jsonl.zst":
            text = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
            found = [json.loads(line) for line in text.splitlines()]
        else:
            found = lines(path)
        assert found == wanted


def test_a_history_may_begin_long_after_the_first_rows_of_a_parquet_file() -> None:
    file = io.BytesIO()
    sink = open_sink(file, ".parquet")
    histories: list[list[list[str]]] = [[]] * 1_000 + [[["нет связи", "Проверьте кабель."]]]
    for history in histories:
        sink.write({"instruction": "и?", "history": history}, b"")
    sink.close()

    assert pyarrow.parquet.read_table(file).column("history").to_pylist() == histories


async def test_an_export_of_nothing_is_an_empty_file_that_can_be_read(studio: Studio) -> None:
    for name, format in {"e.jsonl": Format.KTO, "e.jsonl.zst": Format.KTO, "e.parquet": Format.KTO}.items():
        exported = await studio.export(format, name)
        assert exported.facts["files"][0]["rows"] == 0
    assert pyarrow.parquet.read_table(studio.folder / "e.parquet").num_rows == 0
    assert zstandard.ZstdDecompressor().stream_reader((studio.folder / "e.jsonl.zst").read_bytes()).read() == b""


async def test_a_table_has_a_line_for_each_reply(studio: Studio) -> None:
    place = await studio.place()
    turn = await studio.exchange(place, "=1+1", 'Это "два",\nверно?')
    await studio.judge(place, turn, rating="bad", correction="-2", reasons=["rude"])
    await studio.approve(place)

    await studio.export(Format.CSV, "out.csv")
    with (studio.folder / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file, strict=True)

    assert (row["before"], row["reply"], row["right"]) == ("'=1+1", 'Это "два",\nверно?', "'-2")
    assert (row["rating"], row["reasons"], row["source"]) == ("bad", "rude", "correction")


@pytest.mark.parametrize(
    ("name", "format", "why"),
    [
        ("out.txt", Format.JSONL, "must end with"),
        (".jsonl", Format.JSONL, "must end with"),
        ("out.csv", Format.KTO, "must end with .jsonl"),
        ("out.jsonl", Format.CSV, "must end with .csv"),
        ("out.parquet", Format.JSONL, "differ too much"),
        ("no/such/out.jsonl", Format.JSONL, "no folder"),
    ],
)
async def test_what_cannot_be_written_is_refused_before_anything_is(
    studio: Studio, name: str, format: Format, why: str
) -> None:
    with pytest.raises(ExportError, match=why):
        await studio.export(format, name)
    assert list(studio.folder.iterdir()) == []


async def test_an_earlier_export_is_only_replaced_on_request(studio: Studio) -> None:
    await studio.export(Format.JSONL)
    before = {path.name: path.read_bytes() for path in studio.folder.iterdir()}

    with pytest.raises(ExportError, match="--overwrite"):
        await studio.export(Format.JSONL, is_overwriting=False)
    assert {path.name: path.read_bytes() for path in studio.folder.iterdir()} == before


@pytest.mark.parametrize("error", [asyncio.CancelledError(), OSError(28, "No space left on device")])
async def test_nothing_is_left_of_an_export_that_ends_early_and_the_old_one_stays(
    studio: Studio, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place,) = await spoken(studio, 1)
    await studio.approve(place)
    await studio.export(Format.JSONL)
    before = {path.name: path.read_bytes() for path in studio.folder.iterdir()}
    plan = Plan(Format.JSONL, studio.folder / "out.jsonl", is_overwriting=True)

    def end(stage: str, share: float) -> None:
        if share == 1.0:
            raise error

    with pytest.raises(asyncio.CancelledError if isinstance(error, asyncio.CancelledError) else ExportError):
        await export(studio.url, studio.seeds, plan, end)
    assert {path.name: path.read_bytes() for path in studio.folder.iterdir()} == before


def configurations(card: str) -> Any:
    """Return what the Hugging Face hub reads of a card."""
    return DatasetCard(card).data.to_dict()["configs"]  # type: ignore[no-untyped-call]


async def test_the_card_lists_each_part(studio: Studio) -> None:
    (place,) = await spoken(studio, 1)
    await studio.approve(place)
    await studio.export(Format.PROMPT_COMPLETION, splits=parse_splits("train=0.5,test=0.5"))

    card = (studio.folder / CARD).read_text()

    assert card.startswith("---\n")
    assert (
        '  - config_name: "default"\n    data_files:\n      - split: train\n        path: "out.train.jsonl"\n' in card
    )
    assert "language: [ru]" in card
    assert "replaced by placeholders" in card
    assert Path("out.jsonl.manifest.json").name in card


async def test_the_card_knows_every_export_in_its_folder(studio: Studio) -> None:
    (place,) = await spoken(studio, 1)
    await studio.approve(place)
    for format, name in ((Format.JSONL, "gone"), (Format.CSV, "table"), (Format.PROMPT_COMPLETION, "newest")):
        out = studio.folder / f"{name}.{'csv' if format is Format.CSV else 'jsonl'}"
        await export(studio.url, studio.seeds, Plan(format, out), lambda stage, share: None)
        if name == "gone":
            out.unlink()
    (studio.folder / "of-somebody-else.manifest.json").write_text('{"version": 1, "files": [{"name": "newest.jsonl"}]}')
    await export(studio.url, studio.seeds, Plan(format, out, is_overwriting=True), lambda stage, share: None)

    card = (studio.folder / CARD).read_text()

    assert configurations(card) == [
        {"config_name": "newest.jsonl", "default": True, "data_files": [{"split": "train", "path": "newest.jsonl"}]},
        {"config_name": "table.csv", "data_files": [{"split": "train", "path": "table.csv"}]},
    ]
    assert "| `table.csv` | `csv` |" in card
    assert "format `prompt-completion`" in card
