from __future__ import annotations

import pytest
import typer

from bot.failing import FAILED, explain, run_to_the_end
from bot.running.child import MISCONFIGURED
from dialogue.errors import ModelRefused, SeedError, SettingsError, StorageUnavailable


@pytest.mark.parametrize("error", [SettingsError("no"), SeedError("no"), ModelRefused("no")])
def test_what_a_person_has_to_mend_has_an_exit_code_of_its_own(error: Exception) -> None:
    assert explain(error) == MISCONFIGURED


def test_what_may_pass_by_itself_is_a_plain_failure() -> None:
    assert explain(StorageUnavailable("out of reach")) == FAILED


def test_an_error_of_ours_is_one_line_without_its_password(capsys: pytest.CaptureFixture[str]) -> None:
    explain(StorageUnavailable("redis://:secret@host is out of reach"))

    assert capsys.readouterr().err == "Error: redis://:***@host is out of reach\n"


def test_errors_of_tasks_that_ran_together_are_told_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    group = ExceptionGroup("tasks", [StorageUnavailable("first"), ExceptionGroup("more", [SettingsError("second")])])

    assert explain(group) == MISCONFIGURED
    assert capsys.readouterr().err == "Error: first\nError: second\n"


def test_an_error_that_nobody_foresaw_goes_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    assert explain(ZeroDivisionError("oh")) == FAILED
    assert caplog.records[0].exc_info is not None


def test_ctrl_c_ends_what_takes_minutes_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    async def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(typer.Exit) as ended:
        run_to_the_end(interrupted())

    assert ended.value.exit_code == 130
    assert capsys.readouterr().err == "Ended before it was done: there is no result.\n"
