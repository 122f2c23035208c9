"""The real model, through the commands that a user types."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from tests.e2e.running import ROOT, free_port, govorun_up, settings, telegram_settings
from tests.telegram_server import telegram_server

CYRILLIC = re.compile(r"[а-яё]{2,}", re.IGNORECASE)
TAG = re.compile(r"User[12]\s*:")

pytestmark = pytest.mark.model


@pytest.fixture
def data_dir(embedded_model_dir: Path, tmp_path: Path) -> Path:
    """A new data directory that has the converted model already."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    (data_dir / "models").symlink_to(embedded_model_dir / "models")
    return data_dir


async def test_one_message_in_the_terminal_gets_a_russian_reply(data_dir: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *["-m", "bot.cli", "chat", "--seed", "isp-support-ru", "--once", "Здравствуйте, интернет не работает"],
        cwd=ROOT,
        env=settings(data_dir, free_port()),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    reply, errors = (each.decode() for each in await process.communicate())

    assert process.returncode == 0, errors
    assert CYRILLIC.search(reply)
    assert not TAG.search(reply)


async def test_a_conversation_in_telegram_shows_no_tag_and_answers_every_message(data_dir: Path) -> None:
    said = ["Здравствуйте, не работает интернет", "Меня зовут Дмитрий, договор 4417", "Хорошо, жду"]
    async with telegram_server() as telegram:
        async with govorun_up(data_dir, telegram_settings(telegram.url)):
            for number, words in enumerate(said, 1):
                telegram.say(words)
                await telegram.until(lambda number=number: len(telegram.texts()) == number, timeout_s=120)  # type: ignore[misc]
        replies = telegram.texts()

    assert len(replies) == len(said)
    assert all(CYRILLIC.search(reply) for reply in replies)
    assert not any(TAG.search(reply) for reply in replies)
