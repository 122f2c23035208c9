"""The keyboards with the project's own seeds: many of them, of every kind."""

from __future__ import annotations

from bot.conversation import Conversation
from bot.telegram.keyboards import MAX_DATA_BYTES, seeds_keyboard
from dialogue.seeds import load_seeds
from storage.live.inbox import RedisInbox
from storage.log.sql_log import SqlLog
from storage.records import ChatKind

# Source: https://core.telegram.org/bots/api#inlinekeyboardmarkup
MAX_BUTTONS = 100


def test_every_seed_has_a_button_that_telegram_takes() -> None:
    seeds = load_seeds()

    rows = seeds_keyboard(seeds, "films-ru", "ru")

    assert {data for row in rows for _, data in row} == {f"seed:{name}" for name in seeds.names}
    assert all(len(data.encode()) <= MAX_DATA_BYTES for row in rows for _, data in row)
    assert len(rows) <= MAX_BUTTONS
    assert len({label for row in rows for label, _ in row}) == len(seeds)


async def test_every_seed_can_be_chosen_and_greets(log: SqlLog, inbox: RedisInbox) -> None:
    conversation = Conversation(log, inbox, load_seeds(), "isp-support-ru")

    async with conversation.session() as session:
        visit = await session.enter("telegram", "7", ChatKind.PRIVATE, "7", "Ann", "ru")
        for seed in conversation.seeds:
            visit = await session.start_anew(visit, seed.name)
            assert session.posted[-1].text == seed.greeting
