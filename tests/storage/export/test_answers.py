"""What was answered behind a form: exported as it was served, and turned back into the answer."""

from __future__ import annotations

import pytest

from bot.trying import Trial
from dialogue.errors import ExportError
from dialogue.kinds.choosing import kind_of
from dialogue.seeds import Seed, Seeds
from dialogue.turns import StopReason
from storage.export.fitting import check_that_it_fits
from storage.export.wanted import Ending, Format, Handling, Wanted
from storage.records import hashed_id
from tests.dialogue.kinds.conftest import CODE, FILM, KINDS, MUSIC, OBJECT, WORD
from tests.fakes import ScriptedEngine
from tests.storage.export.studio import SUPPORT, Studio
from tests.storage.log.places import Place

DRAWN = {
    FILM.name: 'Alien"',
    MUSIC.name: "Blur».",
    CODE.name: "Use len.\n```\nlen(x)\n```\n***",
    WORD.name: "cat",
    OBJECT.name: '"len(x)", "lines": 1}',
}
"""What the model writes, by seed."""


@pytest.fixture
def studio(studio: Studio) -> Studio:
    """A studio with a seed of each kind besides."""
    studio.seeds = Seeds([*studio.seeds, *KINDS])
    return studio


async def asked(studio: Studio, number: int, seed: Seed, words: str = "кот\nи пёс") -> tuple[Place, int]:
    """Have a person ask a seed something in an approved dialogue; return the chat and the turn of the answer."""
    place = await studio.place(number)
    async with studio.log.writing() as writing:
        place.chat = await writing.new_dialogue(place.chat, seed.name)
    turn = await studio.exchange(place, words, DRAWN[seed.name])
    await studio.approve(place)
    return place, turn


async def test_each_kind_has_the_prompt_that_was_served_and_a_completion_that_gives_the_answer(studio: Studio) -> None:
    shown = {}
    for number, seed in enumerate(KINDS):
        place, _ = await asked(studio, number, seed)
        shown[seed.name] = (await place.shown())[-1].text

    exported = await studio.export(Format.PROMPT_COMPLETION)

    assert exported.facts["counts"]["prompts"] == {"as_served": 5}
    for seed in KINDS:
        (row,) = await studio.rows(Format.PROMPT_COMPLETION, Wanted(seeds=(seed.name,)))
        assert row["prompt"].startswith(f"{seed.text}\n")
        kind = kind_of(seed)
        answer = kind.answer([kind.cut(row["completion"], StopReason.TAG, seed)], seed, "кот")
        assert answer is not None
        assert answer.text == shown[seed.name].replace("16", "1")


async def test_a_correction_is_learned_and_what_the_form_cannot_hold_is_counted(studio: Studio) -> None:
    words, turn = await asked(studio, 1, WORD)
    bad = await studio.exchange(words, "дом", "mouse")
    odd = await studio.exchange(words, "вода", "waters")
    names, list_ = await asked(studio, 2, MUSIC)
    await studio.judge(words, turn, correction="a cat")
    await studio.judge(words, bad, rating="bad")
    await studio.judge(words, odd, correction="water\nor waters")
    await studio.judge(names, list_, correction="Pulp")

    exported = await studio.export(Format.PROMPT_COMPLETION)
    rows = await studio.rows(Format.PROMPT_COMPLETION)

    assert sorted(row["completion"] for row in rows) == [" a cat", "Pulp»"]
    assert exported.facts["counts"]["rows"] == {"written": 2, "not_in_form": 1}
    assert exported.facts["counts"]["sources"] == {"correction": 2, "none": 1}


async def test_each_answer_is_a_row_of_its_own_beside_dialogues(studio: Studio) -> None:
    words, _ = await asked(studio, 1, WORD, "кот")
    await studio.exchange(words, "дом", "house")
    code, _ = await asked(studio, 2, CODE, "how long?")
    talk = await studio.place(3)
    await studio.exchange(talk, "привет", "Здравствуйте!")
    await studio.approve(talk)

    texts = {row["text"] for row in await studio.rows(Format.TRANSCRIPT, ending=Ending.TAG)}
    segments = [row["segments"] for row in await studio.rows(Format.INPUT_OUTPUT)]
    questions = {row["question"]: row["answer"] for row in await studio.rows(Format.JSON_QA)}

    code_text = "Use len.\n```\nlen(x)\n```"
    assert texts == {
        "A chat.\nкот —> cat\n",
        "A chat.\nдом —> house\n",
        f"A chat.\nQ: how long?\nA: {code_text}\n***",
        f"{SUPPORT.text}\nUser1: привет\nUser2: Здравствуйте!\nUser1:",
    }
    assert {"label": True, "text": " cat\n"} in [row[1] for row in segments]
    assert {"label": True, "text": f" {code_text}\n***"} in [row[1] for row in segments]
    assert len(segments) == 4
    assert questions == {"кот": "cat", "дом": "house", "how long?": code_text, "привет": "Здравствуйте!"}


async def test_of_two_answers_the_one_that_was_kept_is_preferred(studio: Studio) -> None:
    words, _ = await asked(studio, 1, WORD, "кот")
    await studio.again(words, "tomcat")
    names, _ = await asked(studio, 2, MUSIC, "рок")
    await studio.again(names, "Pulp».")
    await studio.again(names, "Blur» and «Pulp».")

    rows = await studio.rows(Format.DPO)

    assert sorted((row["prompt"], row["chosen"], row["rejected"]) for row in rows) == [
        ("A chat.\nWho hears рок will like «", "Blur»", "Pulp»"),
        ("A chat.\nкот —>", " tomcat", " cat"),
    ]


async def test_a_fine_tuned_model_is_given_the_form_alone_just_as_its_seed_gives_it(studio: Studio) -> None:
    words = "кот\nи пёс"
    for number, seed in enumerate(KINDS):
        await asked(studio, number, seed, words)
    talk = await studio.place(9)
    await studio.exchange(talk, "привет", "Здравствуйте!")
    await studio.approve(talk)

    exported = await studio.export(Format.PROMPT_COMPLETION, is_fine_tuned=True)
    rows = await studio.rows(Format.PROMPT_COMPLETION, is_fine_tuned=True)

    tuned = [studio.seeds.get(f"{seed.name}-tuned") for seed in KINDS]
    assert {row["prompt"] for row in rows} == {Trial(ScriptedEngine([]), seed).prompt(words) for seed in tuned}
    assert not any("A chat." in row["prompt"] for row in rows)
    assert exported.facts["counts"]["dialogues"] == {"exported": 5, "other_kind": 1}
    assert exported.facts["counts"]["prompts"] == {"as_served_behind_another_seed": 5}
    assert {name: facts["version"] for name, facts in exported.facts["seeds"].items()} == {
        seed.name: seed.version for seed in tuned
    }


async def test_what_a_tuned_seed_was_asked_is_exported_as_served(studio: Studio) -> None:
    place = await studio.place()
    async with studio.log.writing() as writing:
        place.chat = await writing.new_dialogue(place.chat, "word-en-tuned")
    await studio.exchange(place, "кот", "cat")
    await studio.approve(place)

    exported = await studio.export(Format.PROMPT_COMPLETION, wanted=Wanted(language="en"))

    assert await studio.rows(Format.PROMPT_COMPLETION) == [{"prompt": "кот —>", "completion": " cat"}]
    assert exported.facts["counts"]["prompts"] == {"as_served": 1}


async def test_a_number_in_the_words_is_replaced_and_the_prompt_is_proven_still(studio: Studio) -> None:
    place, _ = await asked(studio, 1, WORD, "позвони +7 912 345-67-89")

    exported = await studio.export(Format.CSV, "out.csv", personal_data=Handling.REMOVE)
    (row,) = await studio.rows(Format.PROMPT_COMPLETION)

    assert row["prompt"] == "A chat.\nпозвони [PHONE_1] —>"
    assert exported.facts["counts"]["prompts"] == {"as_served": 1}
    assert hashed_id(place.chat.dialogue_id) in (studio.folder / "out.csv").read_text("utf-8-sig")


@pytest.mark.parametrize(
    ("format", "is_fine_tuned", "seed", "why"),
    [
        (Format.MESSAGES, False, FILM, "cannot hold what the seed film-en of the kind completion writes; take tr.*qa"),
        (Format.QA, False, MUSIC, "of the kind vote writes; take transcript, prompt-completion, input-output, dpo"),
        (Format.PROMPT_COMPLETION, True, SUPPORT, "the seed small-talk is a dialogue, which has no form"),
        (Format.CSV, True, WORD, "rows of the format csv have none; take transcript, prompt-completion"),
    ],
)
def test_a_format_that_does_not_fit_names_those_that_do(
    format: Format, is_fine_tuned: bool, seed: Seed, why: str
) -> None:
    with pytest.raises(ExportError, match=why):
        check_that_it_fits(format, is_fine_tuned, [seed])


def test_every_format_takes_dialogues_and_the_prompted_ones_take_every_kind() -> None:
    for format in Format:
        check_that_it_fits(format, False, [SUPPORT])
    for format in (Format.TRANSCRIPT, Format.PROMPT_COMPLETION, Format.INPUT_OUTPUT, Format.DPO, Format.KTO):
        check_that_it_fits(format, True, KINDS)
