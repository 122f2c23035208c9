"""Where a sentence ends, in Russian and in English: enough to end decently a reply that the length limit has cut."""

from __future__ import annotations

import re


def whole_sentences(text: str) -> str:
    """Return the text up to the end of its last whole sentence, or all of it where no sentence ends.

    A sentence ends with `.`, `!`, `?` or `…` and the closing quotation marks and brackets after it, with an emoji, or
    with its line. The full stops of numbers, initials and abbreviations do not end one.
    """
    text = text.strip()
    ends = [match.end() for match in _END.finditer(text) if _is_end(match, text)]
    return text[: ends[-1]] if ends else text


def first_sentence(text: str) -> str:
    """Return the text up to the end of its first whole sentence, or all of it where none ends."""
    text = text.strip()
    ends = (match.end() for match in _END.finditer(text) if _is_end(match, text))
    return text[: next(ends, len(text))]


_SMILE = r"(?:[\u2600-\u27bf\U0001f1e6-\U0001faff][\u2600-\u27bf\U0001f1e6-\U0001faff\ufe0f\u200d]*|[:;]-?\)+|\){2,})"
_END = re.compile(
    rf"""
    (?: (?P<stop> [.!?…]+ ) (?P<closing> [»”"'’)\]]* ) (?: [ ]? {_SMILE} )?     # He said: "Hello!" :)
      | (?P<smile> {_SMILE} ) )
    (?= \s | \Z )
    | (?<= [\w»”"')\]] ) (?= [ ]*\n )                                          # the end of a line without a stop
    """,
    re.VERBOSE,
)

# With a full stop, these go on with a name or a number; after a number ("2020 г.") or "т." they are as those below.
_BEFORE_A_NAME = re.compile(
    r"[гдст]|ул|просп|пер|пл|наб|стр|кв|оф|им|св|гр|проф|акад|рис|табл|см|ср|напр"
    r"|mrs?|ms|dr|prof|st|fig|vs|approx|e\.g|i\.e",
    re.IGNORECASE,
)
# With a full stop, these end a sentence only where a capital letter follows; so do single small letters ("и т. п.").
_ABBREVIATION = re.compile(
    r"гг|вв|руб|коп|тыс|млн|млрд|мин|сек|час|др|пр|т\.[депкнч]|н\.э|etc|inc|ltd|co|[ap]\.m|al|min|sec|hrs",
    re.IGNORECASE,
)
_LAST_WORD = re.compile(r"(?P<number>(?:\d|\bт\.)\s?)?(?P<word>[^\W\d_][\w.]*)\Z")
_LIST_NUMBER = re.compile(r"(?:\A|\n|[.!?…:;]\s)\s*\d{1,3}\Z")


def _is_end(match: re.Match[str], text: str) -> bool:
    following = text[match.end() :].lstrip()[:1]
    if match["stop"] is None:
        return match["smile"] is None or not following.islower()
    if match["stop"] == "." and not match["closing"]:
        return _is_full_stop(text[: match.start()], following)
    is_pause = set(match["stop"]) <= {".", "…"} and match["stop"] != "."
    return not (following.islower() and (is_pause or match["closing"]))


def _is_full_stop(before: str, following: str) -> bool:
    """Say whether a full stop between these ends a sentence, rather than being part of a word or of a number."""
    if before[-1:].isdigit():
        return following != "" and not _LIST_NUMBER.search(before)
    last = _LAST_WORD.search(before)
    if last is None or last["word"] in ("я", "Я", "I"):
        return True
    word = last["word"]
    goes_before_a_name = _BEFORE_A_NAME.fullmatch(word) is not None
    if goes_before_a_name and not last["number"]:
        return False
    if len(word) == 1 and word.isupper():  # An initial.
        return False
    if len(word) == 1 or goes_before_a_name or _ABBREVIATION.fullmatch(word):
        return following.isupper()
    return True
