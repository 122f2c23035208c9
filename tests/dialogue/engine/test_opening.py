"""The factory: each kind of name opens its kind of engine, and only what is needed is imported."""

from __future__ import annotations

import asyncio
import fcntl
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dialogue.engine.echo import EchoEngine
from dialogue.engine.opening import EngineSettings, open_engine
from dialogue.engine.remote.remote_engine import RemoteEngine
from dialogue.errors import ModelRefused
from tests.dialogue.engine.remote.completions_server import CompletionsServer, completions_server
from tests.dialogue.engine.tiny import prompt, tiny_model, tiny_tokenizer


def ignore(stage: str, share: float) -> None:
    """Show progress to nobody."""


def test_nothing_heavy_is_imported_for_an_engine_that_does_without() -> None:
    code = "import sys, dialogue.engine.opening, dialogue.engine.echo, dialogue.engine.remote.remote_engine\n"
    code += "print(sorted({'torch', 'transformers', 'tokenizers', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_echo_opens_the_echo(tmp_path: Path) -> None:
    async with open_engine(EngineSettings("echo", tmp_path), ignore) as engine:
        assert isinstance(engine, EchoEngine)


async def test_an_address_opens_a_remote_server(tmp_path: Path) -> None:
    async with (
        completions_server(CompletionsServer()) as server,
        open_engine(EngineSettings(server.url, tmp_path), ignore) as engine,
    ):
        assert isinstance(engine, RemoteEngine)
        assert engine.model == "big-model"


async def test_a_folder_opens_its_model_and_progress_is_told_from_the_event_loop(tmp_path: Path) -> None:
    tiny_model("gpt2").save_pretrained(tmp_path / "my-model")
    tiny_tokenizer().save(str(tmp_path / "my-model" / "tokenizer.json"))
    told: list[tuple[str, float, bool]] = []
    here = threading.get_ident()

    def progress(stage: str, share: float) -> None:
        told.append((stage, share, threading.get_ident() == here))

    async with open_engine(EngineSettings(str(tmp_path / "my-model"), tmp_path), progress) as engine:
        completion = await engine.generate(prompt("User1: hello\nUser2:"), lambda _: None)
    assert (engine.model, completion.new_tokens > 0) == ("my-model", True)
    assert told[-1] == ("loading the model", 1.0, True)


async def test_a_model_that_may_not_be_loaded_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused):
        async with open_engine(EngineSettings(str(tmp_path), tmp_path), ignore):
            pass


async def test_giving_up_the_wait_for_the_model_ends_the_work_on_it(tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    waiting = asyncio.Event()
    with (models / ".gemma-3-270m.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        opening = open_engine(EngineSettings("embedded", tmp_path), lambda stage, share: waiting.set())
        task = asyncio.ensure_future(opening.__aenter__())
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for thread in threading.enumerate():
            if thread.name.startswith("loading"):
                # It would hang here if the thread still waited for the lock.
                await asyncio.to_thread(thread.join)
