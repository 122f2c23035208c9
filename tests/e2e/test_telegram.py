"""A whole dialogue in Telegram: `govorun up`, real processes, the imitated Bot API server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dialogue.seeds import load_seeds
from storage.log.sql_log import sql_log
from tests.e2e.running import free_port, govorun_up, telegram_settings
from tests.telegram_server import TOKEN, FakeTelegram, telegram_server

SECRET = "a-webhook-secret-for-this-test"


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with telegram_server() as fake:
        yield fake


async def dialogue(telegram: FakeTelegram) -> list[str]:
    """Have a person talk to the bot, each message after the last answer; return what the bot said."""
    for number, words in enumerate(["/start", "Нет интернета", "/retry", "Договор 4417\nадрес прежний", "/undo"], 1):
        telegram.say(words)
        await telegram.until(lambda number=number: len(telegram.texts()) == number, timeout_s=60)  # type: ignore[misc]
    return telegram.texts()


@pytest.mark.parametrize("way", ["polling", "webhook"])
async def test_a_dialogue_by(way: str, telegram: FakeTelegram, tmp_path: Path) -> None:
    port = free_port()
    others = {"GOVORUN_MODEL": "echo", **telegram_settings(telegram.url)}
    if way == "webhook":
        others |= {"GOVORUN_WEBHOOK_URL": f"http://127.0.0.1:{port}", "GOVORUN_WEBHOOK_SECRET": SECRET}

    async with govorun_up(tmp_path / "data", others, port) as running:
        greeting, *answers = await dialogue(telegram)

    assert greeting == load_seeds().get("isp-support-ru").greeting
    assert answers == [
        "echo: Нет интернета",
        "echo: Нет интернета",
        "echo: Договор 4417\nадрес прежний",
        "Убрал последний обмен репликами, будто его и не было.",
    ]
    assert (telegram.polls > 0) == (way == "polling")
    assert TOKEN not in running.output
    assert SECRET not in running.output


async def test_a_server_that_knows_only_three_methods_is_enough(tmp_path: Path) -> None:
    async with telegram_server(FakeTelegram(is_minimal=True)) as telegram:
        others = {"GOVORUN_MODEL": "echo", **telegram_settings(telegram.url)}
        async with govorun_up(tmp_path / "data", others):
            answers = await dialogue(telegram)

    assert answers[1] == "echo: Нет интернета"
    assert len(answers) == 5


async def test_a_restart_goes_on_where_it_stopped(telegram: FakeTelegram, tmp_path: Path) -> None:
    others = {"GOVORUN_MODEL": "echo", **telegram_settings(telegram.url)}
    async with govorun_up(tmp_path / "data", others):
        telegram.say("before the stop")
        await telegram.until(lambda: len(telegram.texts()) == 1)
    telegram.say("while nobody was there")

    async with govorun_up(tmp_path / "data", others):
        await telegram.until(lambda: len(telegram.texts()) == 2)

    assert telegram.texts() == ["echo: before the stop", "echo: while nobody was there"]
    async with sql_log(f"sqlite:///{tmp_path / 'data' / 'govorun.db'}") as log:
        everything = await log.everything_about("telegram", "1")
    [kept] = everything["dialogues"]
    assert [turn["text"] for turn in kept["turns"]] == [
        "before the stop",
        "echo: before the stop",
        "while nobody was there",
        "echo: while nobody was there",
    ]
