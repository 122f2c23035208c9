"""Searches that find more than fits on a page."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from storage.log.sql_log import sql_log
from storage.records import DialogueStatus
from storage.reviewed import Approval, InboxFilter, Order
from tests.storage.log.review.conftest import FULL_AT

# One that is in most turns of its language, one in one turn of some thirty, in all its forms, one in a handful; and two
# that often meet.
WORDS = {
    "интернет": r"\bинтернет\b",
    "провода": r"\bпровод(|а|у|ом|е|ы|ов|ам|ами|ах)\b",
    "ladder": r"\bladders?\b",
    "please internet": r"^(?=.*\binternet\b)(?=.*\bplease\b)",
}
FILTERS = {"most": InboxFilter(status=DialogueStatus.PENDING), "some": InboxFilter(approval=Approval.REJECTED)}


async def found(url: str, wanted: InboxFilter) -> list[str]:
    """Return the dialogues of all pages in their order."""
    ids: list[str] = []
    after = ""
    async with sql_log(url, lambda: FULL_AT) as log:
        while True:
            async with log.reviewing() as reading:
                page = await reading.inbox(wanted, after)
            ids += [row.dialogue_id for row in page.rows]
            after = page.next
            if not after:
                return ids


@pytest.mark.parametrize("words", WORDS)
async def test_each_dialogue_is_found_once_where_it_was_said_last(
    full_url: str, full_said: list[tuple[str, str]], words: str
) -> None:
    said_in = [id for id, text in full_said if re.search(WORDS[words], text.lower())]

    assert await found(full_url, InboxFilter(words=words)) == list(dict.fromkeys(reversed(said_in)))


@pytest.mark.parametrize("words", WORDS)
async def test_each_dialogue_is_found_once_where_it_was_said_first(
    full_url: str, full_said: list[tuple[str, str]], words: str
) -> None:
    said_in = [id for id, text in full_said if re.search(WORDS[words], text.lower())]

    assert await found(full_url, InboxFilter(words=words, order=Order.OLDEST)) == list(dict.fromkeys(said_in))


@pytest.mark.parametrize("by", FILTERS)
@pytest.mark.parametrize("words", WORDS)
async def test_a_filter_leaves_those_that_it_lets_through(full_url: str, by: str, words: str) -> None:
    let_through = set(await found(full_url, FILTERS[by]))
    unfiltered = await found(full_url, InboxFilter(words=words))

    filtered = await found(full_url, replace(FILTERS[by], words=words))

    assert filtered == [id for id in unfiltered if id in let_through]
