"""Asking the bot in other chats: what is offered, what a worker answers, and that nothing of it stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from bot.asides import Asides
from bot.conversation import Conversation
from bot.telegram.client import BotClient
from bot.telegram.handling import Handling
from bot.telegram.inline import CHANNEL, MAX_AT_ONCE, Inline
from bot.telegram.inline_results import named
from bot.telegram.wishes import Wishes
from bot.texts import text
from dialogue.casting import SeedCasting
from dialogue.errors import EngineError
from dialogue.replying import Replier
from dialogue.seeds import load_seeds
from dialogue.worker import Worker
from storage.live.drafts import RedisDrafts
from storage.live.history import RedisHistory
from storage.live.inbox import RedisInbox
from storage.live.jobs import RedisJobs
from storage.live.keys import Keys
from storage.live.presence import process_name
from storage.live.replies import RedisReplies
from storage.log.sql_log import SqlLog
from tests.bot.erasing import erased
from tests.bot.telegram.background import running
from tests.bot.telegram.rig import Rig
from tests.fakes import ScriptedEngine
from tests.telegram_server import Call

SEEDS = load_seeds()
FILMS = SEEDS.get("films-ru")


@pytest.fixture
def engine() -> ScriptedEngine:
    """A model that says what the test wants."""
    return ScriptedEngine([], slots=32)


@pytest.fixture
def inline(client: BotClient, redis: Redis, keys: Keys, inbox: RedisInbox) -> Inline:
    """Answers inline queries; nobody types for longer than the test does."""
    replies = RedisReplies(redis, keys, CHANNEL, process_name(CHANNEL))
    return Inline(client, SEEDS, Asides(inbox, replies, MAX_AT_ONCE), typing_s=0.02, patience_s=10.0)


@pytest.fixture
async def asking(
    rig: Rig, client: BotClient, conversation: Conversation, log: SqlLog, inline: Inline
) -> AsyncIterator[Rig]:
    """The Telegram side with what answers inline queries, without a worker."""
    rig.handling = Handling(client, conversation, Wishes(log), rig.drafts, rig.delivery, inquire=inline.take)
    async with running(inline.run()):
        await asyncio.sleep(0)  # until it runs
        yield rig


@pytest.fixture
async def worker(redis: Redis, keys: Keys, log: SqlLog, engine: ScriptedEngine) -> AsyncIterator[None]:
    """A worker with the model."""
    drafts = RedisDrafts(redis, keys)
    jobs = RedisJobs(redis, keys, drafts, process_name("worker"))
    replier = Replier(engine, SeedCasting(SEEDS, "isp-support-ru"), draw=lambda: 7)
    async with drafts.flushing(), jobs.at_work():
        worker = Worker(jobs, RedisHistory(redis, keys, log), replier, engine.slots)
        async with running(worker.run(asyncio.Event())):
            yield


def answers(rig: Rig) -> list[Call]:
    return [call for call in rig.telegram.calls if call.method == "answerInlineQuery"]


async def answer_to(rig: Rig, query_id: str) -> dict[str, Any]:
    """Wait until a query is answered; return the answer."""

    def found() -> list[dict[str, Any]]:
        return [call.params for call in answers(rig) if str(call.params["inline_query_id"]) == query_id]

    await rig.settle()
    await rig.telegram.until(lambda: bool(found()))
    return found()[0]


@pytest.mark.parametrize(
    ("query", "language", "first", "words"),
    [
        ("films Дюна", "ru", "films-ru", "Дюна"),
        ("films Dune", "en", "films-en", "Dune"),
        ("films-en Дюна и Начало", "ru", "films-en", "Дюна и Начало"),
        ("Фильмы\nДюна", "ru", "films-ru", "Дюна"),
        ("FILMS  Дюна ", "ru", "films-ru", "Дюна "),
        ("words яблоко", "ru", "words-ru-en", "яблоко"),
        ("recommend Дюна", "ru", "books-ru", "Дюна"),
        ("films", "ru", "films-ru", ""),
    ],
)
def test_the_first_word_names_the_seed(query: str, language: str, first: str, words: str) -> None:
    seeds, rest = named(SEEDS, query, language)
    assert (seeds[0].name, rest.rstrip()) == (first, words.rstrip())


@pytest.mark.parametrize("query", ["", "  ", "что-нибудь другое", "small-talk-ru привет"])
def test_what_names_no_seed_leaves_all_that_answer_a_single_message(query: str) -> None:
    seeds, words = named(SEEDS, query, "ru")
    assert words == ""
    assert {seed.kind.value for seed in seeds} == {"completion", "vote", "lines", "answer"}
    languages = [seed.language for seed in seeds]
    assert languages == sorted(languages, reverse=True)


async def test_who_has_written_no_words_yet_sees_what_there_is(asking: Rig) -> None:
    everything = await answer_to(asking, asking.telegram.inquire(""))
    some = await answer_to(asking, asking.telegram.inquire("fil"))

    assert len(everything["results"]) == len(named(SEEDS, "", "ru")[0])
    assert [result["id"] for result in some["results"]] == ["hint:films-ru", "hint:films-en"]
    shown = some["results"][0]
    assert shown["description"] == FILMS.description
    assert shown["input_message_content"]["message_text"].endswith("@govorun_bot films-ru Матрица и Начало")
    [[button]] = shown["reply_markup"]["inline_keyboard"]
    assert button["switch_inline_query_current_chat"] == "films-ru Матрица и Начало"


async def test_words_are_answered_by_a_worker_and_nothing_of_them_is_kept(
    asking: Rig, worker: None, engine: ScriptedEngine, redis: Redis, keys: Keys, inline: Inline
) -> None:
    engine.lines.append("Солярис». Это")

    answer = await answer_to(asking, asking.telegram.inquire("films Дюна"))

    [result] = answer["results"]
    assert (result["title"], result["description"]) == ("Фильмы: Дюна", "«Солярис»")
    assert result["input_message_content"]["message_text"] == "Фильмы: Дюна\n\n«Солярис»"
    assert answer["is_personal"]
    assert "Дюна" in engine.prompts[0].text
    await until_nothing_is_left(redis, keys, inline)
    assert await asking.log.everything_about("telegram", "1") == {}
    assert await asking.log.waiting("telegram", older_than_s=-1.0) == []


async def test_a_vote_is_answered_too(asking: Rig, worker: None, engine: ScriptedEngine) -> None:
    engine.lines += ["Дюна»"] * 16
    answer = await answer_to(asking, asking.telegram.inquire("books Основание"))
    assert "Дюна" in answer["results"][0]["description"]


async def test_of_what_somebody_types_only_the_newest_is_asked(
    asking: Rig, worker: None, engine: ScriptedEngine
) -> None:
    engine.lines += ["Солярис»", "Сталкер»"]
    for query in ("films Д", "films Дю", "films Дюна"):
        query_id = asking.telegram.inquire(query)
    others = asking.telegram.inquire("films Дом", person_id=2)
    await answer_to(asking, query_id)
    await answer_to(asking, others)
    assert len(engine.prompts) == len(answers(asking)) == 2


async def test_nothing_is_asked_while_somebody_still_types(
    asking: Rig, worker: None, engine: ScriptedEngine, inline: Inline
) -> None:
    engine.lines += ["Солярис»", "Сталкер»"]
    inline._typing_s = 3600.0
    asking.telegram.inquire("films Дюн")
    await asking.settle()
    inline._typing_s = 0.0
    answer = await answer_to(asking, asking.telegram.inquire("films Дюна"))
    assert answer["results"][0]["description"] == "«Солярис»"
    assert len(engine.prompts) == len(answers(asking)) == 1


async def test_what_is_being_written_is_called_off_by_the_next_key(
    asking: Rig, worker: None, engine: ScriptedEngine, redis: Redis, keys: Keys, inline: Inline
) -> None:
    engine.lines += ["Первый»", "Второй»"]
    held = engine.gate = asyncio.Event()
    asking.telegram.inquire("films Дюн")
    await asking.settle()
    await until(lambda: engine.at_work == 1)
    engine.gate = None

    answer = await answer_to(asking, asking.telegram.inquire("films Дюна"))

    assert answer["results"][0]["description"] == "«Второй»"
    await until(lambda: engine.at_work == 0)
    assert not held.is_set()
    assert len(answers(asking)) == 1
    await until_nothing_is_left(redis, keys, inline)


async def test_who_gets_no_answer_in_time_is_shown_the_way_to_the_chat(
    asking: Rig, inline: Inline, redis: Redis, keys: Keys
) -> None:
    inline._patience_s = 0.05
    assert_there_is_no_answer(await answer_to(asking, asking.telegram.inquire("films Дюна")))
    await until_nothing_is_left(redis, keys, inline)


async def test_so_is_who_asks_when_the_model_is_broken(
    asking: Rig, worker: None, engine: ScriptedEngine, redis: Redis, keys: Keys, inline: Inline
) -> None:
    engine.lines.append(EngineError("broken"))
    assert_there_is_no_answer(await answer_to(asking, asking.telegram.inquire("films Дюна")))
    await until_nothing_is_left(redis, keys, inline)


async def test_so_is_who_asks_when_many_others_do(asking: Rig, inline: Inline, engine: ScriptedEngine) -> None:
    for person in range(MAX_AT_ONCE):
        asking.telegram.inquire("films Дюна", person_id=100 + person)
    await asking.settle()
    await until(lambda: len(inline._asides._awaited) == MAX_AT_ONCE)
    assert_there_is_no_answer(await answer_to(asking, asking.telegram.inquire("films Дюна")))
    assert len(answers(asking)) == 1


async def test_a_query_that_telegram_has_given_up_harms_nobody(asking: Rig) -> None:
    asking.telegram.fail("answerInlineQuery", 400, "Bad Request: query is too old")
    asking.telegram.inquire("films")
    await asking.settle()
    await asking.telegram.until(lambda: any(call.method == "answerInlineQuery" for call in asking.telegram.calls))
    assert (await answer_to(asking, asking.telegram.inquire("films")))["results"]


async def test_what_a_dead_process_has_asked_is_forgotten_when_it_is_answered(
    asking: Rig, worker: None, engine: ScriptedEngine, inbox: RedisInbox, redis: Redis, keys: Keys, inline: Inline
) -> None:
    engine.lines.append("Солярис»")
    await inbox.queue([inline._asides._asked("0123456789abcdef", FILMS.name, "Дюна", {})])
    await until(lambda: len(engine.prompts) == 1)
    await until_nothing_is_left(redis, keys, inline)


def assert_there_is_no_answer(answer: dict[str, Any]) -> None:
    assert answer["results"] == []
    assert answer["button"] == {"text": text("inline_no_answer", "ru"), "start_parameter": FILMS.name}
    assert int(answer["cache_time"]) == 0


async def until(is_true: Any) -> None:
    async with asyncio.timeout(10):
        while not is_true():
            await asyncio.sleep(0.005)


async def until_nothing_is_left(redis: Redis, keys: Keys, inline: Inline) -> None:
    """Wait until neither Redis nor the process knows of a question."""
    await until(lambda: not inline._asides._awaited and not inline._newest)
    await erased(redis, keys, CHANNEL)
