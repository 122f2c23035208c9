"""Replaces what identifies people by placeholders: in one dialogue the same thing always by the same one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from dialogue.turns import Speaker
from storage.export.privacy.addresses import addresses
from storage.export.privacy.identifiers import CONTRACT_WORD, identifiers
from storage.export.privacy.names import introduced, names, words_of
from storage.export.privacy.spans import Span, apart
from storage.export.talks import Said, Talk

# Whose phones are written without the code of the country, by the language that is spoken.
_REGIONS = {"ru": "RU", "en": "US"}

# Without one of these there is nothing but names to be found.
_HINT = re.compile(r"[\d@/]")


class Placeholders:
    """Takes what identifies people out of one dialogue.

    Args:
        language: in which it is held.
        replaced: how much was replaced, by kind.
    """

    def __init__(self, language: str) -> None:
        self._region = _REGIONS.get(language, "RU")
        self._known: list[tuple[str, list[str]]] = []
        self._numbers: dict[tuple[str, str], int] = {}
        self._many: Counter[str] = Counter()
        self.replaced: Counter[str] = Counter()

    def meet(self, name: str) -> None:
        """Note that somebody is called so; a name that shares a word with a known one is the same person's."""
        words = words_of(name)
        folded = {word.casefold() for word in words}
        for _, known in self._known:
            if folded & {word.casefold() for word in known}:
                known += [word for word in words if word.casefold() not in {each.casefold() for each in known}]
                return
        if words:
            self._known.append((str(len(self._known)), words))

    def text(self, text: str, before: str = "") -> str:
        """Return a text with placeholders.

        Args:
            before: the turn of the bot that it answers: it may say what a number is.
        """
        found: list[Span] = []
        if _HINT.search(text):
            is_contract_asked_for = bool(before) and bool(CONTRACT_WORD.search(before))
            found = [*addresses(text), *identifiers(text, self._region, is_contract_asked_for)]
        found += names(text, self._known)
        if not found:
            return text
        # An e-mail address may have a name in it, an address a number: identifiers first, then what is longest.
        pieces, end = [], 0
        for span in apart(found):
            pieces += [text[end : span.start], self._placeholder(span)]
            end = span.end
        return "".join([*pieces, text[end:]])

    def _placeholder(self, span: Span) -> str:
        key = (span.kind, span.value)
        if key not in self._numbers:
            self._many[span.kind] += 1
            self._numbers[key] = self._many[span.kind]
        self.replaced[span.kind] += 1
        return f"[{span.kind}_{self._numbers[key]}]"


def without_personal_data(talk: Talk, language: str) -> tuple[Talk, Counter[str]]:
    """Return a dialogue with placeholders for what identifies people, and how much was replaced, by kind."""
    placeholders = Placeholders(language)
    for name in dict.fromkeys(each.name for each in talk.said if each.name):
        placeholders.meet(name)
    for said, before in _after_bot(talk.said):
        if said.speaker is Speaker.PERSON:
            for name in introduced(said.text, before):
                placeholders.meet(name)
    replaced = tuple(_replaced(said, before, placeholders.text) for said, before in _after_bot(talk.said))
    return replace(talk, said=replaced, are_names_known=False), placeholders.replaced


def _after_bot(said: Iterable[Said]) -> Iterable[tuple[Said, str]]:
    """Yield each turn with the words of the bot before it."""
    before = ""
    for each in said:
        yield each, before
        if each.speaker is Speaker.BOT:
            before = each.text


def _replaced(said: Said, before: str, text: Callable[[str, str], str]) -> Said:
    words = text(said.text, before if said.speaker is Speaker.PERSON else "")
    correction = text(said.reviewed.correction, "") if said.reviewed.correction else ""
    if correction != said.reviewed.correction:
        return replace(said, text=words, reviewed=replace(said.reviewed, correction=correction))
    return replace(said, text=words) if words != said.text else said
