"""Names that a model spells now one way, now another: made comparable, joined and counted."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Votes:
    """A name in its most frequent spelling, and how many variants gave it."""

    name: str
    votes: int


def key_of(name: str) -> str:
    """Return what is the same for all spellings of a name.

    Case, quotation marks, dashes, ё and е, accents, articles, Cyrillic and Latin letters, doubled letters and spaces at
    the ends make no difference.
    """
    plain = unicodedata.normalize("NFKD", name).casefold()
    latin = "".join(_LATIN.get(letter, letter) for letter in plain if not unicodedata.combining(letter))
    words = _NOT_IN_WORDS.sub(" ", _APOSTROPHES.sub("", latin)).split()
    if len(words) > 1 and words[0] in _ARTICLES:
        words = words[1:]
    alike = " ".join(words)
    for one, other in _SOUNDS:
        alike = alike.replace(one, other)
    return re.sub(r"([^\W\d])\1+", r"\1", alike)


def is_said(name: str, words: str) -> bool:
    """Say whether a name stands in what the person said, however it is spelled."""
    return f" {key_of(name)} " in f" {key_of(words)} "


def is_near(one: str, other: str) -> bool:
    """Say whether two keys are misspellings of each other: the longer they are, the more may differ; numbers never."""
    shorter = min(len(one), len(other))
    allowed = 0 if shorter < _SHORT else 1 if shorter < _LONG else 2
    if re.findall(r"\d+", one) != re.findall(r"\d+", other) or abs(len(one) - len(other)) > allowed:
        return False
    return _distance(one, other) <= allowed


def tally(variants: Iterable[Sequence[str]]) -> list[Votes]:
    """Count in how many variants each name stands, the most frequent first, then in the order in which they came.

    A variant that gives a name twice has one vote for it.
    """
    spellings: dict[str, Counter[str]] = {}
    ballots: list[set[str]] = []
    for names in variants:
        keyed = [(key_of(name), name) for name in names]
        ballots.append({key for key, _ in keyed if key})
        for key, name in keyed:
            if key:
                spellings.setdefault(key, Counter())[name] += 1
    # The frequent spelling is the right one: it takes in the rare ones that are near it.
    by_votes = sorted(spellings, key=lambda key: -sum(key in ballot for ballot in ballots))
    heads: dict[str, str] = {}
    for key in by_votes:
        heads[key] = next((head for head in heads.values() if is_near(head, key)), key)
    counted = Counter(head for ballot in ballots for head in {heads[key] for key in ballot})
    order = {head: index for index, head in enumerate(dict.fromkeys(heads[key] for key in spellings))}
    first = sorted(counted, key=lambda head: (-counted[head], order[head]))
    return [Votes(spellings[head].most_common(1)[0][0], counted[head]) for head in first]


_SHORT, _LONG = 5, 10
_ARTICLES = ("the", "a", "an")
_APOSTROPHES = re.compile("['’‘`´ʼ]")
_NOT_IN_WORDS = re.compile(r"[\W_]+")
_LATIN = dict(zip("абвгдезиклмнопрстуфхцыэ", "abvgdeziklmnoprstufhcie", strict=True)) | {
    "ж": "zh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sch", "ъ": "", "ь": "", "ю": "iu", "я": "ia",
}  # fmt: skip
# How the same sound is written in names that were carried over.
_SOUNDS = (
    *(("ck", "k"), ("ph", "f"), ("ch", "\0"), ("c", "k"), ("\0", "ch")),
    *(("q", "k"), ("w", "v"), ("y", "i"), ("x", "ks")),
)


def _distance(one: str, other: str) -> int:
    """Return how many letters must be put in, taken out or changed (Levenshtein)."""
    row = list(range(len(other) + 1))
    for index, letter in enumerate(one, start=1):
        previous, row = row, [index]
        for place, other_letter in enumerate(other, start=1):
            row.append(min(previous[place] + 1, row[-1] + 1, previous[place - 1] + (letter != other_letter)))
    return row[-1]
