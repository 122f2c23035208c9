"""One text while it is being written."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from dialogue.engine.slots.guesses import Guesses
from dialogue.engine.slots.pattern import Pattern
from dialogue.engine.vocabulary import GrowingText, Vocabulary
from dialogue.errors import EngineUnavailable
from dialogue.turns import Prompt, Sampling, StopReason

# Numbers by chance cost ten microseconds a call, however many.
_DRAWS_AT_ONCE = 32


class Request:
    """What is known of one text: its tokens so far, how far the model has read them, and why it ended.

    Args:
        prompt_tokens: the prompt as the vocabulary encodes it.
        seed_tokens: how many of them, at the beginning, are the seed's.
    """

    def __init__(
        self, prompt: Prompt, prompt_tokens: Sequence[int], vocabulary: Vocabulary, seed_tokens: int = 0
    ) -> None:
        self.tokens = list(prompt_tokens)
        self.prompt_tokens = len(prompt_tokens)
        self.seed_tokens = seed_tokens
        self.read_tokens = 0
        self.reused_tokens = 0
        self.stop: StopReason | None = None
        self.error: EngineUnavailable | None = None
        self.is_cancelled = False
        self._cleared_at = 0
        self._likelihoods = 0.0  # Of all new tokens together.
        self._prompt = prompt
        self._pattern = Pattern(prompt.pattern) if prompt.pattern else None
        self._ends = vocabulary.ends
        self._text = GrowingText(vocabulary.decode, prompt_tokens)
        self._guesses = Guesses()
        # torch takes seeds of 64 bits; a draw may be any whole number.
        self._chance = torch.Generator().manual_seed(prompt.draw % 2**63)
        self._luck: list[float] = []

    @property
    def sampling(self) -> Sampling:
        """How its tokens are drawn."""
        return self._prompt.sampling

    @property
    def adapter(self) -> str | None:
        """The name of the adapter it is written with, if any."""
        return self._prompt.adapter

    @property
    def unread(self) -> int:
        """How many tokens are still to be read; the next one is drawn behind the last of them."""
        return len(self.tokens) - self.read_tokens

    @property
    def is_read(self) -> bool:
        """Say that its next token can be drawn: only the last one is still to be read, or is being read."""
        return self.unread <= 1

    @property
    def is_about_to_end(self) -> bool:
        """Say that the next token is the last one in any case."""
        return self.new_tokens + 1 >= self.sampling.max_new_tokens

    @property
    def text(self) -> str:
        """What was written so far, without the prompt."""
        return self._text.text

    @property
    def new_tokens(self) -> int:
        """How many tokens were written so far."""
        return len(self.tokens) - self.prompt_tokens

    @property
    def likelihood(self) -> float | None:
        """The mean of how likely its new tokens were; None where there are none, or one had no words to be among."""
        mean = self._likelihoods / self.new_tokens if self.new_tokens else math.nan
        return mean if math.isfinite(mean) else None

    @property
    def is_over(self) -> bool:
        """Say that nothing more will be written."""
        return self.is_cancelled or self.stop is not None or self.error is not None

    def reuse(self, tokens: int) -> None:
        """Note that the keys of so many tokens at the beginning are there without having been computed for it."""
        self.reused_tokens += tokens - self.read_tokens
        self.read_tokens = tokens

    def suspect(self) -> None:
        """Note that a step failed in which it took part, and that its keys are lost.

        It is suspected of having caused that until it has come one token further.
        """
        self.read_tokens = self.reused_tokens = 0
        self._cleared_at = len(self.tokens) + 1

    @property
    def is_suspect(self) -> bool:
        """Say that it may be what makes steps fail."""
        return len(self.tokens) < self._cleared_at

    def luck(self, ahead: int = 0) -> float:
        """Return the number from [0, 1) that decides a draw: the n-th of a request is always the same.

        Args:
            ahead: 0 for the next draw, 1 for the one after it.
        """
        while len(self._luck) <= self.new_tokens + ahead:
            self._luck += torch.rand(_DRAWS_AT_ONCE, generator=self._chance).tolist()
        return self._luck[self.new_tokens + ahead]

    @property
    def is_bound(self) -> bool:
        """Say that its text is to match a pattern."""
        return self._pattern is not None

    def fits(self, token: int) -> bool:
        """Say whether the text can still match its pattern with this token."""
        if self._pattern is None:
            return True
        if token in self._ends:
            return self._pattern.is_matched_by(self.text)
        text = self._text.with_token(token)
        # Tokens without a text, such as markers, would fit for ever.
        return len(text) > len(self.text) and self._pattern.is_begun_by(text)

    def guess(self, most: int) -> list[int]:
        """Return up to `most` tokens that may come next, fewer than are still to be written."""
        if self.is_bound:
            return []  # Each of its words is tried with the text before it.
        left = self.sampling.max_new_tokens - self.new_tokens
        return self._guesses.following(self.tokens, min(most, left - 1)) if most and left > 1 else []

    def take(self, token: int, likelihood: float) -> None:
        """Add a token that the model has written, and note it if the text ends with it.

        Args:
            likelihood: the logarithm of its share of the words it was drawn among.
        """
        self.tokens.append(token)
        self._likelihoods += likelihood
        if token in self._ends:
            self.stop = StopReason.END_OF_TEXT
            return
        seen = len(self.text)
        self._text.take(token)
        if any(self.text.find(stop, max(0, seen - len(stop) + 1)) >= 0 for stop in self._prompt.stops):
            self.stop = StopReason.TAG
        elif self.new_tokens >= self.sampling.max_new_tokens:
            self.stop = StopReason.LENGTH
