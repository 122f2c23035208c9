"""Every format to the letter, and the traps of the tools that read them."""

from __future__ import annotations

import pyarrow.json
import pytest

from dialogue.turns import Ask
from storage.export.wanted import Ending, Format, Handling, Wanted
from storage.records import ChatKind
from tests.storage.conftest import Clock
from tests.storage.export.studio import SUPPORT, Studio
from tests.storage.log.places import Place

SYSTEM = {"role": "system", "content": SUPPORT.text}


@pytest.fixture
async def talk(studio: Studio) -> Place:
    """An approved dialogue: a burst and its answer, a corrected reply, one rated bad, one that is right."""
    place = await studio.place()
    await studio.exchange(place, "нет связи", "Что горит на роутере?", "совсем")
    wrong = await studio.exchange(place, "красная", "Выбросьте его.")
    rude = await studio.exchange(place, "что?!", "Не мешайте.")
    await studio.exchange(place, "ладно", "Перезагрузите роутер.\nИ подождите.")
    await studio.judge(place, wrong, rating="bad", correction="Проверьте кабель.")
    await studio.judge(place, rude, rating="bad")
    await studio.approve(place)
    return place


async def test_a_prompt_ends_with_the_tag_and_no_space_and_its_completion_begins_with_one(
    studio: Studio, talk: Place
) -> None:
    rows = await studio.rows(Format.PROMPT_COMPLETION)

    assert [row["completion"] for row in rows] == [
        " Что горит на роутере?",
        " Проверьте кабель.",
        " Перезагрузите роутер.\n И подождите.",
    ]
    assert rows[0]["prompt"] == f"{SUPPORT.text}\nUser1: нет связи\nUser1: совсем\nUser2:"
    assert all(set(row) == {"prompt", "completion"} and row["prompt"].endswith("\nUser2:") for row in rows)


async def test_what_was_said_stays_in_later_prompts_as_it_was_said(studio: Studio, talk: Place) -> None:
    last = (await studio.rows(Format.PROMPT_COMPLETION))[-1]

    assert "\nUser2: Выбросьте его.\n" in last["prompt"]
    assert "\nUser2: Не мешайте.\n" in last["prompt"]
    assert "Проверьте кабель." not in last["prompt"]


async def test_a_reply_that_was_rated_bad_is_learned_nowhere(studio: Studio, talk: Place) -> None:
    for format in (Format.PROMPT_COMPLETION, Format.QA, Format.JSON_QA):
        assert all("Не мешайте" not in list(row.values())[-1] for row in await studio.rows(format))
    for format in (Format.TRANSCRIPT, Format.MESSAGES, Format.SHAREGPT, Format.ALPACA):
        assert "Не мешайте" not in str(await studio.rows(format))
    for row in await studio.rows(Format.OPENAI):
        assert all(message.get("weight") != 1 for message in row["messages"] if message["content"] == "Не мешайте.")
    for row in await studio.rows(Format.INPUT_OUTPUT):
        assert all("Не мешайте" not in segment["text"] for segment in row["segments"] if segment["label"])


@pytest.mark.parametrize(("ending", "end"), [(Ending.EOS, ""), (Ending.TAG, "\nUser1:")])
async def test_how_a_reply_ends_is_decided_here_and_not_by_the_trainer(
    studio: Studio, talk: Place, ending: Ending, end: str
) -> None:
    exported = await studio.export(Format.PROMPT_COMPLETION, ending=ending)
    completions = [row["completion"] for row in await studio.rows(Format.PROMPT_COMPLETION, ending=ending)]
    (text,) = [row["text"] for row in await studio.rows(Format.TRANSCRIPT, ending=ending)]

    assert completions[0] == f" Что горит на роутере?{end}"
    assert text.endswith(f"Проверьте кабель.{end}")
    assert exported.facts["ending"] == ending


async def test_a_transcript_ends_with_the_first_reply_that_had_to_be_corrected(studio: Studio, talk: Place) -> None:
    assert await studio.rows(Format.TRANSCRIPT) == [
        {
            "text": f"{SUPPORT.text}\nUser1: нет связи\nUser1: совсем\nUser2: Что горит на роутере?\n"
            "User1: красная\nUser2: Проверьте кабель."
        }
    ]


async def test_a_transcript_ends_before_the_first_reply_that_is_not_to_be_learned(studio: Studio) -> None:
    place = await studio.place()
    await studio.exchange(place, "нет связи", "Что горит?")
    await studio.judge(place, await studio.exchange(place, "красная", "Отстаньте."), rating="bad")
    await studio.exchange(place, "ну", "Проверьте кабель.")
    await studio.approve(place)

    assert await studio.rows(Format.TRANSCRIPT) == [{"text": f"{SUPPORT.text}\nUser1: нет связи\nUser2: Что горит?"}]


async def test_segments_are_cut_before_the_space_and_only_right_words_have_the_label(
    studio: Studio, talk: Place
) -> None:
    correction, whole = await studio.rows(Format.INPUT_OUTPUT)

    learned = [segment["text"] for segment in whole["segments"] if segment["label"]]
    assert learned == [" Что горит на роутере?\n", " Перезагрузите роутер.\n И подождите.\n"]
    assert all(each["text"].endswith("User2:") for each in whole["segments"] if not each["label"])
    assert "".join(segment["text"] for segment in whole["segments"]) == (
        f"{SUPPORT.text}\nUser1: нет связи\nUser1: совсем\nUser2: Что горит на роутере?\nUser1: красная\n"
        "User2: Выбросьте его.\nUser1: что?!\nUser2: Не мешайте.\nUser1: ладно\n"
        "User2: Перезагрузите роутер.\n И подождите.\n"
    )
    assert [segment["label"] for segment in correction["segments"]] == [False, True]
    assert correction["segments"][1]["text"] == " Проверьте кабель.\n"


async def test_segments_end_with_the_tag_that_stands_behind_them(studio: Studio, talk: Place) -> None:
    place = await studio.place(2)
    await place.say("позовите человека")
    await studio.operator_says(place, "Слушаю вас.")
    await studio.operator_says(place, "Что случилось?")
    await studio.approve(place)
    by_line = await studio.rows(Format.INPUT_OUTPUT)

    rows = await studio.rows(Format.INPUT_OUTPUT, ending=Ending.TAG)

    learned = [[segment["text"] for segment in row["segments"] if segment["label"]] for row in rows]
    assert sorted(learned) == [
        [" Проверьте кабель.\nUser1:"],
        [" Слушаю вас.\nUser2:", " Что случилось?\nUser1:"],
        [" Что горит на роутере?\nUser1:", " Перезагрузите роутер.\n И подождите.\nUser1:"],
    ]
    texts = [["".join(each["text"] for each in row["segments"]) for row in side] for side in (rows, by_line)]
    assert texts[0] == [f"{text}User1:" for text in texts[1]]
    assert all(segment["text"] for row in rows for segment in row["segments"])


@pytest.mark.parametrize("format", [Format.MESSAGES, Format.SHAREGPT, Format.OPENAI])
async def test_bursts_are_merged_so_that_people_and_the_bot_take_turns(
    studio: Studio, talk: Place, format: Format
) -> None:
    for row in await studio.rows(format):
        said = row.get("conversations") or row["messages"][1:]
        voices = [each.get("from") or each["role"] for each in said]
        first, second = ("human", "gpt") if format is Format.SHAREGPT else ("user", "assistant")
        assert voices == [first, second] * (len(voices) // 2)
        assert (said[0].get("value") or said[0]["content"]) == "нет связи\nсовсем"


async def test_messages_are_those_of_trl(studio: Studio, talk: Place) -> None:
    assert await studio.rows(Format.MESSAGES) == [
        {
            "messages": [
                SYSTEM,
                {"role": "user", "content": "нет связи\nсовсем"},
                {"role": "assistant", "content": "Что горит на роутере?"},
                {"role": "user", "content": "красная"},
                {"role": "assistant", "content": "Проверьте кабель."},
            ]
        }
    ]


async def test_openais_weights_say_what_is_learned(studio: Studio, talk: Place) -> None:
    correction, whole = await studio.rows(Format.OPENAI)

    assert [each.get("weight") for each in whole["messages"]] == [None, None, 1, None, 0, None, 0, None, 1]
    assert [each.get("weight") for each in correction["messages"]] == [None, None, 0, None, 1]
    assert correction["messages"][-1]["content"] == "Проверьте кабель."


async def test_alpacas_history_has_whole_pairs(studio: Studio, talk: Place) -> None:
    assert await studio.rows(Format.ALPACA) == [
        {
            "instruction": "красная",
            "input": "",
            "output": "Проверьте кабель.",
            "system": SUPPORT.text,
            "history": [["нет связи\nсовсем", "Что горит на роутере?"]],
        }
    ]


async def test_a_question_has_its_answer(studio: Studio, talk: Place) -> None:
    assert await studio.rows(Format.QA) == [
        {"prompt": "Q: нет связи\nсовсем\nA:", "completion": " Что горит на роутере?"}
    ]
    assert await studio.rows(Format.JSON_QA) == [{"question": "нет связи\nсовсем", "answer": "Что горит на роутере?"}]


async def test_the_greeting_is_given_and_never_learned(studio: Studio, clock: Clock) -> None:
    place = await studio.place()
    async with studio.log.writing() as writing:
        await writing.greet(place.chat, "Добрый день!")
    clock.now += 1
    await studio.exchange(place, "нет связи", "Проверяю.")
    await studio.approve(place)

    (row,) = await studio.rows(Format.PROMPT_COMPLETION)
    (shared,) = await studio.rows(Format.SHAREGPT)

    assert row["prompt"] == f"{SUPPORT.text}\nUser2: Добрый день!\nUser1: нет связи\nUser2:"
    assert shared["system"] == f"{SUPPORT.text}\nUser2: Добрый день!"
    assert [each["from"] for each in shared["conversations"]] == ["human", "gpt"]


async def test_an_operators_words_are_learned_as_well(studio: Studio) -> None:
    place = await studio.place()
    await place.say("позовите человека")
    await studio.operator_says(place, "Это Ольга, слушаю.")
    await studio.approve(place)

    (row,) = await studio.rows(Format.PROMPT_COMPLETION)
    exported = await studio.export(Format.PROMPT_COMPLETION)

    assert row["completion"] == " Это Ольга, слушаю."
    assert exported.facts["counts"]["sources"] == {"operator": 1}
    assert await studio.rows(Format.PROMPT_COMPLETION, Wanted(model="gemma")) == []


async def test_what_was_continued_is_learned_as_one_reply(studio: Studio) -> None:
    place = await studio.place()
    await studio.exchange(place, "расскажи", "Жил-был кот.")
    await studio.again(place, "И была у него шляпа.", Ask.CONTINUE)
    await studio.approve(place)

    (row,) = await studio.rows(Format.PROMPT_COMPLETION)

    assert row["completion"] == " Жил-был кот. И была у него шляпа."
    assert row["prompt"].endswith("\nUser1: расскажи\nUser2:")


async def test_a_record_has_all_that_was_said_without_loss(studio: Studio) -> None:
    strange = "a\x00b\ud83dc\u2028d\x85e\r\nf\x10g\u202e<|endoftext|>"
    place = await studio.place(kind=ChatKind.PRIVATE)
    await studio.exchange(place, strange, "Ничего не понятно.")
    await studio.approve(place)

    (record,) = await studio.rows(Format.JSONL, personal_data=Handling.KEEP)

    assert [turn["text"] for turn in record["turns"]] == [strange, "Ничего не понятно."]
    assert len((studio.folder / "out.jsonl").read_bytes().splitlines()) == 1


async def test_half_an_emoji_keeps_no_trainer_from_reading_a_file(studio: Studio) -> None:
    place = await studio.place()
    await studio.exchange(place, "связь \ud83d пропала", "Проверьте кабель.")
    await studio.approve(place)
    await studio.export(Format.PROMPT_COMPLETION)

    # `datasets` reads JSON by this, and so does every trainer.
    (row,) = pyarrow.json.read_json(studio.folder / "out.jsonl").to_pylist()

    assert row["prompt"].endswith("\nUser1: связь \ufffd пропала\nUser2:")
