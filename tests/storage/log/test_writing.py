"""The door to writing: one class of many ideas."""

from __future__ import annotations

import itertools
from collections import defaultdict

import pytest

from storage.log.review.reading import Reading
from storage.log.transaction import Transaction
from storage.log.writing import Writing


@pytest.mark.parametrize("door", [Writing, Reading])
def test_no_idea_hides_a_method_of_another_one(door: type[Transaction]) -> None:
    holders: defaultdict[str, list[type]] = defaultdict(list)
    for each in door.__mro__:
        for name in vars(each):
            if not name.startswith("__"):
                holders[name].append(each)

    hidden = {
        name: [each.__name__ for each in classes]
        for name, classes in holders.items()
        # Whoever refines a method of its own base class means to.
        if not all(issubclass(nearer, farther) for nearer, farther in itertools.pairwise(classes))
    }

    assert hidden == {}
