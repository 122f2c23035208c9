"""In which order things were said, and what of it the model knew when it wrote a turn.

Turns are rows of the table `turns`. What a person says has its id for ever: the row has the newest wording, older ones
are dropped rows, each with the id of the next older one in `replaces`. A new version of a reply is a new row instead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from dialogue.turns import Ask, Speaker
from storage.records import Author, TurnState

Said = Any
"""A row of the table, or what has its columns as attributes."""


def in_order(rows: Sequence[Said]) -> list[Said]:
    """Return the turns of a dialogue as they were said, what waits last.

    Versions stand next to each other, the older one first; what else people do not see stands where it was said.
    """
    spoken = [row for row in rows if row.dropped_at is None and row.ask == Ask.SAY]
    spoken.sort(key=lambda row: (row.position is None, row.position, row.id))
    index = {row.id: number for number, row in enumerate(spoken)}
    groups = _versions(rows)
    begun = [
        # What was only proposed was not said: such a version does not count.
        min([each.id for each in group if each.position is not None] or [each.id for each in group])
        for group in groups
    ]
    ends = [max(index.get(each.id, -1) for each in group) for group in groups]

    def place(row: Said, group: Sequence[Said], first: int) -> tuple[int, ...]:
        shown = row if row.id in index else next((each for each in group if each.id in index), None)
        if shown is None:
            behind = max((end for start, end in zip(begun, ends, strict=True) if start < first), default=-1)
            return behind, 2, first, row.version, row.id
        is_newer = (row.version, row.id) >= (shown.version, shown.id)
        return index[shown.id], int(is_newer), 0, row.version, row.id

    places = {row.id: place(row, group, start) for group, start in zip(groups, begun, strict=True) for row in group}
    return sorted(rows, key=lambda row: places[row.id])


class Knowledge:
    """What the model knew of a dialogue whenever it wrote a turn.

    Args:
        said: all turns of the dialogue, by id.
        answers: the ids of the turns that each reply answers, by its `reply_id`.
    """

    def __init__(self, said: Sequence[Said], answers: Mapping[Any, Collection[int]]) -> None:
        self._said, self._answers = said, answers
        self._by_id = {row.id: row for row in said}
        self._newest = {
            row.replaces: row for row in said if row.replaces in self._by_id and row.speaker == Speaker.PERSON
        }

    def given(self, written: Said, begun_at: float) -> list[Said]:
        """Return what the model was given to write a turn, in order.

        Args:
            written: the turn, with what was `asked`.
            begun_at: when the model began, seconds since the epoch; what was taken back later is part of it.
        """
        by_id, newest = self._by_id, self._newest
        answered = self._answers.get(written.reply_id, ())
        messages = {self._last_wording(by_id[id]).id: by_id[id] for id in answered if id in by_id}
        first = min(messages, default=written.id)
        places = [each.position for each in messages.values() if each.position is not None]
        place = written.position if written.position is not None else min(places, default=0)

        # Column by column for all turns of all dialogues: what is told by one comparison is not asked by a call.
        earlier, replies = [], []
        for row in self._said:
            if row.id >= written.id:
                break
            if row.id in messages or (row.dropped_at is not None and row.dropped_at <= begun_at):
                continue
            position, is_in_time = row.position, row.created_at <= begun_at
            is_before = position is not None and position < place
            if row.speaker == Speaker.PERSON:
                # What has its place is older than what is answered, but for what was asked anew.
                is_placed = row.id < first or (is_in_time and is_before)
                is_message = row.ask == Ask.SAY and row.id not in newest and row.state != TurnState.PUT_ASIDE
                if is_placed and is_message:
                    earlier.append(self._wording(row, begun_at))
            elif position is not None and row.id != written.replaces:
                # What was there before the question was said was there for the model, whatever the clocks say. And the
                # reply before it was perhaps recorded when the model had begun already.
                is_older = bool(messages) and row.id < first
                if is_older or is_in_time or (is_before and row.author == Author.MODEL):
                    replies.append(row)
        replaced = {row.replaces for row in replies}
        replies = [row for row in replies if row.id not in replaced]

        question = [self._wording(messages[id], begun_at) for id in sorted(messages) if messages[id].ask == Ask.SAY]
        is_continuing = written.asked == Ask.CONTINUE and written.replaces in by_id
        continued = [by_id[written.replaces]] if is_continuing else []
        rows = [*_merged(earlier, replies, self._answers), *question, *continued]
        # Another version that came too late stands nowhere, so it is not known what it would have replaced.
        is_late = written.position is None and written.asked == Ask.RETRY
        return rows[:-1] if is_late and rows and rows[-1].speaker == Speaker.BOT else rows

    def _last_wording(self, row: Said) -> Said:
        while row.id in self._newest:
            row = self._newest[row.id]
        return row

    def _wording(self, row: Said, at: float) -> Said:
        """Return the row with the wording that a message had at that time."""
        found = row
        while row.replaces in self._by_id:
            row = self._by_id[row.replaces]
            if row.dropped_at > at:
                found = row
        return found


def _versions(rows: Sequence[Said]) -> list[list[Said]]:
    """Return the turns in groups of what are versions of each other."""
    group = {row.id: [row] for row in rows}
    for row in rows:
        if row.replaces in group and group[row.replaces] is not group[row.id]:
            merged = [*group[row.replaces], *group[row.id]]
            group.update((each.id, merged) for each in merged)
    return list({id(versions): versions for versions in group.values()}.values())


def _merged(
    messages: Sequence[Said], replies: Sequence[Said], answers: Mapping[Any, Collection[int]]
) -> Iterator[Said]:
    """Yield messages and replies in order: each message before what answered it, others at their own places."""
    place = {id: row.position for row in replies for id in answers.get(row.reply_id, ())}
    keyed = [
        *((place.get(row.id, row.position or 0), row.id in place, False, row.id, row) for row in messages),
        *((row.position, True, True, row.id, row) for row in replies),
    ]
    keyed.sort(key=itemgetter(0, 1, 2, 3))
    return (row for *_, row in keyed)
