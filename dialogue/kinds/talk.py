"""`dialogue`: the bot's next turn of a transcript."""

from __future__ import annotations

from collections.abc import Sequence

from dialogue import transcript
from dialogue.kinds.kind import Answer
from dialogue.seeds import Seed, Tags
from dialogue.sentences import whole_sentences
from dialogue.turns import Dialogue, StopReason


class Talk:
    """Goes on with a dialogue; see `dialogue.transcript` for its grammar."""

    keeps_history = True

    def render(self, seed: Seed, dialogue: Dialogue, is_continuing: bool = False) -> str:
        """Write the transcript behind the seed, up to the tag of the bot's turn."""
        return transcript.render(seed.text, dialogue, seed.tags, continuing=is_continuing)

    def read(self, prompt: str, seed: Seed) -> Dialogue:
        """Read the transcript."""
        return transcript.parse(prompt, seed.text, seed.tags)

    def stops(self, seed: Seed) -> tuple[str, ...]:
        """Return what begins the next turn."""
        return transcript.stops(seed.tags)

    def pattern(self, seed: Seed) -> str:
        """Return none: words are free."""
        return ""

    def draws(self, seed: Seed) -> int:
        """Return one."""
        return 1

    def draft(self, raw: str, seed: Seed) -> str:
        """Return what cannot turn out to be part of a tag."""
        return transcript.draft(raw, seed.tags)

    def cut(self, raw: str, stop: StopReason, seed: Seed) -> str:
        """Return the turn; its whole sentences where the length limit has cut it."""
        return kept(raw, stop, seed.tags)

    def answer(self, cuts: Sequence[str], seed: Seed, words: str) -> Answer | None:
        """Return the turn."""
        return Answer(cuts[0]) if cuts[0] else None

    def written(self, text: str, seed: Seed, words: str) -> str:
        """Return the turn as it goes on behind its tag: from the space on, its further lines folded."""
        return f" {transcript.fold(text)}" if text else ""


def kept(raw: str, stop: StopReason, tags: Tags) -> str:
    """Return one turn of what an engine wrote, ending with a whole sentence where the length limit has cut it."""
    cut = transcript.first_turn(raw, tags)
    if stop is StopReason.LENGTH and not cut.is_finished:
        return whole_sentences(cut.text)
    return cut.text
