"""Trained is what was served."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from dialogue.seeds import Seeds
from dialogue.turns import Ask, Turn
from storage.export.reading import TalkReader
from storage.export.talks import Talk
from storage.export.wanted import Format, Handling, Wanted
from storage.log.review.chronology import Knowledge
from storage.log.sql import sql_engines
from tests.storage.conftest import Clock
from tests.storage.export.studio import Studio
from tests.storage.log.test_versioning import edited


async def talks(studio: Studio) -> list[Talk]:
    async with sql_engines(studio.url) as engines:
        reader = TalkReader(engines.reading, Wanted(is_unreviewed_wanted=True), {}, page=2)
        return [talk async for ids in reader.pages() for talk in (await reader.read(ids))[0]]


def prompts(talk: Talk) -> list[str]:
    return [each.draw.prompt_hash for each in talk.said if each.draw and each.is_kept]


async def a_lively_talk(studio: Studio, clock: Clock) -> None:
    """Have everything happen that changes what a model is given."""
    place = await studio.place()
    await studio.exchange(place, "Привет", "Здравствуйте!", "Есть кто?\nАу")
    clock.now += 1
    await studio.again(place, "Добрый день.")
    clock.now += 1
    await studio.again(place, "Чем помочь?", Ask.CONTINUE)
    clock.now += 1
    await studio.exchange(place, "Ошибся", "Бывает.")
    clock.now += 1
    await place.undo()
    clock.now += 1
    await studio.exchange(place, "Нет интернета", "Проверяю.")
    clock.now += 1
    asked = await place.reword("4", "Нет связи")
    assert asked
    clock.now += 1
    await studio.answer(place, asked, "Сейчас посмотрю.")
    clock.now += 1
    await place.say("Жду")
    await studio.operator_says(place, "Готово, проверьте.", "Ждите.", take=0)
    clock.now += 1
    await studio.exchange(place, "Заработало!", "Хорошего дня!")


async def test_a_prompt_is_rendered_again_to_the_hash_of_each_generation(studio: Studio, clock: Clock) -> None:
    await a_lively_talk(studio, clock)
    (talk,) = await talks(studio)
    wanted = Wanted(is_unreviewed_wanted=True)

    exported = await studio.export(Format.PROMPT_COMPLETION, wanted=wanted)
    rows = await studio.rows(Format.PROMPT_COMPLETION, wanted, personal_data=Handling.KEEP)

    assert exported.facts["counts"]["prompts"] == {"as_served": 3, "not_by_a_model": 1}
    # What went on with an older version of itself is learned as a whole: its prompt is that of the older version.
    served = {each.draw.prompt_hash for each in talk.said if each.draw}
    by_model = [row["prompt"] for row in rows if row["completion"] != " Готово, проверьте."]
    assert len(by_model) == 3
    assert {hashlib.sha256(prompt.encode()).hexdigest() for prompt in by_model} <= served


async def test_what_a_reply_answers_is_what_the_review_shows(studio: Studio, clock: Clock) -> None:
    await a_lively_talk(studio, clock)
    (talk,) = await talks(studio)

    for reply in talk.said:
        async with studio.log.reviewing() as reading:
            shown = await reading.said_before(reply.id)
        if shown is not None and shown[1] != Ask.CONTINUE:
            known = Knowledge(talk.said, talk.answers).given(reply, reply.begun_at)
            assert tuple(Turn(each.speaker, each.text) for each in known) == shown[0].turns


async def test_old_turns_that_had_no_room_are_not_in_the_prompt_either(studio: Studio) -> None:
    studio.context_tokens = 60
    place = await studio.place()
    for number in range(12):
        await studio.exchange(place, f"вопрос номер {number} о связи", f"ответ номер {number} на него")

    exported = await studio.export(Format.PROMPT_COMPLETION, wanted=Wanted(is_unreviewed_wanted=True))
    rows = await studio.rows(Format.PROMPT_COMPLETION, Wanted(is_unreviewed_wanted=True))

    assert exported.facts["counts"]["prompts"] == {"as_served": 12}
    assert "номер 0 " in rows[0]["prompt"]
    assert "номер 0 " not in rows[-1]["prompt"]
    assert rows[-1]["prompt"].startswith("Чат поддержки.\n***\nUser1:")


async def test_prompts_of_a_seed_that_was_changed_since_say_so(studio: Studio) -> None:
    place = await studio.place()
    await studio.exchange(place, "Привет", "Здравствуйте!")
    studio.seeds = Seeds([replace(each, text="Новое начало.", version="another") for each in studio.seeds])

    exported = await studio.export(Format.PROMPT_COMPLETION, wanted=Wanted(is_unreviewed_wanted=True))

    assert exported.facts["counts"]["prompts"] == {"seed_changed": 1}
    assert exported.facts["seeds"]["small-talk"] == {
        "version": "another",
        "replies_by_version": {"0123456789abcdef": 1},
    }


async def test_dialogues_are_read_page_by_page_each_once(studio: Studio) -> None:
    for number in range(5):
        await studio.exchange(await studio.place(100 + number), f"вопрос {number}", f"ответ {number}")

    read = await talks(studio)

    assert sorted(talk.said[0].text for talk in read) == [f"вопрос {number}" for number in range(5)]
    assert [talk.id for talk in read] == sorted(talk.id for talk in read)


async def test_prompts_of_an_older_version_are_proven_behind_it_and_written_behind_the_present_one(
    studio: Studio,
) -> None:
    place, older = await studio.place(), edited("small-talk", "As it was.")
    younger = edited("small-talk", "As it is.")
    studio.seeds = Seeds([older])
    await studio.exchange(place, "Hello", "Hello there!")
    async with studio.log.writing() as writing:
        await writing.keep_versions([older])
    studio.seeds = Seeds([younger])

    exported = await studio.export(Format.PROMPT_COMPLETION, wanted=Wanted(is_unreviewed_wanted=True))
    rows = await studio.rows(Format.PROMPT_COMPLETION, Wanted(is_unreviewed_wanted=True))

    assert exported.facts["counts"]["prompts"] == {"as_served_behind_another_seed": 1}
    assert [row["prompt"] for row in rows] == ["As it is.\nUser1: Hello\nUser2:"]
