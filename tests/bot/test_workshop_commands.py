"""`govorun seeds compare` and `ablate` as an engineer types them, with a tiny model on the disk."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest

from dialogue.errors import EvaluationError, GovorunError, SeedError
from tests.bot.shell import SEED, Shell, made_shell

HELD_OUT = ("--held-out", "data.test.jsonl")


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell in the folder with the model, the export, and a draft of the seed."""
    shell = made_shell(tmp_path, monkeypatch)
    shipped = (resources.files("seeds") / f"{SEED.name}.toml").read_text("utf-8")
    (tmp_path / "drafts").mkdir()
    draft = tmp_path / "drafts" / f"{SEED.name}.toml"
    draft.write_text(shipped.replace("User1: Kate\n", "User1: my name is Kate\n"), "utf-8")
    return shell


DRAFT = f"drafts/{SEED.name}.toml"


async def test_a_seed_against_itself_is_exactly_nothing(shell: Shell) -> None:
    result = await shell.type("seeds", "compare", SEED.name, SEED.name, *HELD_OUT, "--samples", "2")

    assert result.exit_code == 0, result.output
    assert "Measured on 2 of the 2 dialogues in data.test.jsonl (small-talk-en): 4 replies." in result.output
    assert "0.0000 [0.0000, 0.0000]" in result.output
    assert "2 replies drawn from each side" in result.output
    assert "The model is asked as it is" in result.output


async def test_a_draft_is_compared_with_the_seed_of_its_name(shell: Shell) -> None:
    result = await shell.type("seeds", "compare", SEED.name, DRAFT, *HELD_OUT, "--samples", "0")

    assert result.exit_code == 0, result.output
    assert f"A  {SEED.name} ({SEED.version})" in result.output
    assert f"B  {DRAFT} (" in result.output
    assert "[0.0000, 0.0000]" not in result.output


async def test_each_example_of_a_seed_is_weighed_by_the_others(shell: Shell) -> None:
    result = await shell.type("seeds", "ablate", "words-ru-en", "--json")

    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["measured_on"].startswith("its own examples")
    assert [each["text"] for each in found["examples"]][:2] == ["кот —> cat", "дом —> house"]
    assert {each["compared"] for each in found["examples"]} == {9}
    first = found["examples"][0]
    assert first["gain"]["low"] <= first["gain"]["value"] <= first["gain"]["high"]
    assert first["gain_per_100_tokens"] == pytest.approx(100 * first["gain"]["value"] / first["tokens"])
    assert first["worth"] in ("pays", "no difference shown", "harms")


async def test_the_exchanges_of_a_draft_are_weighed_by_held_out_dialogues(shell: Shell) -> None:
    result = await shell.type("seeds", "ablate", DRAFT, *HELD_OUT, "--max-dialogues", "1")

    assert result.exit_code == 0, result.output
    assert "… my name is Kate User2: Nice" in result.output
    assert result.output.count("no difference shown") == 12
    assert "fewer than 5 others" in result.output
    assert "(small-talk-en); 1 of them, drawn by lot: 2 replies; with model, in" in result.output.replace("\n", " ")


@pytest.mark.parametrize(
    ("command", "kind", "why"),
    [
        (["compare", SEED.name, DRAFT], EvaluationError, "--held-out FILE"),
        (["compare", SEED.name, "words-ru-en"], EvaluationError, "govorun seeds ablate words-ru-en"),
        (["compare", SEED.name, "nowhere.toml"], SeedError, "nowhere.toml: file: cannot be read"),
        (["ablate", "small-talk"], SeedError, "did you mean"),
        (["ablate", "words-ru-en", *HELD_OUT], EvaluationError, "exports have dialogues"),
    ],
)
async def test_what_cannot_be_measured_is_said_with_what_to_do(
    shell: Shell, command: list[str], kind: type[GovorunError], why: str
) -> None:
    result = await shell.type("seeds", *command)

    assert isinstance(result.exception, kind), result.output
    assert why in str(result.exception)
