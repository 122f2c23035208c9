from __future__ import annotations

import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.telegram.splitting import LIMIT_UNITS, split, units, well_formed

PIECES = st.sampled_from(
    [
        "а",
        "Z",
        " ",
        "\n",
        "\n\n",
        "\r\n",
        ". ",
        "!» ",
        "👍🏽",
        "👩‍👩‍👧‍👦",
        "🇷🇺",
        "й",
        "é́́",
        "שלום",
        "\u202e",
        "𝔸",
        "\u200d",
        "\t",
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=120).map("".join)


def cuts(parts: list[str]) -> list[int]:
    ends, length = [], 0
    for part in parts[:-1]:
        length += len(part)
        ends.append(length)
    return ends


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.integers(min_value=20, max_value=200))
@example("👍🏽" * 40, 21)
def test_nothing_is_lost_and_no_character_is_split(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert "".join(parts) == text
    assert all(0 < units(part) <= limit for part in parts)
    clusters = [match.span() for match in regex.finditer(r"\X", text)]
    for cut in cuts(parts):
        start, end = next(span for span in clusters if span[0] <= cut < span[1])
        assert start == cut or units(text[start:end]) > limit


@given(st.text(max_size=50))
def test_a_short_text_stays_whole(text: str) -> None:
    assert split(text) == ([text] if text else [])


def test_a_message_of_exactly_the_limit_is_one_part() -> None:
    assert [len(part) for part in split("x" * LIMIT_UNITS)] == [4096]
    assert [len(part) for part in split("x" * LIMIT_UNITS + "y")] == [4096, 1]


def test_length_is_counted_as_telegram_counts() -> None:
    assert units("👍") == 2
    assert [len(part) for part in split("👍" * LIMIT_UNITS)] == [2048, 2048]


def test_the_best_place_in_the_second_half_is_taken() -> None:
    assert split("one two\n\nthree four. five six", 22) == ["one two\n\nthree four. ", "five six"]
    assert split("aaaaaaaaaa\n\nbbb\nccc. ddd eee", 20) == ["aaaaaaaaaa\n\n", "bbb\nccc. ddd eee"]
    assert split("aaaaaaaaaabb\nbb. cc ddd", 18) == ["aaaaaaaaaabb\n", "bb. cc ddd"]
    assert split("aaaaaaaaaa bb ccccccccc", 18) == ["aaaaaaaaaa bb ", "ccccccccc"]


def test_a_pile_of_accents_that_is_too_long_is_split_between_them() -> None:
    pile = "e" + "\u0301" * 100
    parts = split(pile, 40)
    assert "".join(parts) == pile
    assert max(map(len, parts)) == 40


def test_half_a_surrogate_pair_becomes_what_can_be_sent() -> None:
    assert well_formed("a\ud800b") == "a\ufffdb"
    assert well_formed("\ud83d\udc4d") == "👍"
    assert well_formed("обычный текст 👍\x00") == "обычный текст 👍\x00"
