"""Asks an OpenAI-compatible completions server (vLLM, SGLang, llama.cpp, TGI) instead of running a model here."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn
from urllib.parse import unquote, urlsplit

import httpx

from dialogue.engine.pace import Pace
from dialogue.engine.remote.completions_api import Answer, BadAnswer, is_too_long, read_models, request_body
from dialogue.engine.remote.patience import Breaker, RetryBudget
from dialogue.errors import EngineError, EngineUnavailable, ModelRefused, PromptTooLong
from dialogue.ports import Publish
from dialogue.turns import Completion, Prompt

logger = logging.getLogger(__name__)

DEADLINE_S = 60.0  # After a minute people have given up on the reply.
SILENCE_S = 20.0  # A server that sends nothing for so long hangs; long prompts take seconds to the first token.
CONNECT_S = 5.0
TRIES = 3
PAUSE_S = 0.3  # Doubled after each try, and spread by chance, so that callers do not come back all at once.

# Servers batch by themselves; more at a time would only wait there instead of here.
SLOTS = 64

# Where the server does not say: what the smallest models in use have.
CONTEXT_TOKENS = 2048

# English has 4 bytes to a token, Russian 6 to 8 with a multilingual vocabulary but 3 to 4 with an English one. Rather
# too many than too few: the count decides how many old turns are kept.
BYTES_PER_TOKEN = 3

_WORTH_A_RETRY = (408, 425, 429, 500, 502, 503, 504)


@asynccontextmanager
async def remote_engine(
    url: str,
    *,
    deadline_s: float = DEADLINE_S,
    silence_s: float = SILENCE_S,
    pause_s: float = PAUSE_S,
    breaker_rest_s: float = 10.0,
    clock: Callable[[], float] = time.monotonic,
    chance: Callable[[], float] = random.random,
) -> AsyncIterator[RemoteEngine]:
    """Connect to a server; one that is down at the moment is asked again with each prompt.

    Args:
        url: `https://host/v1`. A key stands where a password does (`https://:KEY@host/v1`), a model's name behind a `#`
            (`https://host/v1#name`); without one the first model of the server's list is used.
        deadline_s: for a whole generation, its retries included.
        silence_s: the longest time without a sign of life during one try.

    Raises:
        ModelRefused: the address is wrong.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ModelRefused("the model server's address must look like https://host/v1")
    host = parts.netloc.rpartition("@")[2]
    key = unquote(parts.password or parts.username or "")
    async with httpx.AsyncClient(
        base_url=f"{parts.scheme}://{host}{parts.path.rstrip('/')}/",
        headers={"Authorization": f"Bearer {key}"} if key else {},
        timeout=httpx.Timeout(silence_s, connect=min(CONNECT_S, silence_s)),
        limits=httpx.Limits(max_connections=None),
    ) as client:
        engine = RemoteEngine(
            client,
            host=host,
            model=unquote(parts.fragment),
            deadline_s=deadline_s,
            pause_s=pause_s,
            breaker=Breaker(clock, rest_s=breaker_rest_s),
            clock=clock,
            chance=chance,
        )
        await engine.introduce()
        yield engine


class _Failed(Exception):
    """One try failed in a way that another try may mend."""


class RemoteEngine:
    """Continues prompts on a server, and keeps its failures from the people who wait."""

    slots = SLOTS

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        host: str,
        model: str,
        deadline_s: float,
        pause_s: float,
        breaker: Breaker,
        clock: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self.model = model or host
        self.revision = f"served by {host}"
        self.context_tokens = CONTEXT_TOKENS
        self.breaker = breaker
        self._client = client
        self._is_named = bool(model)
        self._deadline_s = deadline_s
        self._pause_s = pause_s
        self._budget = RetryBudget()
        self._clock = clock
        self._chance = chance

    def count_tokens(self, text: str) -> int:
        """Return an estimate on the high side: the server has the vocabulary, and is not asked for each count."""
        return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)

    async def introduce(self) -> None:
        """Ask the server once what it serves; where it cannot say, the first prompt asks again."""
        try:
            async with asyncio.timeout(self._deadline_s):
                await self._ask_name()
        except (httpx.HTTPError, BadAnswer, _Failed, EngineError, TimeoutError) as error:
            logger.warning("the model server does not say what it serves: %s", error)

    async def generate(self, prompt: Prompt, publish: Publish) -> Completion:
        """Continue the prompt on the server, with another try or two where it fails."""
        self.breaker.check()
        started = self._clock()
        try:
            async with asyncio.timeout(self._deadline_s):
                return await self._with_retries(prompt, publish, started)
        except TimeoutError as error:
            self.breaker.count_failure()
            raise EngineUnavailable(f"the model server did not finish within {self._deadline_s:g} s") from error

    async def add_adapter(self, name: str, folder: Path) -> None:
        """Refuse it: which adapters a server has is decided where it is started."""
        raise ModelRefused(f"{self.revision}: it takes no adapters from here; load {name} where the server is started")

    async def _with_retries(self, prompt: Prompt, publish: Publish, started: float) -> Completion:
        self._budget.count_call()
        for attempt in range(1, TRIES + 1):
            try:
                completion = await self._try(prompt, publish, started)
            except _Failed as failure:
                self.breaker.count_failure()
                logger.warning("try %d at the model server failed: %s", attempt, failure)
                if attempt == TRIES or not self._budget.take_retry():
                    raise EngineUnavailable(f"the model server failed: {failure}") from failure
                await asyncio.sleep(self._pause_s * 2 ** (attempt - 1) * (0.5 + self._chance()))
            else:
                self.breaker.count_success()
                return completion
        raise AssertionError("the last try returns or raises")

    async def _try(self, prompt: Prompt, publish: Publish, started: float) -> Completion:
        try:
            if not self._is_named:
                await self._ask_name()
            async with self._client.stream("POST", "completions", json=request_body(self.model, prompt)) as response:
                if not response.is_success:
                    await response.aread()
                    _refuse(response)
                return await self._read(response, prompt, publish, started)
        except (httpx.HTTPError, BadAnswer) as error:
            raise _Failed(f"{type(error).__name__} {error}".strip()) from error

    async def _read(self, response: httpx.Response, prompt: Prompt, publish: Publish, started: float) -> Completion:
        answer, pace = Answer(prompt), Pace()
        first_token_s = 0.0
        async for line in response.aiter_lines():
            field, _, data = line.partition(":")
            if field != "data":
                continue
            if data.strip() == "[DONE]":
                break
            answer.take(data)
            first_token_s = first_token_s or self._clock() - started
            if answer.has_stop and not answer.is_finished:
                break  # Leaving the block closes the connection, and the server gives up the rest.
            if pace.is_due(len(answer.text), self._clock()):
                publish(answer.text)
        if not (answer.is_finished or answer.has_stop):
            raise BadAnswer("the stream ended before the text did")
        return Completion(
            text=answer.text,
            stop=answer.stop,
            prompt_tokens=answer.prompt_tokens or self.count_tokens(prompt.text),
            reused_tokens=answer.reused_tokens,
            new_tokens=answer.new_tokens,
            first_token_s=first_token_s,
            duration_s=self._clock() - started,
            likelihood=answer.likelihood,
        )

    async def _ask_name(self) -> None:
        response = await self._client.get("models")
        if not response.is_success:
            _refuse(response)
        name, context_tokens = read_models(response.content)
        if not self._is_named:
            self.model, self._is_named = name, True
        self.context_tokens = context_tokens or CONTEXT_TOKENS


def _refuse(response: httpx.Response) -> NoReturn:
    # Bodies are not repeated: servers like to quote the request, and with it what people wrote.
    if is_too_long(response.status_code, response.text):
        raise PromptTooLong("the prompt does not fit the context of the model server")
    if response.status_code in _WORTH_A_RETRY:
        raise _Failed(f"status {response.status_code}")
    # Not the server's failure but ours: a wrong key, a wrong name. Asking again would not help.
    raise EngineUnavailable(f"the model server refuses the request with status {response.status_code}")
