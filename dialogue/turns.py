"""The values that everything else is made of: who said what, and how the next turn is to be drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Speaker(StrEnum):
    """The two voices of a transcript; the value is the tag that a seed uses unless it renames it."""

    PERSON = "User1"
    BOT = "User2"


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker said, byte for byte."""

    speaker: Speaker
    text: str


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Turns in the order in which they were said."""

    turns: tuple[Turn, ...] = ()

    def then(self, speaker: Speaker, text: str) -> Dialogue:
        """Return the dialogue with one more turn."""
        return Dialogue((*self.turns, Turn(speaker, text)))

    def without_last_reply(self) -> Dialogue:
        """Return the dialogue as it was before the bot's last turn; unchanged where a person spoke last."""
        if self.turns and self.turns[-1].speaker is Speaker.BOT:
            return Dialogue(self.turns[:-1])
        return self

    def last_reply(self) -> str | None:
        """Return the text of the bot's last turn, or None where it has said nothing yet."""
        return next((turn.text for turn in reversed(self.turns) if turn.speaker is Speaker.BOT), None)


class Ask(StrEnum):
    """What a person asks of the bot; an operator, who tries a seed, may ask to have a prompt measured."""

    SAY = "say"
    RETRY = "retry"
    CONTINUE = "continue"
    MEASURE = "measure"


@dataclass(frozen=True, slots=True)
class Message:
    """One request of a person: words to be answered or measured, another try at the last reply, or more of it.

    Args:
        text: what was said; empty for a retry or a continuation.
    """

    text: str = ""
    ask: Ask = Ask.SAY


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn.

    Args:
        temperature: 0 takes the likeliest token each time (greedy).
        top_k: how many of the likeliest tokens are considered; 0 for all.
        top_p: the share of probability that is considered, of what top_k and min_p leave.
        min_p: leaves out tokens whose probability is under so many times that of the likeliest; 0 changes nothing.
        repetition_penalty: divides the score of tokens already in the context; 1 changes nothing.
        no_repeat_ngram: never writes so many tokens running that stand so in the context already; 0 allows all.
        max_new_tokens: the length limit of one turn.
    """

    temperature: float = 0.7
    top_k: int = 40
    top_p: float = 0.9
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    no_repeat_ngram: int = 0
    max_new_tokens: int = 96


@dataclass(frozen=True, slots=True)
class Prompt:
    """Everything an engine needs for one generation.

    Args:
        text: what the model continues; none of it is ever read as a special token.
        stops: generation ends as soon as one of these strings is complete; the string stays in the raw text.
        draw: the seed of the random generator: the same prompt and draw give the same text on the same engine.
        fixed_chars: how many leading characters of `text` (the seed) are the same for every dialogue.
        adapter: the name of the adapter with which the model continues it; None for the model as it is.
        pattern: a regular expression that the new text should match, the stop included; empty for any text. The engine
            keeps to it as long as one of the likeliest tokens does; one that cannot leaves it to whoever asks.
    """

    text: str
    stops: tuple[str, ...]
    sampling: Sampling
    draw: int
    fixed_chars: int = 0
    adapter: str | None = None
    pattern: str = ""


class StopReason(StrEnum):
    """Why a generation ended."""

    TAG = "tag"
    END_OF_TEXT = "end_of_text"
    LENGTH = "length"


@dataclass(frozen=True, slots=True)
class Completion:
    """What an engine wrote, as it came out.

    Args:
        text: the raw text, a completed stop string included.
        prompt_tokens: tokens of the prompt, of which `reused_tokens` were not computed again.
        first_token_s: seconds from the start of the generation to its first token.
        duration_s: seconds from the start of the generation to its end.
        likelihood: mean log-probability of the new tokens among those that could be drawn at temperature 1: near 0
            where the model was sure of its words; None where the engine does not say.
    """

    text: str
    stop: StopReason
    prompt_tokens: int
    reused_tokens: int
    new_tokens: int
    first_token_s: float
    duration_s: float
    likelihood: float | None = None


@dataclass(frozen=True, slots=True)
class Generation:
    """One draw of the model with everything needed to explain it later.

    Args:
        seed_hash: the seed's version.
        prompt_hash: SHA-256 of the prompt's text, in hexadecimal.
        model: the model's name; `revision` says exactly which weights.
        adapter: the adapter's name; empty for none.
        promotion: the id of the promotion by which it was written; 0 for none.
        queued_s: seconds from the message's arrival to the start of the generation.
    """

    seed: str
    seed_hash: str
    prompt_hash: str
    model: str
    revision: str
    sampling: Sampling
    draw: int
    completion: Completion
    queued_s: float
    adapter: str = ""
    promotion: int = 0


class Outcome(StrEnum):
    """How a job ended, as far as the person is concerned."""

    ANSWERED = "answered"
    EMPTY = "empty"
    TOO_LONG = "too_long"
    ENGINE_DOWN = "engine_down"
    PUT_ASIDE = "put_aside"
    NOTHING_TO_RETRY = "nothing_to_retry"


@dataclass(frozen=True, slots=True)
class Reply:
    """The bot's next turn, or why there is none.

    Args:
        text: what the person is shown; empty unless the outcome is ANSWERED.
        turn_text: the bot's whole turn as the history keeps it; differs from `text` only when a turn was continued.
        ask: what the reply answers.
        generations: every draw made for it, the kept one last; of a vote, all that voted.
        result: the answer for programs, where the seed's kind has one; the log keeps only the text.
    """

    outcome: Outcome
    ask: Ask = Ask.SAY
    text: str = ""
    turn_text: str = ""
    generations: tuple[Generation, ...] = field(default=())
    result: Mapping[str, Any] | None = None
