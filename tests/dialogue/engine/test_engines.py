"""What every engine does alike: one contract for the fake and the real ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from dialogue.engine.echo import EchoEngine
from dialogue.engine.remote.remote_engine import remote_engine
from dialogue.engine.torch_engine import torch_engine
from dialogue.ports import Engine
from dialogue.turns import Prompt, Sampling
from tests.dialogue.engine.remote.completions_server import CompletionsServer, completions_server
from tests.dialogue.engine.tiny import loaded, tiny_model
from tests.fakes import ScriptedEngine

PROMPT = Prompt("A chat.\nUser1: hello there\nUser2:", ("\nUser1:", "\nUser2:"), Sampling(max_new_tokens=12), draw=3)


@pytest.fixture(params=["scripted", "echo", "torch", "remote"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    match request.param:
        case "scripted":
            yield ScriptedEngine([" Hello!\nUser1:"] * 2)
        case "echo":
            yield EchoEngine()
        case "torch":
            async with torch_engine(loaded(tiny_model("llama")), slots=2) as local:
                yield local
        case _:
            async with completions_server(CompletionsServer()) as server, remote_engine(server.url) as remote:
                yield remote


async def test_what_is_shown_grows_into_what_is_returned(engine: Engine) -> None:
    shown: list[str] = []
    completion = await engine.generate(PROMPT, shown.append)
    assert shown
    assert all(later.startswith(earlier) for earlier, later in pairwise([*shown, completion.text]))


async def test_the_same_draw_gives_the_same_text(engine: Engine) -> None:
    first, second = [await engine.generate(PROMPT, lambda _: None) for _ in range(2)]
    assert (first.text, first.stop) == (second.text, second.stop)


async def test_a_completion_is_explained(engine: Engine) -> None:
    completion = await engine.generate(PROMPT, lambda _: None)
    assert completion.text
    assert completion.prompt_tokens > completion.reused_tokens >= 0
    assert completion.new_tokens > 0
    assert 0 <= completion.first_token_s <= completion.duration_s
    assert completion.likelihood is None or -1000 < completion.likelihood <= 0


async def test_an_engine_says_what_it_is(engine: Engine) -> None:
    assert engine.model
    assert engine.revision
    assert engine.slots > 0
    assert engine.context_tokens > engine.count_tokens(PROMPT.text) > engine.count_tokens("A chat.") > 0
