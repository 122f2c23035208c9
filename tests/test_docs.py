"""The docs name every command, setting and metric, and none that does not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import prometheus_client
import typer

import bot.metrics  # noqa: F401 - registers them
from bot.cli import app
from bot.settings import Settings, names

ROOT = Path(__file__).parents[1]
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FILES_WITH_SETTINGS = [*DOCS, *(ROOT / name for name in (".env.example", "compose.yaml", "Dockerfile", "Makefile"))]

# What a metric's name gets at its end where it is read.
METRIC_ENDINGS = ("", "_total", "_bucket", "_sum", "_count")


def found(pattern: str, paths: list[Path]) -> dict[str, str]:
    """Return what the pattern finds, each with the name of a file that has it."""
    return {match: path.name for path in paths for match in re.findall(pattern, path.read_text())}


def commands() -> Iterator[str]:
    """Yield the commands as one types them: `seeds lint`, `up`."""
    group = typer.main.get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        yield from (f"{name} {each}" for each in inner) if inner else (name,)


def metrics() -> set[str]:
    families = prometheus_client.REGISTRY.collect()
    return {family.name for family in families if family.name.startswith("govorun_")}


def test_every_command_is_in_the_docs() -> None:
    written = found(r"govorun ([a-z]+(?: [a-z]+)?)", DOCS)
    named = set(written) | {each.split()[0] for each in written}

    assert set(commands()) <= named


def test_every_command_of_the_docs_exists() -> None:
    known = set(commands())
    groups = {each.split()[0] for each in known}
    # In code only: in a sentence the name of the project is followed by any word.
    for written, file in found(r"(?:`|\n {0,4})govorun ([a-z]+(?: [a-z]+)?)", DOCS).items():
        first = written.split()[0]
        assert first in known or (first in groups and written in {*known, first}), f"{file}: govorun {written}"


def test_every_setting_is_in_the_docs_and_every_one_there_exists() -> None:
    table = found(r"\| `(GOVORUN_[A-Z_]+)` \|", [ROOT / "docs" / "settings.md"])

    assert sorted(table) == sorted(names())


def test_no_file_mentions_a_setting_that_does_not_exist() -> None:
    mentioned = found(r"\b(GOVORUN_[A-Z][A-Z_]*[A-Z])\b", FILES_WITH_SETTINGS)

    assert {name: file for name, file in mentioned.items() if name not in names()} == {}


def test_the_docs_have_the_right_defaults() -> None:
    rows = dict(re.findall(r"\n\| `(GOVORUN_[A-Z_]+)` \| `([^`]+)` \|", (ROOT / "docs" / "settings.md").read_text()))

    for name, default in rows.items():
        assert str(Settings.model_fields[name.removeprefix("GOVORUN_").lower()].default) == default


def test_every_metric_is_in_the_docs_and_every_one_there_exists() -> None:
    readable = {name + ending: name for name in metrics() for ending in METRIC_ENDINGS}
    mentioned = found(r"`(govorun_[a-z_]+)", DOCS)

    assert {name: file for name, file in mentioned.items() if name not in readable} == {}
    assert metrics() <= {readable[name] for name in mentioned}


def test_the_picture_of_the_house_names_every_file_and_none_that_is_gone() -> None:
    picture = (ROOT / "docs" / "architecture.md").read_text()
    named: set[str] = set()
    for section in re.split(r"^### ", picture, flags=re.MULTILINE)[1:]:
        folder = section.partition("\n")[0].strip()
        named |= {folder + name for name in re.findall(r"^\| `([a-z0-9_]+\.py)` \|", section, flags=re.MULTILINE)}
    files = {
        str(path.relative_to(ROOT))
        for house in ("bot", "dialogue", "storage")
        for path in (ROOT / house).rglob("*.py")
        if path.name != "__init__.py" and "migrations" not in path.parts
    }

    assert named == files
