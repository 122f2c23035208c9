"""Finds the names of people: of who speaks, by their account or by how they introduce themselves, in all their forms.

A name of several words is one person's, and each of its words stands for that person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from storage.export.privacy.spans import Span

_CAPITALISED = r"[A-ZА-ЯЁ][a-zа-яё'’-]+"
_INTRODUCED = re.compile(
    r"(?:\b(?i:меня зовут|зовут меня|мо[её] имя|моя фамилия|my name is|my name['’]s|name['’]s|call me)[\s:—-]+)"
    rf"({_CAPITALISED}(?:\s+{_CAPITALISED}){{0,2}}|[a-zа-яё'’-]+)"
)
# "I'm Tired": only where the sentence ends behind it, or goes on as after a name.
_I_AM = re.compile(
    rf"\b(?:I['’]?m|I am|[Яя] ?[—-]?)\s+({_CAPITALISED}(?:\s+{_CAPITALISED})?)"
    r"(?=\s*(?:[,.!;]|$|\band\b|\bfrom\b|\bиз\b))"
)
# What is in every match, and found a hundred times as fast.
_INTRODUCING = ("зовут", "имя", "фамили", "name", "call me")
_PATRONYMIC_ENDINGS = ("вич", "вна", "ична")
_PATRONYMIC = re.compile(
    r"\b(?:[А-ЯЁ][а-яё]+\s+)?[А-ЯЁ][а-яё]+\s+[А-ЯЁ][а-яё]+(?:вич|вна|ична|инична)(?:а|у|ем|ом|е|ы|ой)?\b(?:\s+[А-ЯЁ][а-яё]+)?"
)
_ASKS_FOR_NAME = re.compile(
    r"вас зовут|тебя зовут|зовут\?|ваше имя|тво[её] имя|представьтесь|фамили|фио\b|your (?:full )?name|"
    r"who am i (?:speaking|talking)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_][\w'’-]*")

# What people also answer when they are asked for their name, and what stands beside names in accounts.
_NO_NAMES = frozenset(
    word
    for line in (
        "да нет не ну а и я это вы ты мы он она привет здравствуйте здравствуй добрый день вечер утро ок хорошо зачем",
        "почему что как меня зовут имя мое моё можно лучше просто пожалуйста скажу секрет моя фамилия",
        "yes no ok okay hi hello hey why what the a and i'm im i am it's its is me my name call you please sure not",
        "thanks thank good day morning evening person user",
    )
    for word in line.split()
)
_LONGEST_ANSWER = 4

# The endings of Russian nouns that stand after the part of a name that stays the same.
_ENDINGS = "(?:а|у|ом|ем|ём|е|ы|и|ой|ою|ей|ею|ю|я|ь|й|ым|ого|ому)?"
_SHORTEST_STEM = 3


def introduced(text: str, before: str = "") -> Iterator[str]:
    """Yield the names by which somebody introduces themselves.

    Args:
        before: the turn of the bot before: where it asks for a name, a few words are one.
    """
    folded = text.casefold()
    found = [match[1] for match in _I_AM.finditer(text)]
    if any(hint in folded for hint in _INTRODUCING):
        found += [match[1] for match in _INTRODUCED.finditer(text)]
    if any(ending in folded for ending in _PATRONYMIC_ENDINGS):
        found += [match[0] for match in _PATRONYMIC.finditer(text)]
    if not found and before:
        words = _WORD.findall(re.split(r"[,.!?;\n]", text.strip(), maxsplit=1)[0])
        if 0 < len(words) <= _LONGEST_ANSWER and _ASKS_FOR_NAME.search(before):
            found.append(" ".join(words))
    yield from found


def words_of(name: str) -> list[str]:
    """Return the words of a name that are looked for."""
    return [word for word in _WORD.findall(name) if len(word) > 1 and word.casefold() not in _NO_NAMES]


def names(text: str, known: Sequence[tuple[str, Sequence[str]]]) -> Iterator[Span]:
    """Yield where names stand; several words of one name next to each other are one.

    Args:
        known: for each person what the placeholder is to be numbered by, and the words of their names.
    """
    folded = text.casefold()
    found = [
        Span(*match.span(), "NAME", person)
        for person, words in known
        for word in words
        if _stem(word) in folded
        for match in _pattern(word).finditer(text)
    ]
    found.sort(key=lambda span: (span.start, -span.end))
    joined: list[Span] = []
    for span in found:
        last = joined[-1] if joined else None
        if last and last.value == span.value and not text[last.end : span.start].strip() and span.start >= last.end:
            joined[-1] = Span(last.start, span.end, "NAME", span.value)
        elif last is None or span.start >= last.end:
            joined.append(span)
    yield from joined


@lru_cache(maxsize=4096)
def _stem(word: str) -> str:
    """Return what is the same in all forms of a word, in small letters."""
    folded = word.casefold()
    is_russian = "а" <= folded[-1] <= "я"
    return folded[:-1] if is_russian and folded[-1] in "аяйьоеы" and len(folded) > _SHORTEST_STEM else folded


@lru_cache(maxsize=4096)
def _pattern(word: str) -> re.Pattern[str]:
    stem = re.escape(word[: len(_stem(word))])
    endings = _ENDINGS if "а" <= word[-1].casefold() <= "я" else "(?:['’]s)?"
    # Short words are names only where they begin with a capital letter: "Ян", "Bo".
    flags = re.IGNORECASE if len(word) >= _SHORTEST_STEM else re.NOFLAG
    return re.compile(rf"(?<!\w){stem}{endings}(?!\w)", flags)
