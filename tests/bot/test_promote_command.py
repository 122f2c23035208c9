"""`govorun promote` as an engineer types it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli import app
from dialogue.casting import Promotion
from dialogue.errors import GovorunError
from storage.log.sql_log import sql_log
from tests.bot.environment import forget_settings
from tests.bot.promotion.workshop import OTHER, SEED, Workshop


class Shell:
    """Types commands beside the files of a workshop."""

    def __init__(self, folder: Path) -> None:
        self.workshop = Workshop(folder)
        self.data_dir = folder / "home"
        self.env = {"GOVORUN_DATA_DIR": str(self.data_dir), "COLUMNS": "200"}

    def promote(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["promote", *arguments], env=self.env)

    def promote_adapter(self, *arguments: str) -> Result:
        workshop = self.workshop
        data = ["--data", str(workshop.data), "--held-out", str(workshop.held_out)]
        report = ["--evaluation", str(workshop.report.parent)]
        return self.promote(SEED.name, "--adapter", str(workshop.adapter), *data, *report, *arguments)

    def at_work(self) -> list[Promotion]:
        async def read() -> list[Promotion]:
            async with sql_log(f"sqlite:///{self.data_dir / 'govorun.db'}") as log:
                return await log.promotions()

        return asyncio.run(read())


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    forget_settings(monkeypatch)
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path)


def refusal(result: Result) -> str:
    assert isinstance(result.exception, GovorunError), result.output
    return str(result.exception)


def test_an_adapter_is_put_to_work_for_a_share_then_for_all_and_taken_back(shell: Shell) -> None:
    revision = shell.workshop.revision()

    result = shell.promote_adapter("--share", "10%")

    assert result.exit_code == 0, result.output
    assert f"{SEED.name} is answered by adapter {revision} for 10 % of the people, from their next" in result.output
    assert [(each.adapter, each.share) for each in shell.at_work()] == [(revision, 0.1)]
    assert "at once" in shell.promote(SEED.name, "--share", "100%").output
    assert f"adapter {revision}" in shell.promote().output
    assert "is answered by itself again, at once" in shell.promote(SEED.name, "--back").output
    assert shell.at_work() == []
    assert "Nothing is promoted" in shell.promote().output


def test_a_seed_stands_in(shell: Shell) -> None:
    shell.workshop.compare_seeds()
    report = ["--evaluation", str(shell.workshop.report.parent), "--held-out", str(shell.workshop.held_out)]

    result = shell.promote(SEED.name, "--stand-in", OTHER.name, *report)

    assert f"{SEED.name} is answered by the seed {OTHER.name}, at once." in result.output


def test_an_adapter_answers_behind_the_seed_that_it_learned_behind(shell: Shell) -> None:
    shell.workshop.evaluate_behind_the_other()
    result = shell.promote_adapter("--stand-in", OTHER.name)

    assert f"{SEED.name} is answered by the seed {OTHER.name} with adapter sha256:" in result.output
    assert [each.stand_in for each in shell.at_work()] == [OTHER.name]


def test_what_was_tampered_with_is_not_put_to_work(shell: Shell) -> None:
    with shell.workshop.data.open("a") as file:
        file.write("{}\n")

    assert "its SHA-256 is another" in refusal(shell.promote_adapter())
    assert not (shell.data_dir / "govorun.db").exists() or shell.at_work() == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--back"], "nothing is promoted in the place of"),
        (["--share", "50%"], "there is no share to change"),
        (["--share", "0%"], "is not a share of the people"),
        (["--share", "many"], "is not a share of the people"),
        (["--share", "150%"], "is not a share of the people"),
        (["--evaluation", "report"], "say what is to be promoted"),
        (["--stand-in", "small-talk-ru"], "only what was evaluated is promoted"),
    ],
)
def test_what_is_not_said_or_not_possible_is_told(arguments: list[str], words: str, shell: Shell) -> None:
    assert words in refusal(shell.promote(SEED.name, *arguments))


def test_an_unknown_seed_is_told_with_the_nearest(shell: Shell) -> None:
    assert 'did you mean "small-talk-en"' in refusal(shell.promote("smalltalk-en", "--back"))
