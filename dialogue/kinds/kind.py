"""The shape that every kind of answer has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from dialogue.seeds import Seed
from dialogue.turns import Dialogue, StopReason


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of the draws.

    Args:
        text: what the person is shown.
        result: the same for programs, where the kind has more to tell than words.
    """

    text: str
    result: Mapping[str, Any] | None = None


class Kind(Protocol):
    """Turns a person's words into a prompt, and what was drawn into an answer. Holds no state."""

    @property
    def keeps_history(self) -> bool:
        """Whether the prompt has the turns before the person's last words."""

    def render(self, seed: Seed, dialogue: Dialogue, is_continuing: bool = False) -> str:
        """Write the prompt: the seed's text, a line break and what the model is to go on with.

        Raises:
            TranscriptError: there is nothing to answer, or nothing that could be continued.
        """

    def read(self, prompt: str, seed: Seed) -> Dialogue:
        """Read back what `render` has written: what was said, as far as it stands in the prompt.

        Raises:
            TranscriptError: it is no prompt of this seed.
        """

    def stops(self, seed: Seed) -> tuple[str, ...]:
        """Return the strings at which the engine may stop; where an answer is to be learned, the first one ends it."""

    def pattern(self, seed: Seed) -> str:
        """Return the regular expression that a draw should match, its stop included; empty for any text."""

    def draws(self, seed: Seed) -> int:
        """Return how many variants are drawn at the same time."""

    def draft(self, raw: str, seed: Seed) -> str:
        """Return what may be shown of an unfinished text; each draft begins with the one before it."""

    def cut(self, raw: str, stop: StopReason, seed: Seed) -> str:
        """Return what is kept of one draw; empty where it is of no use."""

    def answer(self, cuts: Sequence[str], seed: Seed, words: str) -> Answer | None:
        """Make the answer of what was kept of each draw; None where it is to be drawn again.

        Args:
            words: what the person said; see `dialogue.kinds.choosing.asked_words`.
        """

    def written(self, text: str, seed: Seed, words: str) -> str:
        """Return what the model writes behind the prompt so that `cut` and `answer` make this text of it.

        Args:
            text: what was shown, or what an operator wrote instead.

        Returns:
            The text with all that closes it in the seed's form; empty where the model can write nothing for it.
        """
