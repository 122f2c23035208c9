"""G16: whatever the model server does, a call ends in one completion or one error, in time."""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import random
from dataclasses import replace
from typing import Any

import pytest

from dialogue.engine.remote.remote_engine import RemoteEngine, remote_engine
from dialogue.errors import EngineUnavailable, ModelRefused, PromptTooLong
from dialogue.turns import Completion, Prompt, Sampling, StopReason
from tests.dialogue.engine.remote.completions_server import (
    FAULTS,
    CompletionsServer,
    Fault,
    completions_server,
    reply,
)

STOPS = ("\nUser1:", "\nUser2:")


class Clock:
    """Stands still until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def prompt(text: str = "User1: hello\nUser2:", draw: int = 5) -> Prompt:
    return Prompt(text, STOPS, Sampling(temperature=0.5, top_k=30, max_new_tokens=20), draw)


async def outcome(engine: RemoteEngine, each: Prompt) -> Completion | EngineUnavailable:
    try:
        return await engine.generate(each, lambda _: None)
    except EngineUnavailable as error:
        return error


def written(text: str) -> str:
    """Return what comes of the server's reply: all up to and with the word that completes the tag."""
    return "".join(reply(text)[:6])


async def test_a_reply_is_streamed_and_left_at_the_next_speakers_tag() -> None:
    shown: list[str] = []
    ticks = itertools.count()
    async with (
        completions_server(CompletionsServer()) as server,
        remote_engine(server.url, clock=lambda: float(next(ticks))) as engine,
    ):
        completion = await engine.generate(prompt(), shown.append)
    assert completion.text == written("User1: hello\nUser2:")
    assert completion.stop is StopReason.TAG
    assert shown == list(itertools.accumulate(reply("User1: hello\nUser2:")[:5]))


async def test_a_stop_string_that_the_server_keeps_back_is_put_in_again() -> None:
    async with (
        completions_server(CompletionsServer(keeps_stops_back=True)) as server,
        remote_engine(server.url) as engine,
    ):
        completion = await engine.generate(prompt(), lambda _: None)
    assert completion.text == " You said User1: hello.\nUser1:"
    assert (completion.stop, completion.prompt_tokens, completion.new_tokens) == (StopReason.TAG, 11, 7)


async def test_the_server_is_asked_for_what_the_prompt_says() -> None:
    async with completions_server(CompletionsServer()) as server, remote_engine(server.url) as engine:
        await engine.generate(prompt(draw=2**40 + 1), lambda _: None)
        assert (engine.model, engine.context_tokens) == ("big-model", 4096)
    [body] = server.bodies
    assert body == {
        "model": "big-model",
        "prompt": "User1: hello\nUser2:",
        "max_tokens": 20,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 30,
        "stop": list(STOPS),
        "seed": 1,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_what_openai_does_not_know_is_sent_only_where_it_says_something() -> None:
    usual = Sampling(top_k=0)
    unusual = Sampling(top_k=5, min_p=0.1, repetition_penalty=1.2, no_repeat_ngram=8)
    async with completions_server(CompletionsServer()) as server, remote_engine(server.url) as engine:
        for sampling in (usual, unusual):
            await engine.generate(replace(prompt(), sampling=sampling), lambda _: None)
    short, long = server.bodies
    assert {key: long[key] for key in long.keys() - short.keys()} == {
        "top_k": 5,
        "min_p": 0.1,
        "repetition_penalty": 1.2,
    }


@pytest.mark.parametrize(
    "told",
    [
        [{"token_logprobs": [-0.5]}, {"tokens": ["a", "b"], "token_logprobs": [-1.0, -1.5]}, None],
        [{"content": [{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": -1.5}]}],
        # Nobody draws a word as unlikely as that; it stands for the logarithm of 0.
        [{"token_logprobs": [None, -1, -9999.0]}],
    ],
    ids=["vLLM", "llama.cpp", "with gaps"],
)
async def test_what_the_server_tells_unasked_of_its_words_is_averaged(told: list[Any]) -> None:
    server = CompletionsServer(logprobs=itertools.chain(told, itertools.repeat(None)))
    async with completions_server(server), remote_engine(server.url) as engine:
        completion = await engine.generate(prompt(), lambda _: None)
    assert completion.likelihood == -1
    assert "logprobs" not in server.bodies[0]


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {},
        "-1",
        {"token_logprobs": None},
        {"token_logprobs": -1},
        {"token_logprobs": ["-1", True, math.nan, -math.inf, 0.5, -(10**400)]},
        {"content": -1},
        {"content": [None, -1, {}, {"logprob": "-1"}]},
    ],
)
async def test_a_server_that_tells_nothing_of_its_words_or_nonsense_is_heard_all_the_same(told: Any) -> None:
    server = CompletionsServer(logprobs=itertools.repeat(told))
    async with completions_server(server), remote_engine(server.url) as engine:
        completion = await engine.generate(prompt(), lambda _: None)
    assert completion.text == written("User1: hello\nUser2:")
    assert completion.likelihood is None
    assert len(server.bodies) == 1


async def test_special_tokens_in_the_words_of_people_are_disarmed() -> None:
    said = "User1: <|endoftext|> </s> [INST] <eos> 1 < 2 > 0 \ud800\nUser2:"
    async with completions_server(CompletionsServer()) as server, remote_engine(server.url) as engine:
        await engine.generate(prompt(said), lambda _: None)
    joiner = "\u2060"
    assert server.bodies[0]["prompt"] == (
        f"User1: <{joiner}|endoftext|> <{joiner}/s> [{joiner}INST] <{joiner}eos> 1 < 2 > 0 \ufffd\nUser2:"
    )


async def test_a_model_is_chosen_by_name_and_the_key_is_sent_and_never_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    server = CompletionsServer(fault=iter([Fault.NONE, Fault.WRONG_KEY]).__next__)
    async with completions_server(server):
        url = server.url.replace("http://", "http://:s3cret%2F@") + "#small-model"
        async with remote_engine(url) as engine:
            await engine.generate(prompt(), lambda _: None)
            with pytest.raises(EngineUnavailable) as refused:
                await engine.generate(prompt(), lambda _: None)
            shown = repr(engine) + engine.model + engine.revision + repr(refused.value) + caplog.text
    assert server.bodies[0]["model"] == "small-model"
    assert all("authorization: bearer s3cret/" in head.lower() for head in server.headers)
    assert "s3cret" not in shown


async def test_every_call_ends_once_and_in_time_though_every_fifth_fails() -> None:
    chance = random.Random(16)
    server = CompletionsServer(fault=lambda: chance.choice(FAULTS) if chance.random() < 0.2 else Fault.NONE)
    calls, deadline_s = 150, 4.0
    at_once = asyncio.Semaphore(16)
    async with (
        completions_server(server),
        remote_engine(server.url, deadline_s=deadline_s, silence_s=1.0, pause_s=0.01) as engine,
    ):

        async def call(number: int) -> tuple[Completion | EngineUnavailable, float]:
            async with at_once:
                started = asyncio.get_running_loop().time()
                ended = await outcome(engine, prompt(f"User1: number {number}\nUser2:"))
                return ended, asyncio.get_running_loop().time() - started

        ended = await asyncio.gather(*(call(number) for number in range(calls)))

    completions = {number: end for number, (end, _) in enumerate(ended) if isinstance(end, Completion)}
    assert all(end.text == written(f"User1: number {number}\nUser2:") for number, end in completions.items())
    assert len(completions) >= calls * 0.9
    assert max(took for _, took in ended) <= deadline_s + 2
    assert len(server.bodies) <= calls * 1.2 + 10  # The retry budget.


@pytest.mark.parametrize("fault", [*FAULTS, Fault.TOO_MANY])
async def test_a_call_that_fails_once_is_tried_again(fault: Fault) -> None:
    server = CompletionsServer(fault=itertools.chain([fault], itertools.repeat(Fault.NONE)).__next__)
    async with completions_server(server), remote_engine(server.url, silence_s=0.2, pause_s=0) as engine:
        completion = await engine.generate(prompt(), lambda _: None)
    assert completion.text == written("User1: hello\nUser2:")
    assert len(server.bodies) == 2


async def test_a_server_that_stays_down_is_left_alone_until_it_has_rested() -> None:
    clock = Clock()
    server = CompletionsServer(fault=lambda: Fault.STATUS_500)
    async with (
        completions_server(server),
        remote_engine(server.url, pause_s=0, breaker_rest_s=10, clock=clock) as engine,
    ):
        for _ in range(20):
            assert isinstance(await outcome(engine, prompt()), EngineUnavailable)
        asked = len(server.bodies)
        assert engine.breaker.is_open
        assert asked < 20

        clock.now = 11
        server.fault = lambda: Fault.NONE
        assert isinstance(await outcome(engine, prompt()), Completion)
        assert not engine.breaker.is_open


async def test_a_call_ends_at_its_deadline_though_the_server_keeps_talking() -> None:
    server = CompletionsServer(fault=lambda: Fault.HANG_MIDWAY)
    async with completions_server(server), remote_engine(server.url, deadline_s=0.2) as engine:
        with pytest.raises(EngineUnavailable, match=r"within 0\.2 s"):
            await engine.generate(prompt(), lambda _: None)


async def test_a_prompt_too_long_for_the_server_is_not_tried_again() -> None:
    server = CompletionsServer(fault=lambda: Fault.TOO_LONG)
    async with completions_server(server), remote_engine(server.url) as engine:
        with pytest.raises(PromptTooLong):
            await engine.generate(prompt(), lambda _: None)
        assert not engine.breaker.is_open
    assert len(server.bodies) == 1


async def test_a_server_that_is_down_at_the_start_is_found_later() -> None:
    server = CompletionsServer(models=[])
    async with completions_server(server), remote_engine(server.url, pause_s=0) as engine:
        assert engine.model == server.url.removeprefix("http://").removesuffix("/v1")
        assert isinstance(await outcome(engine, prompt()), EngineUnavailable)
        server.models = [{"id": "late-model"}]
        assert isinstance(await outcome(engine, prompt()), Completion)
        assert (engine.model, engine.context_tokens) == ("late-model", 2048)


async def test_cancelling_hangs_up() -> None:
    server = CompletionsServer(fault=lambda: Fault.HANG_MIDWAY)
    async with completions_server(server), remote_engine(server.url) as engine:
        started = asyncio.Event()
        call = asyncio.create_task(engine.generate(prompt(), lambda _: started.set()))
        await started.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        server.fault = lambda: Fault.NONE
        assert isinstance(await outcome(engine, prompt()), Completion)


async def test_tokens_are_estimated_on_the_high_side() -> None:
    async with completions_server(CompletionsServer()) as server, remote_engine(server.url) as engine:
        assert engine.count_tokens("What happened?") >= 3
        assert engine.count_tokens("Здравствуйте, что случилось?") >= 7


@pytest.mark.parametrize("url", ["https://", "ftp://host/v1", "https:///v1"])
async def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ModelRefused, match="https://host/v1"):
        async with remote_engine(url):
            pass
