"""Which kind of answer a seed asks for."""

from __future__ import annotations

from dialogue.forms import SeedKind
from dialogue.kinds.filling import Filling
from dialogue.kinds.kind import Kind
from dialogue.kinds.objects import Objects
from dialogue.kinds.talk import Talk
from dialogue.kinds.vote import Vote
from dialogue.kinds.words import last_words, on_one_line, without_arrows, without_quotes
from dialogue.seeds import Seed
from dialogue.transcript import fold
from dialogue.turns import Dialogue


def kind_of(seed: Seed) -> Kind:
    """Return the kind of a seed."""
    return _KINDS[seed.kind]


def asked_words(seed: Seed, dialogue: Dialogue) -> str:
    """Return what an answer is made for: what the person said last; nothing where the whole dialogue is answered.

    Raises:
        TranscriptError: the last word was the bot's.
    """
    return "" if kind_of(seed).keeps_history else last_words(dialogue)


def _in_a_sentence(words: str) -> str:
    return without_quotes(on_one_line(words))


_KINDS: dict[SeedKind, Kind] = {
    SeedKind.DIALOGUE: Talk(),
    SeedKind.COMPLETION: Filling(_in_a_sentence),
    SeedKind.VOTE: Vote(Filling(_in_a_sentence)),
    SeedKind.ANSWER: Filling(fold),
    SeedKind.JSON: Objects(),
    SeedKind.LINES: Filling(without_arrows),
}
