"""`completion`, `answer` and `lines`: a form with a place for the person's words, which the model goes on with."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dialogue.errors import TranscriptError
from dialogue.forms import CLOSING, PLACE, Until
from dialogue.kinds.kind import Answer
from dialogue.kinds.names import is_said
from dialogue.kinds.words import last_words
from dialogue.seeds import Seed
from dialogue.sentences import first_sentence, whole_sentences
from dialogue.transcript import unfold
from dialogue.turns import Dialogue, Speaker, StopReason

_FENCE = "```"
# Between the examples of a seed.
_RULE = "***"


@dataclass(frozen=True, slots=True)
class Filling:
    """Fills in the seed's form and cuts what the model writes behind it.

    Args:
        put: how the person's words stand in the form, so that they can forge nothing of it.
    """

    put: Callable[[str], str]
    keeps_history = False

    def render(self, seed: Seed, dialogue: Dialogue, is_continuing: bool = False) -> str:
        """Write the form behind the seed."""
        if is_continuing:
            raise TranscriptError(f"an answer of the seed {seed.name} is whole: it cannot be continued")
        before, after = _around(seed)
        return f"{before}{self.put(last_words(dialogue))}{after}"

    def read(self, prompt: str, seed: Seed) -> Dialogue:
        """Take the person's words out of the form, as they stand there."""
        before, after = _around(seed)
        if prompt.startswith(before) and prompt[len(before) :].endswith(after):
            words = unfold(prompt[len(before) : len(prompt) - len(after)])
            dialogue = Dialogue().then(Speaker.PERSON, words)
            if self.render(seed, dialogue) == prompt:
                return dialogue
        raise TranscriptError(f"the prompt is not the form of the seed {seed.name}, filled in")

    def stops(self, seed: Seed) -> tuple[str, ...]:
        """Return the end of the line, the closing quotation mark, or what begins the next example."""
        form = seed.form
        if form.until is Until.QUOTE:
            return ("\n", CLOSING[form.opening])
        return tuple(f"\n{mark}" for mark in marks(seed)) if form.until is Until.EXAMPLE else ("\n",)

    def pattern(self, seed: Seed) -> str:
        """Return none: words are free."""
        return ""

    def draws(self, seed: Seed) -> int:
        """Return one."""
        return 1

    def draft(self, raw: str, seed: Seed) -> str:
        """Return the text so far, without what may become the next example."""
        if seed.form.until is not Until.EXAMPLE:
            return _ended(raw, seed)
        text, is_ended = _before_next_example(raw, seed)
        lines = text.split("\n")
        if not is_ended and any(mark.startswith(lines[-1].strip()) for mark in marks(seed)):
            text = "\n".join(lines[:-1])
        return text.rstrip()

    def cut(self, raw: str, stop: StopReason, seed: Seed) -> str:
        """Return the text up to its end; where the length limit came first, up to its last whole sentence."""
        text = _ended(raw, seed)
        if seed.form.until is Until.EXAMPLE and text.count(_FENCE) % 2:
            return f"{text}\n{_FENCE}"
        if stop is StopReason.LENGTH and seed.form.until is not Until.QUOTE and _FENCE not in text:
            return whole_sentences(text)
        return text if re.search(r"\w", text) else ""

    def answer(self, cuts: Sequence[str], seed: Seed, words: str) -> Answer | None:
        """Return the text, and a name in its quotation marks, unless the person named it."""
        opening = seed.form.opening
        is_name = seed.form.until is Until.QUOTE
        if not cuts[0] or (is_name and is_said(cuts[0], words)):
            return None
        return Answer(f"{opening}{cuts[0]}{CLOSING[opening]}" if is_name else f"{opening}{cuts[0]}")

    def written(self, text: str, seed: Seed, words: str) -> str:
        """Return the text behind the opening, and a name with the quotation mark that closes it."""
        opening = seed.form.opening
        if seed.form.until is Until.QUOTE:
            closing = CLOSING[opening]
            raw = f"{text.removeprefix(opening).removesuffix(closing)}{closing}"
            text = f"{opening}{raw}"
        else:
            raw = text.removeprefix(opening) if opening else f" {text}"
        answer = self.answer([self.cut(raw, StopReason.TAG, seed)], seed, words)
        return raw if answer is not None and answer.text == text else ""


def _around(seed: Seed) -> tuple[str, str]:
    """Return what stands before the person's words in a prompt, and behind them."""
    before, _, after = seed.form.template.partition(PLACE)
    return f"{seed.head}{before}", f"{after} {seed.form.opening}" if seed.form.opening else after


def marks(seed: Seed) -> tuple[str, ...]:
    """Return how the next example may begin: with a rule, or as the form does."""
    beginning = seed.form.template.partition(PLACE)[0].split("\n")[0].strip()
    return (_RULE, beginning) if beginning else (_RULE,)


def _ended(raw: str, seed: Seed) -> str:
    """Cut the raw text where the form says that the answer ends."""
    until = seed.form.until
    if until is Until.EXAMPLE:
        return _before_next_example(raw, seed)[0]
    text = raw.lstrip()
    line = text.splitlines()[0].rstrip() if text else ""
    if until is Until.QUOTE:
        return line.split(CLOSING[seed.form.opening])[0].rstrip()
    return first_sentence(line) if until is Until.SENTENCE else line


def _before_next_example(raw: str, seed: Seed) -> tuple[str, bool]:
    """Return what stands before the next example, and whether that has begun."""
    begun = "|".join(re.escape(mark) for mark in marks(seed))
    text, *rest = re.split(rf"\n[ \t]*(?:{begun})", f"\n{raw.lstrip()}", maxsplit=1)
    return text.strip(), bool(rest)
