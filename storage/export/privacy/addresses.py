"""Finds addresses: streets with the number of a house, and flats."""

from __future__ import annotations

import re
from collections.abc import Iterator

from storage.export.privacy.spans import Span

_STREET = (
    r"(?:ул(?:ица|ице|ицы|ицу|\.)|просп(?:ект\w{0,2}|\.)|пр-?т|пр\.|пер(?:еул(?:ок|ке|ка)|\.)|бульвар\w{0,2}|б-р|шоссе|"
    r"наб(?:ережн\w{2}|\.)|площад[ьи]|пл\.|проезд\w?|микрорайон\w?|мкр\.?)"
)
_RUSSIAN_WORD = r"[А-ЯЁа-яё\d][А-ЯЁа-яё\d-]*\.?"
_HOUSE = r"(?:д(?:ом\w?|\.)?\s*)?№?\s*\d{1,4}(?:\s?[А-ЯЁа-яё](?![А-ЯЁа-яё]))?(?:\s?/\s?\d{1,4})?"
_PARTS = (
    r"(?:[,\s]{1,3}(?:корп(?:ус|\.)?|к\.|стр(?:оение|\.)?|под(?:ъезд|\.)|эт(?:аж|\.)|кв(?:артир\w|\.)?|офис|оф\.)"
    r"\s*№?\s*\d{1,4}[А-ЯЁа-яё]?)*"
)
_RUSSIAN = re.compile(
    rf"\b{_STREET}\s*{_RUSSIAN_WORD}(?:\s+{_RUSSIAN_WORD}){{0,2}}?[,\s]{{1,3}}{_HOUSE}\b{_PARTS}", re.IGNORECASE
)
# A flat without its street, as people answer when they are asked for what is missing.
_FLAT = re.compile(r"\b(?:д(?:ом|\.)\s*\d{1,4}\w?[,\s]+)?(?:кв(?:артира|артире|\.)?)\s*№?\s*\d{1,4}\b", re.IGNORECASE)
_ENGLISH = re.compile(
    r"\b\d{1,5}[A-Za-z]?\s+(?:[A-Z][\w'.]*\s+){1,3}"
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Square|Sq|Court|Ct|Way|Place|Pl|Terrace|Crescent)\b\.?"
    r"(?:,?\s*(?:apt|apartment|flat|unit|suite|#)\.?\s*\w{1,5})?"
)
_HINT = re.compile(r"\d")


def addresses(text: str) -> Iterator[Span]:
    """Yield the addresses in a text, the longest forms first."""
    if not _HINT.search(text):
        return
    for pattern in (_RUSSIAN, _ENGLISH, _FLAT):
        for match in pattern.finditer(text):
            yield Span(*match.span(), "ADDRESS", " ".join(re.findall(r"\w+", match[0].casefold())))
