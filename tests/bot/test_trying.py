"""`govorun seeds try`: answers without anything that keeps them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from typer.testing import CliRunner

from bot.cli import app
from bot.trying import Trial, as_object
from tests.bot.test_at_work import AT_WORK, put_to_work
from tests.dialogue.kinds.conftest import FILM, MUSIC
from tests.fakes import SEED, ScriptedEngine, counting_draws


async def test_a_dialogue_remembers_what_was_said_in_it() -> None:
    engine = ScriptedEngine([" Hello.\nUser1:", " Bye.\nUser1:"])
    trial = Trial(engine, SEED, counting_draws())

    await trial.say("Hi")
    reply = await trial.say("I must go")

    assert reply.text == "Bye."
    assert engine.prompts[-1].text == "A chat.\nUser1: Hi\nUser2: Hello.\nUser1: I must go\nUser2:"


async def test_other_kinds_answer_each_message_by_itself_and_show_the_prompt_as_it_is_sent() -> None:
    engine = ScriptedEngine(['Heat"', 'Alien"'])
    trial = Trial(engine, FILM, counting_draws())

    await trial.say("crime")
    prompt = trial.prompt("space")
    await trial.say("space")

    assert engine.prompts[-1].text == prompt == 'A chat.\nWho likes space should watch "'


async def test_a_tuned_seed_answers_behind_its_form_alone() -> None:
    engine = ScriptedEngine(['Heat"'])

    reply = await Trial(engine, FILM.tuned(), counting_draws()).say("crime")

    assert reply.text == '"Heat"'
    assert engine.prompts[-1].text == 'Who likes crime should watch "'
    assert engine.prompts[-1].fixed_chars == 0


async def test_programs_get_the_result_as_an_object() -> None:
    reply = await Trial(ScriptedEngine([*["Blur».\n"] * 16]), MUSIC, counting_draws()).say("rock")

    assert json.loads(as_object(reply))["result"]["votes"] == [{"name": "Blur", "votes": 16}]


def test_each_line_of_the_input_is_answered() -> None:
    environment = {"GOVORUN_MODEL": "echo"}

    result = CliRunner().invoke(app, ["seeds", "try", "words-ru-en", "--json"], input="кот\n\nдом\n", env=environment)

    assert result.exit_code == 0, result.output
    assert len([line for line in result.stdout.splitlines() if line.startswith("{")]) == 2


async def test_what_operators_have_put_to_work_is_tried(tmp_path: Path) -> None:
    await put_to_work(tmp_path / "data")
    environment = {"GOVORUN_MODEL": "echo", "GOVORUN_DATA_DIR": str(tmp_path / "data")}
    command = ["seeds", "try", AT_WORK.name, "hello", "--at-work", "--show-prompt"]

    result = await asyncio.to_thread(CliRunner().invoke, app, command, env=environment)

    assert result.exit_code == 0, result.output
    assert AT_WORK.text in result.stderr
    assert "takes it" not in result.stderr
