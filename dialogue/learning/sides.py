"""The two sides of a comparison: a model, and what is changed about it or about how it is asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from dialogue.context import fitted_prompt
from dialogue.errors import EvaluationError, SeedError
from dialogue.kinds.choosing import asked_words, kind_of
from dialogue.learning.held_out import Approved
from dialogue.seeds import SAMPLING_BOUNDS, Seed, Seeds
from dialogue.turns import Sampling

_KEYS = ("model", "adapter", "seed", *SAMPLING_BOUNDS)
_NEXT_KEY = re.compile(r",\s*(?=\w+=)")
_WHOLE = {"top_k", "no_repeat_ngram", "max_new_tokens"}


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two that are compared.

    Args:
        model: as `GOVORUN_MODEL` names it; empty for the one that is set.
        adapter: the folder of a LoRA adapter in PEFT's format.
        seed: the seed that stands before the dialogues; None for their own ones.
        sampling: what is drawn otherwise than the seed says, by the name of the setting.
    """

    model: str = ""
    adapter: Path | None = None
    seed: Seed | None = None
    sampling: Mapping[str, float] = field(default_factory=dict)

    def seed_for(self, own: Seed) -> Seed:
        """Return the seed that stands before a dialogue of the seed `own`."""
        return self.seed or own

    def sampling_for(self, own: Seed) -> Sampling:
        """Return how the replies in a dialogue of the seed `own` are drawn."""
        usual = self.seed_for(own).sampling
        changed = {name: int(value) if name in _WHOLE else value for name, value in self.sampling.items()}
        return replace(usual, **changed)  # type: ignore[arg-type]  # whole numbers where they are wanted


def prompt_for(
    reply: Approved, side: Side, context_tokens: int, reply_tokens: int, count_tokens: Callable[[str], int]
) -> str:
    """Render what a reply answers as the worker would for this side: where it is too long, the oldest turns go.

    Raises:
        PromptTooLong: the seed and the last turn alone do not fit.
    """
    return fitted_prompt(side.seed_for(reply.seed), reply.history, context_tokens - reply_tokens, count_tokens)


def completion_for(reply: Approved, side: Side) -> str:
    """Return a reply as it goes on behind its prompt; empty where the form of this side's seed cannot hold it."""
    seed = side.seed_for(reply.seed)
    return reply.written or kind_of(seed).written(reply.text, seed, asked_words(seed, reply.history))


def read_side(text: str, option: str, seeds: Seeds) -> Side:
    """Read a side as the command line has it: `model=NAME,adapter=FOLDER,seed=NAME,temperature=0.3`.

    Args:
        option: the name of the option, for the refusal.

    Raises:
        EvaluationError: the text names what is wrong, and what is accepted.
    """
    given: dict[str, str] = {}
    for piece in _NEXT_KEY.split(text) if text.strip() else []:
        key, equals, value = piece.partition("=")
        key, value = key.strip(), value.strip()
        if not equals or key not in _KEYS or not value:
            raise EvaluationError(
                f"{option} {text!r}: {piece.strip()!r} is not KEY=VALUE with a KEY of {', '.join(_KEYS)}"
            )
        if key in given:
            raise EvaluationError(f"{option} {text!r}: {key} is said twice")
        given[key] = value
    adapter = Path(given["adapter"]).expanduser() if "adapter" in given else None
    if adapter is not None and not adapter.is_dir():
        raise EvaluationError(f"{option}: there is no folder {adapter} with an adapter in it")
    try:
        seed = seeds.get(given["seed"]) if "seed" in given else None
    except SeedError as error:
        raise EvaluationError(f"{option}: {error}") from error
    numbers = {key: _number(key, value, option) for key, value in given.items() if key in SAMPLING_BOUNDS}
    return Side(given.get("model", ""), adapter, seed, numbers)


def _number(key: str, value: str, option: str) -> float:
    least, most = SAMPLING_BOUNDS[key]
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not least <= number <= most or (key in _WHOLE and number != int(number)):
        kind = "a whole number" if key in _WHOLE else "a number"
        raise EvaluationError(f"{option}: {key}={value} is not {kind} from {least:g} to {most:g}")
    return number
