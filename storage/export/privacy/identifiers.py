"""Finds e-mail addresses, accounts, and numbers that belong to one person: of cards, of papers, phones, contracts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers
from stdnum import luhn
from stdnum.exceptions import ValidationError
from stdnum.ru import inn

from storage.export.privacy.spans import Span

# Where a word begins only: from its middle on, it would take a time that grows with the square of the word's length.
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_ACCOUNT = re.compile(r"(?<!\w)@\w{4,}|(?<!\w)(?:https?://)?(?:t|vk)\.(?:me|com)/[\w.]{3,}", re.IGNORECASE)

# Digits with at most two separators between any two of them; dots only in pairs of digits would be dates.
_DIGITS = re.compile(r"(?<!\d)\+?\d(?:[ \u00a0\u2009\u2011()-]{0,2}\d){3,}(?!\d)")
_CARD_LENGTHS = range(13, 20)
_SNILS_FORM = re.compile(r"\d{3}-\d{3}-\d{3}[ -]\d{2}")
_LOCAL_PHONE = re.compile(r"\d{2,3}-\d{2}-\d{2}")

_INN_WORD = re.compile(r"\b(?:инн|inn|tin)\b\W*$", re.IGNORECASE)
_SNILS_WORD = re.compile(r"\bснилс\w*\W*(?:\w+\W+){0,2}$", re.IGNORECASE)
CONTRACT_WORD = re.compile(
    r"договор\w*|лицев\w+ сч[её]т\w*|абонент\w+ номер\w*|contracts?\b|accounts?\b", re.IGNORECASE
)
_MONEY = re.compile(
    r"\W{0,2}(?:руб|р\b|₽|\$|€|usd|eur|rub|dollar|доллар|евро|мбит|mbit|кбит|kbit|гб\b|gb\b)", re.IGNORECASE
)

# How far before a number the word stands that says what it is.
_REACH = 40

# The fewest digits of a number that is taken for somebody's own, whatever it is: shorter ones are prices and years.
_OWN_NUMBER = 6

# Of a phone with its area; `phonenumbers` takes a while, so it is asked only where there may be one.
_PHONE_DIGITS = 7
_SEVERAL_DIGITS = re.compile(rf"(?:\d\D{{0,3}}){{{_PHONE_DIGITS}}}")


def identifiers(text: str, region: str, is_contract_asked_for: bool) -> Iterator[Span]:
    """Yield what is found, the most certain first; some of it may overlap.

    Args:
        region: the country whose phones are written without its code, such as `RU`.
        is_contract_asked_for: whether the text answers a question for the number of a contract.
    """
    if "@" in text or "/" in text:
        yield from (Span(*each.span(), "EMAIL", each[0].casefold()) for each in _EMAIL.finditer(text))
        yield from (Span(*each.span(), "ACCOUNT", each[0].casefold()) for each in _ACCOUNT.finditer(text))
    numbers = list(_DIGITS.finditer(text))
    if not numbers:
        return
    yield from (span for each in numbers if (span := _checked(text, each)))
    if _SEVERAL_DIGITS.search(text):
        yield from _phones(text, region)
    yield from (span for each in numbers if (span := _other(text, each, is_contract_asked_for)))


def is_snils(digits: str) -> bool:
    """Say whether eleven digits are the number of a Russian insurance account, by their checksum.

    Source: Pension Fund of Russia, decree 192p of 2006, appendix 1, section 2.
    """
    if len(digits) != 11:
        return False
    control = sum(int(digit) * weight for digit, weight in zip(digits, range(9, 0, -1), strict=False)) % 101
    return int(digits[9:]) == control % 100


def _checked(text: str, match: re.Match[str]) -> Span | None:
    """Return a card, an INN or a SNILS."""
    written, digits = match[0], re.sub(r"\D", "", match[0])
    before = text[max(0, match.start() - _REACH) : match.start()]

    def span(kind: str) -> Span:
        return Span(*match.span(), kind, digits)

    if written.startswith("+"):
        return None
    if len(digits) in _CARD_LENGTHS and luhn.is_valid(digits):
        return span("CARD")
    if is_snils(digits) and (_SNILS_FORM.fullmatch(written) or _SNILS_WORD.search(before)):
        return span("SNILS")
    # One in eleven numbers passes the checksum by chance: ten digits are a phone rather, unless they are called an INN.
    if (len(digits) == 12 or _INN_WORD.search(before)) and _is_inn(digits):
        return span("INN")
    return None


def _is_inn(digits: str) -> bool:
    try:
        inn.validate(digits)
    except ValidationError:
        return False
    return True


def _phones(text: str, region: str) -> Iterator[Span]:
    for match in phonenumbers.PhoneNumberMatcher(text, region):
        number = phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)
        yield Span(match.start, match.end, "PHONE", number)


def _other(text: str, match: re.Match[str], is_contract_asked_for: bool) -> Span | None:
    """Return a number of which only the words around it say what it is."""
    digits = re.sub(r"\D", "", match[0])
    before = text[max(0, match.start() - _REACH) : match.start()]
    if is_contract_asked_for or CONTRACT_WORD.search(before):
        return Span(*match.span(), "CONTRACT", digits)
    if _LOCAL_PHONE.fullmatch(match[0]):
        return Span(*match.span(), "PHONE", digits)
    if is_snils(digits) and len(match[0]) == len(digits):
        return Span(*match.span(), "SNILS", digits)
    if len(digits) >= _OWN_NUMBER and not _MONEY.match(text, match.end()):
        return Span(*match.span(), "NUMBER", digits)
    return None
