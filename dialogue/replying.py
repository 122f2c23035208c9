"""The reply flow: from what was said to the bot's next turn."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from dialogue.casting import Cast, Casting
from dialogue.choices import chosen_sampling
from dialogue.context import fitted_prompt
from dialogue.errors import PromptTooLong
from dialogue.kinds.choosing import asked_words, kind_of
from dialogue.kinds.kind import Answer, Kind
from dialogue.measuring import measured
from dialogue.ports import Engine, Job, Publish
from dialogue.turns import (
    Ask,
    Completion,
    Dialogue,
    Generation,
    Outcome,
    Prompt,
    Reply,
    Sampling,
    Speaker,
)

logger = logging.getLogger(__name__)

MAX_DRAWS = 3
"""An empty or repeated reply is drawn again at most twice; a third failure is the model's, not chance."""

# A small model that is sure of its repetition repeats it at the same temperature, whatever the draw.
_WARMER = 0.3

# What the person said longer ago may well be taken up by the bot.
_RECENT_TURNS = 6

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Replier:
    """Answers jobs with an engine.

    Args:
        draw: gives the random seed of a generation, 0 to 2**31 - 1.
    """

    engine: Engine
    casting: Casting
    draw: Callable[[], int]

    async def reply(self, job: Job, recalled: Dialogue, publish: Publish) -> Reply:
        """Write the bot's next turn.

        Args:
            recalled: what was said before the job's messages.
            publish: takes what may be shown of the reply while it is written.

        Raises:
            EngineUnavailable, StorageUnavailable: worth another try later.
        """
        ask = job.messages[0].ask
        cast = await self.casting.cast(job)
        seed = cast.seed
        dialogue = _question(job, recalled)
        kind = kind_of(seed)
        if ask in (Ask.RETRY, Ask.CONTINUE) and not _can_be_retried(ask, dialogue, kind):
            return Reply(Outcome.NOTHING_TO_RETRY, ask)
        sampling = chosen_sampling(seed.sampling, job.settings)
        is_continuing = ask is Ask.CONTINUE
        try:
            budget_tokens = self.engine.context_tokens - sampling.max_new_tokens
            text = fitted_prompt(seed, dialogue, budget_tokens, self.engine.count_tokens, is_continuing)
            if ask is Ask.MEASURE:
                told = measured(seed, text, sampling.max_new_tokens, self.engine)
                return Reply(Outcome.ANSWERED, ask, result=told)
            words = asked_words(seed, dialogue)
            return await self._drawn(job, cast, text, words, sampling, recalled, publish)
        except PromptTooLong as error:
            # A server that counts otherwise than it was estimated may say so only now.
            logger.warning("dialogue %s: %s", job.dialogue_id, error)
            return Reply(Outcome.TOO_LONG, ask)

    async def _drawn(
        self, job: Job, cast: Cast, text: str, words: str, sampling: Sampling, recalled: Dialogue, publish: Publish
    ) -> Reply:
        """Draw until the answer will do and repeats neither the bot nor the person, at most MAX_DRAWS times."""
        seed = cast.seed
        ask, kind = job.messages[0].ask, kind_of(seed)
        worn = _worn(job, recalled, kind)
        kept: Answer | None = None
        generations: list[Generation] = []
        for number in range(MAX_DRAWS):
            warmer = replace(sampling, temperature=sampling.temperature + number * _WARMER)
            prompts = [
                Prompt(text, kind.stops(seed), warmer, self.draw(), len(seed.text), cast.adapter, kind.pattern(seed))
                for _ in range(kind.draws(seed))
            ]
            completions = await self._together(prompts, lambda raw: publish(kind.draft(raw, seed)))
            generations += map(partial(self._generation, job, cast), prompts, completions)
            answer = kind.answer([kind.cut(each.text, each.stop, seed) for each in completions], seed, words)
            kept = answer or kept
            if answer and not any(_is_same(answer.text, each) for each in worn):
                break
        if kept is None:
            return Reply(Outcome.EMPTY, ask, generations=tuple(generations))
        written, last_reply = kept.text, recalled.last_reply() or ""
        turn_text = last_reply + _joint(generations[-1]) + written if ask is Ask.CONTINUE else written
        return Reply(Outcome.ANSWERED, ask, written, turn_text, tuple(generations), kept.result)

    async def _together(self, prompts: Sequence[Prompt], publish: Publish) -> list[Completion]:
        """Draw all at the same time, so that the engine batches them; where one fails, none goes on."""
        tasks = [asyncio.ensure_future(self.engine.generate(prompt, publish)) for prompt in prompts]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _generation(self, job: Job, cast: Cast, prompt: Prompt, completion: Completion) -> Generation:
        return Generation(
            seed=cast.seed.name,
            seed_hash=cast.seed.version,
            prompt_hash=hashlib.sha256(prompt.text.encode("utf-8", "surrogatepass")).hexdigest(),
            model=self.engine.model,
            revision=self.engine.revision,
            sampling=prompt.sampling,
            draw=prompt.draw,
            completion=completion,
            queued_s=job.age_s,
            adapter=cast.adapter or "",
            promotion=cast.promotion,
        )


def _question(job: Job, recalled: Dialogue) -> Dialogue:
    """Return the dialogue up to where the bot is to write."""
    if job.messages[0].ask is Ask.RETRY:
        return recalled.without_last_reply()
    dialogue = recalled
    for message in job.messages:
        if message.ask in (Ask.SAY, Ask.MEASURE):
            dialogue = dialogue.then(Speaker.PERSON, message.text)
    return dialogue


def _worn(job: Job, recalled: Dialogue, kind: Kind) -> list[str]:
    """Return what an answer must not repeat."""
    ask, last_reply = job.messages[0].ask, recalled.last_reply() or ""
    if ask is Ask.CONTINUE:
        return []
    said = [message.text for message in job.messages]
    if not kind.keeps_history:
        # Whoever asks the same twice may well be told the same; who asks for another answer may not.
        return [*said, last_reply] if ask is Ask.RETRY else said
    heard = [turn.text for turn in recalled.turns[-_RECENT_TURNS:] if turn.speaker is Speaker.PERSON]
    return [last_reply, *heard, *said]


def _can_be_retried(ask: Ask, dialogue: Dialogue, kind: Kind) -> bool:
    if ask is Ask.CONTINUE and not kind.keeps_history:
        return False
    speaker = Speaker.BOT if ask is Ask.CONTINUE else Speaker.PERSON
    return bool(dialogue.turns) and dialogue.turns[-1].speaker is speaker


def _joint(generation: Generation) -> str:
    """Return the white space between a turn and its continuation, as the model wrote it."""
    raw = generation.completion.text
    return " " if raw[:1].isspace() else ""


def _is_same(text: str, other: str) -> bool:
    """Say whether two texts have the same words, whatever their case and punctuation."""
    return _WORD.findall(text.casefold()) == _WORD.findall(other.casefold())
