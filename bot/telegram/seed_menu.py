"""The menu of seeds: what they do, and for each of these groups the seeds, in the chat's language first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.telegram.keyboards import Buttons, marked
from bot.texts import text
from dialogue.forms import Group
from dialogue.seeds import Seed, Seeds

FRONT = "seeds"
"""The data of buttons that lead to the front page."""

# Titles and descriptions as long as seeds may have them still fit into one message of 4,096 UTF-16 units.
_SEEDS_PER_PAGE = 8
_GROUPS_PER_ROW = 2

Shelf = Sequence[Seed]
"""Seeds of one group and one language that are shown together."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a message of the menu shows at a time."""

    words: str
    buttons: Buttons


def seed_menu(seeds: Seeds, chosen: str, language: str) -> dict[str, Page]:
    """Return every page by the data of the buttons that lead to it; of a single group, the seeds are the front page.

    Args:
        chosen: the name of the seed to be marked; what leads to it is marked as well.
        language: that of the chat.
    """
    found = {group: _shelves([seed for seed in seeds if seed.group is group], language) for group in Group}
    groups = {group: shelves for group, shelves in found.items() if shelves}
    pages: dict[str, Page] = {}
    if len(groups) > 1:
        pages[FRONT] = _front(groups, chosen, language)
    for group, shelves in groups.items():
        first = f"{FRONT}:{group}" if len(groups) > 1 else FRONT
        addresses = [first, *(f"{FRONT}:{group}:{number}" for number in range(1, len(shelves)))]
        for number, address in enumerate(addresses):
            back = addresses[number - 1] if number else FRONT
            ways = [(text("button_back", language), back)] if back != address else []
            if onward := shelves[number + 1 :]:
                label = _onward(shelves[number], onward[0], language)
                ways.append((_marked_where(chosen, label, onward), addresses[number + 1]))
            pages[address] = Page(_listed(group, shelves[number], language), _choices(shelves[number], chosen, ways))
    return pages


def _shelves(seeds: Sequence[Seed], language: str) -> list[Shelf]:
    own = [seed for seed in seeds if seed.language == language]
    others = [seed for seed in seeds if seed.language != language]
    return [
        some[start : start + _SEEDS_PER_PAGE]
        for some in (own, others)
        for start in range(0, len(some), _SEEDS_PER_PAGE)
    ]


def _front(groups: dict[Group, list[Shelf]], chosen: str, language: str) -> Page:
    buttons = [
        (_marked_where(chosen, text(f"group_{group}", language), shelves), f"{FRONT}:{group}")
        for group, shelves in groups.items()
    ]
    rows = [tuple(buttons[start : start + _GROUPS_PER_ROW]) for start in range(0, len(buttons), _GROUPS_PER_ROW)]
    return Page(text("choose_group", language), tuple(rows))


def _listed(group: Group, shelf: Shelf, language: str) -> str:
    head = text("choose_seed", language, group=text(f"group_{group}", language))
    return "\n".join([head, "", *(f"{seed.title} — {seed.description}" for seed in shelf)])


def _choices(shelf: Shelf, chosen: str, ways: Sequence[tuple[str, str]]) -> Buttons:
    rows = [((marked(seed.title, seed.name == chosen), f"seed:{seed.name}"),) for seed in shelf]
    return (*rows, tuple(ways)) if ways else tuple(rows)


def _onward(shelf: Shelf, following: Shelf, language: str) -> str:
    is_same = shelf[0].language == following[0].language
    return text("button_more" if is_same else f"button_in_{following[0].language}", language)


def _marked_where(chosen: str, label: str, shelves: Sequence[Shelf]) -> str:
    return marked(label, any(seed.name == chosen for shelf in shelves for seed in shelf))
