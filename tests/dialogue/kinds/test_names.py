"""Names in their many spellings."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogue.kinds.names import is_near, key_of, tally

NAMES = st.text(alphabet="abcdeкинотё -«»\"1'", max_size=12)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("КИНО", "кино"),
        ("«Кино»", "“Кино”"),
        ("Чёрный обелиск", "Черный обелиск"),
        ("A-ha", "A—ha"),
        ("A-ha", "A ha"),
        ("The Beatles", "Beatles"),
        ("Nautilus Pompilius", "Наутилус Помпилиус"),
        ("Metallica", "Металлика"),
        ("Аквариум", "Akvarium"),
        ("Guns N' Roses", "Guns N’ Roses"),
        ("Sigur Rós", "Sigur Ros"),
        ("Агата Кристи", " агата  кристи. "),
    ],
)
def test_spellings_of_one_name_have_one_key(one: str, other: str) -> None:
    assert key_of(one) == key_of(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Led Zeppelin", "Led Zepelin"), ("Nirvana", "Nirvanna"), ("Scorpions", "Scorpion")]
)
def test_misspellings_are_near(one: str, other: str) -> None:
    assert key_of(one) == key_of(other) or is_near(key_of(one), key_of(other))


@pytest.mark.parametrize(
    ("one", "other"), [("Terminator 1", "Terminator 2"), ("ДДТ", "ДДЦ"), ("Muse", "Moby"), ("Blur", "Blue")]
)
def test_different_names_are_not_near(one: str, other: str) -> None:
    assert not is_near(key_of(one), key_of(other))


@given(NAMES)
def test_neither_case_nor_quotation_marks_change_a_key(name: str) -> None:
    assert key_of(name.upper()) == key_of(name.lower())
    assert key_of(f"«{name}»") == key_of(name)


@given(st.lists(st.lists(NAMES, max_size=4), max_size=20))
def test_no_name_has_more_votes_than_there_are_voters(variants: list[list[str]]) -> None:
    votes = tally(variants)

    voters = sum(any(key_of(name) for name in names) for names in variants)
    assert all(1 <= each.votes <= voters for each in votes)
    assert [each.votes for each in votes] == sorted((each.votes for each in votes), reverse=True)
    assert {each.name for each in votes} <= {name for names in variants for name in names}


@given(st.lists(st.sampled_from(["Blur", "Muse", "Pulp", "Кино"]), max_size=20), st.randoms())
def test_the_order_of_the_variants_changes_no_votes(ballots: list[str], chance: Random) -> None:
    shuffled = list(ballots)
    chance.shuffle(shuffled)

    votes = {each.name: each.votes for each in tally([name] for name in ballots)}
    assert votes == Counter(ballots)
    assert votes == {each.name: each.votes for each in tally([name] for name in shuffled)}


def test_votes_for_near_spellings_go_to_the_frequent_one() -> None:
    (votes,) = tally([["Led Zeppelin"], ["Led Zeppelin"], ["Led Zepelin"], ["Led Zepplen"]])

    assert (votes.name, votes.votes) == ("Led Zeppelin", 4)
