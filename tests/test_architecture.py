"""The shape of the house: who may import whom, and what a file may be called."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from importlinter.cli import lint_imports
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
HEAVY = {"engine", "learning"}  # Folders of `dialogue` where torch is allowed.
FOLDERS = ("bot", "dialogue", "storage", "seeds")
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported_by(path: Path) -> Iterator[str]:
    """Yield the top-level names of everything that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module.partition(".")[0]


def names_of_dependencies() -> set[str]:
    """Return the top-level modules of what this project depends on."""
    wanted = {canonicalize_name(Requirement(line).name) for line in requires("govorun") or []}
    return {
        module
        for module, distributions in packages_distributions().items()
        if wanted & {canonicalize_name(each) for each in distributions}
    }


def test_imports_run_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    assert lint_imports(no_cache=True, no_logo=True) == 0


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if path.is_relative_to(ROOT / "dialogue") and not HEAVY & set(path.parts)],
    ids=dotted,
)
def test_dialogue_is_standard_library_only_outside_its_engine_and_learning(path: Path) -> None:
    assert set(imported_by(path)) <= sys.stdlib_module_names | {"dialogue"}


def test_no_file_hides_the_standard_library_or_a_dependency() -> None:
    taken = sys.stdlib_module_names | names_of_dependencies()
    ours = {part for path in MODULES for part in path.relative_to(ROOT).with_suffix("").parts} - {"__init__"}

    assert ours & taken == {"telegram"}


def test_nothing_but_the_engine_and_learning_loads_torch() -> None:
    reached = [dotted(path) for path in MODULES if not (HEAVY | {"migrations"}) & set(path.parts)]
    program = f"import sys, {', '.join(reached)}; print(sorted({{'torch', 'transformers'}} & set(sys.modules)))"

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"


def test_help_loads_next_to_nothing() -> None:
    program = "import sys, bot.cli; print(sorted({'structlog', 'pydantic', 'redis', 'sqlalchemy'} & set(sys.modules)))"

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"


def test_the_bot_in_telegram_loads_no_web_server() -> None:
    program = "import sys, bot.wiring, bot.telegram.process; print(sorted({'fastapi', 'uvicorn'} & set(sys.modules)))"

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))
