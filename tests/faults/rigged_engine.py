"""An engine that echoes, and on the way does to its worker what the message says."""

from __future__ import annotations

import asyncio
import os
import re
import signal

from dialogue.engine.echo import EchoEngine, echo
from dialogue.ports import Publish
from dialogue.turns import Completion, Prompt
from tests.faults.load import NONCE

_SLEEP = re.compile(r"sleep=([0-9.]+)")
POISON = "segfault"


class RiggedEngine(EchoEngine):
    """`sleep=3` in the last message takes three seconds; POISON anywhere in the prompt kills the process.

    Every generation that ends is told on the standard output, so that a scenario can count them.
    """

    async def generate(self, prompt: Prompt, publish: Publish) -> Completion:
        """See `Engine.generate`."""
        asked = echo(prompt)
        if pause := _SLEEP.search(asked.rpartition(" / ")[2]):
            await asyncio.sleep(float(pause[1]))
        if POISON in prompt.text:
            os.kill(os.getpid(), signal.SIGSEGV)
        completion = await super().generate(prompt, publish)
        print("generated", *NONCE.findall(asked), flush=True)  # noqa: T201
        return completion
