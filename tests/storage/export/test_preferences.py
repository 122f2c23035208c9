"""What people preferred: pairs and labels, with where they come from."""

from __future__ import annotations

from typing import Any

import pytest

from dialogue.turns import Ask
from storage.export.wanted import Format
from tests.storage.export.studio import SUPPORT, Studio
from tests.storage.log.places import Place

PROMPT = f"{SUPPORT.text}\nUser1: нет связи\nUser2:"


@pytest.fixture
async def place(studio: Studio) -> Place:
    return await studio.place()


async def pairs(studio: Studio, place: Place) -> list[dict[str, Any]]:
    await studio.approve(place)
    return await studio.rows(Format.DPO)


async def opinions(studio: Studio, place: Place) -> list[tuple[str, bool, str]]:
    await studio.approve(place)
    return [(row["completion"], row["label"], row["source"]) for row in await studio.rows(Format.KTO)]


async def test_a_correction_is_chosen_over_what_it_corrects(studio: Studio, place: Place) -> None:
    wrong = await studio.exchange(place, "нет связи", "Выбросьте роутер.")
    await studio.judge(place, wrong, correction="Проверьте кабель.")

    assert await pairs(studio, place) == [
        {
            "prompt": PROMPT,
            "chosen": " Проверьте кабель.",
            "rejected": " Выбросьте роутер.",
            "source": "correction",
            "confidence": 1.0,
        }
    ]


async def test_the_version_that_was_kept_is_chosen_over_those_that_were_asked_for_anew(
    studio: Studio, place: Place
) -> None:
    await studio.exchange(place, "нет связи", "Не знаю.")
    await studio.again(place, "Бывает.")
    await studio.again(place, "Проверьте кабель.")

    found = await pairs(studio, place)

    assert [(row["chosen"], row["rejected"], row["source"], row["confidence"]) for row in found] == [
        (" Проверьте кабель.", " Бывает.", "retry", 0.5),
        (" Проверьте кабель.", " Не знаю.", "retry", 0.5),
    ]
    assert {row["prompt"] for row in found} == {PROMPT}


async def test_a_thumb_makes_it_surer_that_the_kept_version_is_better(studio: Studio, place: Place) -> None:
    await studio.exchange(place, "нет связи", "Не знаю.")
    kept = await studio.again(place, "Проверьте кабель.")
    await studio.thumb(place, kept, True)

    assert [row["confidence"] for row in await pairs(studio, place)] == [0.8]


@pytest.mark.parametrize("verdict", [{"rating": "bad"}, {"rating": "good"}])
async def test_no_pair_goes_against_what_an_operator_said(
    studio: Studio, place: Place, verdict: dict[str, str]
) -> None:
    first = await studio.exchange(place, "нет связи", "Не знаю.")
    kept = await studio.again(place, "Проверьте кабель.")
    await studio.judge(place, first if verdict["rating"] == "good" else kept, **verdict)

    assert await pairs(studio, place) == []


async def test_chosen_is_never_rejected(studio: Studio, place: Place) -> None:
    same = await studio.exchange(place, "нет связи", "Проверьте кабель.")
    await studio.judge(place, same, correction=" Проверьте  кабель. ")
    await studio.exchange(place, "и?", "Ждите.")
    last = await studio.again(place, "Подождите.")
    await studio.judge(place, last, correction="Ждите.")

    assert [(row["chosen"], row["rejected"]) for row in await pairs(studio, place)] == [(" Ждите.", " Подождите.")]


async def test_replies_to_different_words_are_no_pair(studio: Studio, place: Place) -> None:
    await studio.exchange(place, "нет связи", "Проверьте кабель.")
    asked = await place.reword("1", "нет звука")
    assert asked
    await studio.answer(place, asked, "Проверьте наушники.")
    await studio.again(place, "Сделайте громче.", Ask.CONTINUE)

    assert await pairs(studio, place) == []


async def test_what_an_operator_wrote_instead_of_a_proposal_is_chosen(studio: Studio, place: Place) -> None:
    await place.say("нет связи")
    await studio.operator_says(place, "Проверьте кабель.", "Выбросьте роутер.", take=0)

    assert [(row["prompt"], row["chosen"], row["rejected"], row["source"]) for row in await pairs(studio, place)] == [
        (PROMPT, " Проверьте кабель.", " Выбросьте роутер.", "draft")
    ]


async def test_a_proposal_for_other_words_than_the_operators_is_no_pair(studio: Studio, place: Place) -> None:
    await place.say("нет связи")
    await studio.operator_says(place, "Включите звук.", "Проверьте кабель.", take=0, meanwhile="и звука")

    assert await pairs(studio, place) == []


async def test_the_proposal_that_was_picked_is_chosen_over_the_others(studio: Studio, place: Place) -> None:
    await place.say("нет связи")
    await studio.operator_says(place, "Проверьте кабель.", "Не знаю.", "Проверьте кабель.", "Бывает.", take=1)

    assert [(row["chosen"], row["rejected"], row["source"]) for row in await pairs(studio, place)] == [
        (" Проверьте кабель.", " Не знаю.", "picked"),
        (" Проверьте кабель.", " Бывает.", "picked"),
    ]


async def test_no_proposal_was_picked_where_the_operator_wrote_other_words(studio: Studio, place: Place) -> None:
    await place.say("нет связи")
    await studio.operator_says(place, "Сейчас разберёмся.", "Не знаю.", "Проверьте кабель.", take=1)

    assert [(row["rejected"], row["source"]) for row in await pairs(studio, place)] == [(" Проверьте кабель.", "draft")]


async def test_thumbs_are_labels(studio: Studio, place: Place) -> None:
    await studio.thumb(place, await studio.exchange(place, "нет связи", "Проверьте кабель."), True)
    await studio.thumb(place, await studio.exchange(place, "не помогло", "Жаль."), False)
    await studio.exchange(place, "и что?", "Ждите мастера.")

    assert await opinions(studio, place) == [(" Проверьте кабель.", True, "thumb"), (" Жаль.", False, "thumb")]


async def test_a_thumb_that_was_taken_back_is_nowhere(studio: Studio, place: Place) -> None:
    turn = await studio.exchange(place, "нет связи", "Проверьте кабель.")
    await studio.thumb(place, turn, True)
    await studio.thumb(place, turn, None)

    assert await opinions(studio, place) == []


async def test_an_operators_rating_counts_and_not_the_thumbs_against_it(studio: Studio, place: Place) -> None:
    turn = await studio.exchange(place, "нет связи", "Проверьте кабель.")
    await studio.thumb(place, turn, False)
    await studio.judge(place, turn, rating="good")

    assert await opinions(studio, place) == [(" Проверьте кабель.", True, "rating")]


async def test_a_correction_is_good_and_what_it_corrects_is_not(studio: Studio, place: Place) -> None:
    turn = await studio.exchange(place, "нет связи", "Выбросьте роутер.")
    await studio.judge(place, turn, rating="bad", correction="Проверьте кабель.")

    assert await opinions(studio, place) == [
        (" Проверьте кабель.", True, "correction"),
        (" Выбросьте роутер.", False, "correction"),
    ]


async def test_the_manifest_says_how_uneven_the_labels_are_and_what_evens_them_out(
    studio: Studio, place: Place
) -> None:
    for number in range(3):
        turn = await studio.exchange(place, f"вопрос {number}", f"ответ {number}")
        await studio.thumb(place, turn, number > 0)
    await studio.approve(place)

    exported = await studio.export(Format.KTO)

    assert exported.facts["labels"] == {
        "desirable": 2,
        "undesirable": 1,
        "ratio": 2.0,
        "is_within_1_to_4_thirds": False,
        "desirable_weight": 1.0,
        "undesirable_weight": 2.0,
    }


async def test_openais_pairs_are_in_its_shape(studio: Studio, place: Place) -> None:
    wrong = await studio.exchange(place, "нет", "Выбросьте роутер.", "связи")
    await studio.judge(place, wrong, correction="Проверьте кабель.")
    await studio.approve(place)

    assert await studio.rows(Format.OPENAI_DPO) == [
        {
            "input": {
                "messages": [
                    {"role": "system", "content": SUPPORT.text},
                    {"role": "user", "content": "нет\nсвязи"},
                ],
                "tools": [],
                "parallel_tool_calls": True,
            },
            "preferred_output": [{"role": "assistant", "content": "Проверьте кабель."}],
            "non_preferred_output": [{"role": "assistant", "content": "Выбросьте роутер."}],
        }
    ]
