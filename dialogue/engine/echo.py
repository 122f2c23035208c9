"""An engine without a model, for tests and load: it repeats what the person said last."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from pathlib import Path

from dialogue.errors import ModelRefused, PromptTooLong
from dialogue.ports import Publish
from dialogue.turns import Completion, Prompt, StopReason

CHARS_PER_TOKEN = 4  # About what real tokenizers make of English; counting must cost nothing.


class EchoEngine:
    """Answers ` echo: ` and the person's last turn, then opens the person's next turn, as a base model would.

    Turns of a burst, to be answered together, are repeated in order with ` / ` in between. A prompt that does not end
    with a tag (a reply to be continued) gets ` and so on`. The length limit is not applied, so that nothing is lost.

    Args:
        delay_s: waited before each word, to stand for a model's pace.
        slots: how many prompts a worker should hand over at the same time.
    """

    model = "echo"
    revision = "1"
    context_tokens = 2048

    def __init__(self, delay_s: float = 0.0, slots: int = 256, clock: Callable[[], float] = time.monotonic) -> None:
        self.slots = slots
        self._delay_s = delay_s
        self._clock = clock

    def count_tokens(self, text: str) -> int:
        """Return a token for every four characters."""
        return -(-len(text) // CHARS_PER_TOKEN)

    async def generate(self, prompt: Prompt, publish: Publish) -> Completion:
        """Repeat what the person said last."""
        prompt_tokens = self.count_tokens(prompt.text)
        if prompt_tokens + prompt.sampling.max_new_tokens > self.context_tokens:
            raise PromptTooLong(
                f"{prompt_tokens} tokens and {prompt.sampling.max_new_tokens} to write exceed {self.context_tokens}"
            )
        started = self._clock()
        first_token_s = 0.0
        written = ""
        words = re.findall(r"\s*\S+", echo(prompt))
        for word in words:
            # Gives way even without a delay: a generation that never does would hide races.
            await asyncio.sleep(self._delay_s)
            first_token_s = first_token_s or self._clock() - started
            written += word
            publish(written)
        return Completion(
            text=written,
            stop=StopReason.TAG if prompt.stops else StopReason.END_OF_TEXT,
            prompt_tokens=prompt_tokens,
            reused_tokens=0,
            new_tokens=len(words),
            first_token_s=first_token_s,
            duration_s=self._clock() - started,
        )

    async def add_adapter(self, name: str, folder: Path) -> None:
        """Refuse it: there is no model."""
        raise ModelRefused("the engine that repeats takes no adapters")


def echo(prompt: Prompt) -> str:
    """Return what the echo engine writes behind the prompt, the first stop string included."""
    next_turn = prompt.stops[0] if prompt.stops else ""
    tags = tuple(stop.lstrip("\n") for stop in prompt.stops)
    head, _, last_line = prompt.text.rpartition("\n")
    if last_line not in tags:
        return f" and so on{next_turn}"
    said: list[str] = []
    open_lines: list[str] = []
    for line in reversed(head.split("\n")):
        open_lines.insert(0, line)
        tag = next((tag for tag in tags if line.startswith(tag)), None)
        if tag is None:
            continue
        if tag == last_line:
            break
        said.insert(0, "\n".join(open_lines).removeprefix(tag).strip())
        open_lines = []
    return f" echo: {' / '.join(said)}{next_turn}"
