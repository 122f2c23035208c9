"""The keyboards with the project's own seeds: many of them, of every kind."""

from __future__ import annotations

import pytest

from bot.conversation import Conversation
from bot.telegram.keyboards import MAX_DATA_BYTES, MAX_LABEL_CHARS, example_keyboard
from bot.telegram.seed_menu import FRONT, Page, seed_menu
from bot.telegram.splitting import split
from dialogue.seeds import load_seeds
from storage.live.inbox import RedisInbox
from storage.log.sql_log import SqlLog
from storage.records import ChatKind

# Source: https://core.telegram.org/bots/api#inlinekeyboardmarkup
MAX_BUTTONS = 100


def buttons(page: Page) -> list[tuple[str, str]]:
    return [button for row in page.buttons for button in row]


@pytest.mark.parametrize("language", ["ru", "en"])
def test_every_seed_can_be_reached_by_buttons_that_telegram_takes(language: str) -> None:
    seeds = load_seeds()
    pages = seed_menu(seeds, "films-ru", language)

    reached, todo = set[str](), [FRONT]
    while todo:
        address = todo.pop()
        reached.add(address)
        page = pages[address]
        assert len(split(page.words)) == 1
        assert len(buttons(page)) <= MAX_BUTTONS
        for label, data in buttons(page):
            assert label
            assert len(data.encode()) <= MAX_DATA_BYTES
            todo += [data] if data in pages and data not in reached else []

    assert reached == set(pages)
    shown = [data for page in pages.values() for _, data in buttons(page) if data not in pages]
    assert sorted(shown) == sorted(f"seed:{name}" for name in seeds.names)


def test_every_example_has_a_button_that_telegram_takes() -> None:
    for seed in load_seeds():
        for row in example_keyboard("0123456789abcdef", seed.example, "ru"):
            [(label, data)] = row
            assert len(label) <= MAX_LABEL_CHARS + len("Пример: ")
            assert len(data.encode()) <= MAX_DATA_BYTES


async def test_every_seed_can_be_chosen_and_greets(log: SqlLog, inbox: RedisInbox) -> None:
    conversation = Conversation(log, inbox, load_seeds(), ["isp-support-ru"])

    async with conversation.session() as session:
        visit = await session.enter("telegram", "7", ChatKind.PRIVATE, "7", "Ann", "ru")
        for seed in conversation.seeds:
            visit = await session.start_anew(visit, seed.name)
            assert session.posted[-1].text == seed.greeting
