"""What operators type to search: taken apart into words, and marked where a text has them.

A word stands for all its forms: two words are the same where their stems are. Words in quotes are looked for next to
each other, and so are those of which something like `wi-fi` is made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import snowballstemmer

WORD = re.compile(r"[^\W_]+")
"""A word, as both databases see it."""

_TERM = re.compile(r'"([^"]*)"|([^\s"]+)')
_BEFORE_CHARS, _EXCERPT_CHARS = 60, 220


@dataclass(frozen=True, slots=True)
class Term:
    """What is to be found: one word, or several in a row.

    Args:
        text: as it was typed, without the quotes.
    """

    text: str
    words: tuple[str, ...]


def terms(typed: str) -> tuple[Term, ...]:
    """Return what somebody has typed as terms; all of it is words, none of it syntax."""
    found = [Term(quoted or plain, _words(quoted or plain)) for quoted, plain in _TERM.findall(typed)]
    return tuple(term for term in found if term.words)


def fold(text: str) -> str:
    """Return a text in small letters, and without the dots of ё, which most people leave out."""
    return text.lower().replace("ё", "е")


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """Return the stem of a folded word: what all its forms have in common."""
    return str(_stemmer("english" if word.isascii() else "russian").stemWord(word))


def excerpt(text: str, wanted: tuple[Term, ...]) -> tuple[str, ...]:
    """Return the text around the first term, cut where it changes between found and not found.

    Every second piece was found.
    """
    words = list(WORD.finditer(text))
    stems = [stem(fold(word[0])) for word in words]
    hits = sorted({index for term in wanted for index in _places(stems, [stem(word) for word in term.words])})
    begin, end = _bounds(text, words, words[hits[0]] if hits else None)
    pieces, done = ["…" if begin else ""], begin
    for index in hits:
        if words[index].end() > end:
            break
        pieces[-1] += text[done : words[index].start()]
        pieces += [words[index][0], ""]
        done = words[index].end()
    pieces[-1] += text[done:end] + ("…" if end < len(text) else "")
    return tuple(pieces)


def _words(text: str) -> tuple[str, ...]:
    return tuple(fold(word) for word in WORD.findall(text))


def _places(stems: list[str], wanted: list[str]) -> list[int]:
    """Return the indices of all words that belong to an occurrence."""
    size = len(wanted)
    starts = [index for index in range(len(stems) - size + 1) if stems[index : index + size] == wanted]
    return [start + offset for start in starts for offset in range(size)]


def _bounds(text: str, words: list[re.Match[str]], first: re.Match[str] | None) -> tuple[int, int]:
    """Return where the excerpt begins and ends: at the borders of words, as far as there are any."""
    hit_start, hit_end = (first.start(), first.end()) if first else (0, 0)
    begin = max(0, hit_start - _BEFORE_CHARS)
    if begin:
        begin = next(word.start() for word in words if word.start() >= begin)
    end = max(hit_end, begin + _EXCERPT_CHARS)
    if end < len(text):
        end = max([hit_end, *(word.end() for word in words if word.end() <= end)]) or end
    return begin, min(end, len(text))


@cache
def _stemmer(language: str) -> Any:
    return snowballstemmer.stemmer(language)
