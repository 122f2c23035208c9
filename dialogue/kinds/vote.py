"""`vote`: many variants are drawn at once, and the names that most of them give win."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from dialogue.forms import CLOSING
from dialogue.kinds.filling import Filling
from dialogue.kinds.kind import Answer
from dialogue.kinds.names import Votes, is_said, tally
from dialogue.seeds import Seed
from dialogue.turns import Dialogue, StopReason

SURE_MARGIN = 0.1
"""The share of the variants by which the first name must lead the second to be called an answer."""

_SHOWN = 5
_UNSURE = {
    "ru": "Не уверен, но вот что приходит на ум:",
    "en": "I am not sure, but this is what comes to mind:",
}
_OF = {"ru": "из", "en": "of"}
_AROUND_NAMES = " ,.;:"
_PLACE_ONE = re.compile(r"1\. ")
_VOTES = re.compile(rf" — \d+(?: (?:{'|'.join(_OF.values())}) \d+)?\Z")


@dataclass(frozen=True, slots=True)
class Vote:
    """Lets the variants of one answer vote.

    Args:
        form: writes the prompt, which is the same for all of them.
    """

    form: Filling
    keeps_history = False

    def render(self, seed: Seed, dialogue: Dialogue, is_continuing: bool = False) -> str:
        """Write the form behind the seed."""
        return self.form.render(seed, dialogue, is_continuing)

    def read(self, prompt: str, seed: Seed) -> Dialogue:
        """Read the form."""
        return self.form.read(prompt, seed)

    def stops(self, seed: Seed) -> tuple[str, ...]:
        """Return the end of the line."""
        return ("\n",)

    def pattern(self, seed: Seed) -> str:
        """Return none: words are free."""
        return ""

    def draws(self, seed: Seed) -> int:
        """Return how many vote."""
        return seed.form.variants

    def draft(self, raw: str, seed: Seed) -> str:
        """Return nothing: what one of them says is no answer."""
        return ""

    def cut(self, raw: str, stop: StopReason, seed: Seed) -> str:
        """Return the line as far as a name ends in it, without the opening that stands in the prompt."""
        line = raw.splitlines()[0] if raw else ""
        end = line.rfind(CLOSING[seed.form.opening])
        return line[: end + 1].strip()

    def answer(self, cuts: Sequence[str], seed: Seed, words: str) -> Answer | None:
        """Count the names, leave out those that the person said, and list the first."""
        variants = [names_in(f"{seed.form.opening}{cut}", seed.form.opening) for cut in cuts]
        votes = [each for each in tally(variants) if not is_said(each.name, words)]
        if not votes:
            return None
        second = votes[1].votes if len(votes) > 1 else 0
        margin = (votes[0].votes - second) / len(cuts)
        result = {
            "answer": votes[0].name,
            "votes": [asdict(each) for each in votes],
            "margin": round(margin, 3),
            "variants": len(cuts),
        }
        return Answer(_listed(votes, margin, len(cuts), seed.language), result)

    def written(self, text: str, seed: Seed, words: str) -> str:
        """Return one variant: the name that won, and the quotation mark that closes it.

        Not the others of the list: variants that all give the same names would never agree on one.
        """
        name = _winner(text, seed.form.opening)
        raw = f"{name}{CLOSING[seed.form.opening]}"
        answer = self.answer([self.cut(raw, StopReason.TAG, seed)], seed, words)
        return raw if answer is not None and answer.result and answer.result["answer"] == name else ""


def names_in(line: str, opening: str) -> list[str]:
    """Return what stands in quotation marks of this kind, in order."""
    closing = CLOSING[opening]
    pattern = f"{re.escape(opening)}([^{re.escape(opening + closing)}]*){re.escape(closing)}"
    return [name.strip(_AROUND_NAMES) for name in re.findall(pattern, line) if re.search(r"\w", name)]


def _winner(text: str, opening: str) -> str:
    """Return the first name of a list, or the name that an operator wrote instead of one; empty for other texts."""
    lines = [line for line in text.strip().splitlines() if line not in _UNSURE.values()]
    if not lines or (len(lines) > 1 and not _PLACE_ONE.match(lines[0])):
        return ""
    name = _VOTES.sub("", _PLACE_ONE.sub("", lines[0]))
    return name.strip(_AROUND_NAMES).removeprefix(opening).removesuffix(CLOSING[opening]).strip(_AROUND_NAMES)


def _listed(votes: Sequence[Votes], margin: float, variants: int, language: str) -> str:
    # What one variant alone has come up with is chance, unless there is nothing else.
    shown = [each for each in votes if each.votes > 1] or votes
    of = f" {_OF[language]} {variants}"
    lines = [
        f"{place}. {each.name} — {each.votes}{of if place == 1 else ''}"
        for place, each in enumerate(shown[:_SHOWN], start=1)
    ]
    return "\n".join(lines if margin >= SURE_MARGIN else [_UNSURE[language], *lines])
