"""In which order things were said, and what of it the model knew when it wrote a turn.

Turns are rows of the table `turns`. What a person says has its id for ever: the row has the newest wording, older ones
are dropped rows, each with the id of the next older one in `replaces`. A new version of a reply is a new row instead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from dialogue.turns import Ask, Dialogue, Speaker, Turn
from storage.records import Author, TurnState

Said = Row[Any]


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


def given(written: Said, said: Sequence[Said], answers: Mapping[str, Collection[int]], begun_at: float) -> Dialogue:
    """Return what the model was given to write a turn.

    Args:
        written: the turn, with what was `asked`.
        said: all turns of its dialogue, by id.
        answers: the ids of the turns that each reply answers, by its `reply_id`.
        begun_at: when the model began, seconds since the epoch; what was taken back later is part of it.
    """
    by_id = {row.id: row for row in said}
    newest = {row.replaces: row for row in said if row.speaker == Speaker.PERSON and row.replaces in by_id}
    messages = {_newest(by_id[id], newest).id: by_id[id] for id in answers.get(written.reply_id, ()) if id in by_id}
    question = [_wording(messages[id], by_id, begun_at) for id in sorted(messages) if messages[id].ask == Ask.SAY]
    before = [row for row in said if _is_there(row, begun_at) and row.id < written.id and row.id not in messages]
    first = min(messages, default=written.id)

    def is_placed(row: Said) -> bool:
        # What has its place is older than what is answered, but for what was asked anew.
        return row.id < first or (row.created_at <= begun_at and _is_before(row, written, messages.values()))

    earlier = [
        _wording(row, by_id, begun_at)
        for row in before
        if row.speaker == Speaker.PERSON
        and row.ask == Ask.SAY
        and row.id not in newest
        and row.state != TurnState.PUT_ASIDE
        and is_placed(row)
    ]
    replies = [
        row
        for row in before
        if row.speaker == Speaker.BOT
        and row.position is not None
        and row.id != written.replaces
        and (
            # What was there before the question was said was there for the model, whatever the clocks say.
            (bool(messages) and row.id < first)
            or row.created_at <= begun_at
            # The reply before it was perhaps recorded when the model had begun already.
            or (row.author == Author.MODEL and _is_before(row, written, messages.values()))
        )
    ]
    replaced = {row.replaces for row in replies}
    replies = [row for row in replies if row.id not in replaced]
    continued = [by_id[written.replaces]] if written.asked == Ask.CONTINUE and written.replaces in by_id else []
    turns = [*_merged(earlier, replies, answers), *question, *continued]
    dialogue = Dialogue(tuple(Turn(Speaker(row.speaker), row.text) for row in turns))
    # Another version that came too late stands nowhere, so it is not known what it would have replaced.
    is_late = written.position is None and written.asked == Ask.RETRY
    return dialogue.without_last_reply() if is_late else dialogue


def _versions(rows: Sequence[Said]) -> list[list[Said]]:
    """Return the turns in groups of what are versions of each other."""
    group = {row.id: [row] for row in rows}
    for row in rows:
        if row.replaces in group and group[row.replaces] is not group[row.id]:
            merged = [*group[row.replaces], *group[row.id]]
            group.update((each.id, merged) for each in merged)
    return list({id(versions): versions for versions in group.values()}.values())


def _newest(row: Said, newest: dict[int, Said]) -> Said:
    while row.id in newest:
        row = newest[row.id]
    return row


def _wording(row: Said, by_id: dict[int, Said], at: float) -> Said:
    """Return the row with the wording that a message had at that time."""
    found = row
    while row.replaces in by_id:
        row = by_id[row.replaces]
        if row.dropped_at > at:
            found = row
    return found


def _is_there(row: Said, at: float) -> bool:
    return row.dropped_at is None or bool(row.dropped_at > at)


def _is_before(row: Said, written: Said, messages: Collection[Said]) -> bool:
    """Say whether a turn has its place before the one that was written, or before what that answers."""
    places = [each.position for each in messages if each.position is not None]
    place = written.position if written.position is not None else min(places, default=0)
    return row.position is not None and bool(row.position < place)


def _merged(
    messages: Sequence[Said], replies: Sequence[Said], answers: Mapping[str, Collection[int]]
) -> Iterator[Said]:
    """Yield messages and replies in order: each message before what answered it, others at their own places."""
    place = {id: row.position for row in replies for id in answers.get(row.reply_id, ())}
    keyed = [
        *((place.get(row.id, row.position or 0), row.id in place, False, row.id, row) for row in messages),
        *((row.position, True, True, row.id, row) for row in replies),
    ]
    yield from (row for *_, row in sorted(keyed, key=lambda each: each[:4]))
