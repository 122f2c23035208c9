"""Rows are measured as a trainer reads them: the texts, and nothing that stands beside them."""

from __future__ import annotations

import pytest

from storage.export.lengths import Lengths, Ruler, texts_of
from storage.export.wanted import Format, Wanted
from tests.storage.export.studio import Studio

WORDS = Ruler("words", lambda text: len(text.split()))


@pytest.mark.parametrize(
    ("row", "texts"),
    [
        ({"prompt": "a", "chosen": "b", "rejected": "c", "source": "no", "confidence": 0.5}, ["a", "b", "c"]),
        (
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 1}]},
            ["a", "b"],
        ),
        ({"conversations": [{"from": "human", "value": "a"}], "system": "s"}, ["a", "s"]),
        ({"segments": [{"label": False, "text": "a"}, {"label": True, "text": "b"}]}, ["a", "b"]),
        ({"instruction": "a", "input": "", "output": "b", "history": [["c", "d"]]}, ["a", "", "b", "c", "d"]),
    ],
)
def test_roles_and_labels_are_no_texts(row: dict[str, object], texts: list[str]) -> None:
    assert list(texts_of(row)) == texts


def test_lengths_are_those_of_the_rows() -> None:
    lengths = Lengths(WORDS)
    for words in range(1, 101):
        lengths.add({"text": "word " * words}, characters=2 * words)

    assert lengths.facts() == {
        "unit": "characters of JSON",
        "all": 10_100,
        "longest_row": 200,
        "tokens": {"model": "words", "all": 5_050, "median_row": 50, "row_of_95_percent": 95, "longest_row": 100},
    }


async def test_an_export_says_how_many_tokens_it_has(studio: Studio) -> None:
    place = await studio.place()
    await studio.exchange(place, "Привет", "Здравствуйте!")

    wanted = Wanted(is_unreviewed_wanted=True)
    exported = await studio.export(Format.PROMPT_COMPLETION, wanted=wanted, ruler=WORDS)
    (row,) = await studio.rows(Format.PROMPT_COMPLETION, wanted)

    words = len(row["prompt"].split()) + len(row["completion"].split())
    assert exported.facts["lengths"]["tokens"]["all"] == words
