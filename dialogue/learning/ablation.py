"""Finds out which example of a seed pays for its tokens: how likely the replies are with it, and without it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from operator import itemgetter

from dialogue.engine.models.loading import LoadedModel
from dialogue.errors import EvaluationError
from dialogue.kinds.choosing import kind_of
from dialogue.learning.comparison import LEAST_DIALOGUES, Interval
from dialogue.learning.evaluation import Show, Steps, likelihood_of
from dialogue.learning.held_out import Approved, HeldOut
from dialogue.learning.likelihood import Reader, Surprise, surprises_beside
from dialogue.learning.sides import Side
from dialogue.seed_examples import Piece, pieces_of, text_without
from dialogue.seeds import Seed


class Worth(StrEnum):
    """What an example is good for, as far as one can be sure."""

    PAYS = "pays"
    UNCLEAR = "no difference shown"
    HARMS = "harms"


@dataclass(frozen=True, slots=True)
class Ablated:
    """An example, and what it is good for.

    Args:
        tokens: how many more the seed has with it.
        gain: how much likelier the replies are with it, in nats per character.
        compared: on how many dialogues, or other examples, they were said.
    """

    text: str
    tokens: int
    gain: Interval
    compared: int
    replies: int
    left_out: int
    worth: Worth

    @property
    def gain_per_100_tokens(self) -> float:
        """What a hundred tokens of it would gain."""
        return self.gain.value * 100 / self.tokens if self.tokens else 0.0


@dataclass(frozen=True, slots=True)
class _Trial:
    """A dialogue that is read behind a seed's text with an example, and without it."""

    with_it: str
    without_it: str
    dialogue: HeldOut


async def ablate(
    loaded: LoadedModel, seed: Seed, held_out: Sequence[HeldOut], random_seed: int, show: Show
) -> tuple[Ablated, ...]:
    """Leave out one example after the other.

    Args:
        held_out: what is measured on. Where there is none, each other example is the thing to be said: it is left out
            as well then, with the conversation that it belongs to.

    Raises:
        EvaluationError: there are no examples, or nothing to measure on.
    """
    pieces = pieces_of(seed)
    trials = {number: _trials(seed, pieces, number, held_out) for number, piece in enumerate(pieces) if piece.example}
    if not trials:
        raise EvaluationError(f"no example is found in the text of {seed.name}: nothing there looks like its form")
    if not all(trials.values()):
        raise EvaluationError(
            f"{seed.name} shows one conversation, or one example, so there is nothing else to measure it on: name "
            "held-out dialogues with --held-out FILE"
        )
    read = await _read(loaded, seed, [trial for each in trials.values() for trial in each], show)

    def count_tokens(text: str) -> int:
        return len(loaded.vocabulary.encode_prompt(f"{text}\n"))

    found = []
    for number, own in trials.items():
        with_it = [read[trial.with_it, trial.dialogue] for trial in own]
        without_it = [read[trial.without_it, trial.dialogue] for trial in own]
        likelihood = likelihood_of(without_it, with_it, (0.0, 0.0), random_seed)
        gain, compared = likelihood.improvement, len(likelihood.by_dialogue)
        tokens = count_tokens(seed.text) - count_tokens(text_without(pieces, {number}))
        worth = worth_of(gain, compared)
        text = pieces[number].text.strip()
        found.append(Ablated(text, tokens, gain, compared, likelihood.replies, likelihood.left_out, worth))
    return tuple(found)


def worth_of(gain: Interval, compared: int) -> Worth:
    """Return what can be said of an example for sure."""
    if compared < LEAST_DIALOGUES or gain.low <= 0 <= gain.high:
        return Worth.UNCLEAR
    return Worth.PAYS if gain.low > 0 else Worth.HARMS


def _trials(seed: Seed, pieces: Sequence[Piece], number: int, held_out: Sequence[HeldOut]) -> list[_Trial]:
    if held_out:
        without_it = text_without(pieces, {number})
        return [_Trial(seed.text, without_it, dialogue) for dialogue in held_out]
    trials = []
    for other in pieces:
        if other.example is None or other.group == pieces[number].group:
            continue
        its_own = {at for at, piece in enumerate(pieces) if piece.group == other.group and piece.example}
        reply = other.example.reply
        # Behind a form it stands as the model has to write it.
        written = "" if kind_of(seed).keeps_history else reply
        said = HeldOut((Approved(other.example.history, reply, seed, written),))
        trials.append(_Trial(text_without(pieces, its_own), text_without(pieces, {*its_own, number}), said))
    return trials


async def _read(
    loaded: LoadedModel, seed: Seed, trials: Sequence[_Trial], show: Show
) -> dict[tuple[str, HeldOut], list[Surprise | None]]:
    """Read each dialogue once behind each text that it is wanted behind."""
    wanted: dict[str, dict[HeldOut, None]] = defaultdict(dict)
    for trial in trials:
        wanted[trial.with_it][trial.dialogue] = wanted[trial.without_it][trial.dialogue] = None
    steps = Steps("Reading with and without each example", sum(map(len, wanted.values())), show)
    read: dict[tuple[str, HeldOut], list[Surprise | None]] = {}
    reader = Reader(loaded)
    # In this order neighbours begin alike, and what they begin with is read once.
    for text, dialogues in sorted(wanted.items(), key=itemgetter(0)):
        side = Side(seed=replace(seed, text=text))
        found = await surprises_beside(reader, side, list(dialogues), steps.done)
        read |= {(text, dialogue): surprises for dialogue, surprises in zip(dialogues, found, strict=True)}
    return read
