"""Figures of a span of time: how much was said, how much of it was reviewed, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Integer, bindparam, case, cast, exists, func, select

from dialogue.turns import Ask, Outcome, Speaker
from storage.log.tables import (
    answers,
    dialogues,
    generations,
    is_spoken_in,
    promotions,
    replies,
    thumbs,
    turns,
    verdicts,
)
from storage.log.transaction import Transaction
from storage.records import Author
from storage.reviewed import Approval

WAITS_S = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Limits between the bars of the plot of waiting times; what took longer than the last is a bar of its own."""

_since = bindparam("since", type_=turns.c.created_at.type)
_until = bindparam("until", type_=turns.c.created_at.type)
_bar_s = bindparam("bar_s", type_=turns.c.created_at.type)
_in_time = (turns.c.created_at >= _since) & (turns.c.created_at < _until)
_is_reply = (turns.c.author == Author.MODEL) & turns.c.dropped_at.is_(None)
# However often it was reworded, a message has one turn of version 1.
_is_message = (turns.c.speaker == Speaker.PERSON) & (turns.c.version == 1)
_asked = turns.alias("asked")
# A new version also answers the wish for it, and so do those that replace it in turn.
_is_retried = (turns.c.version > 1) & exists().where(
    answers.c.reply_id == turns.c.reply_id, answers.c.turn_id == _asked.c.id, _asked.c.ask == Ask.RETRY
)
_is_judged = (verdicts.c.rating != "") | (verdicts.c.correction != "")


_group = (dialogues.c.seed, dialogues.c.model, dialogues.c.promotion)


def _count_if(condition: Any) -> Any:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


_read_turns = (
    select(
        *_group,
        func.count(dialogues.c.id.distinct()).label("dialogues"),
        _count_if(_is_message).label("messages"),
        _count_if(_is_reply).label("replies"),
        _count_if(_is_reply & _is_judged).label("reviewed"),
        _count_if(_is_reply & _is_retried).label("retries"),
        _count_if(turns.c.author == Author.OPERATOR).label("by_operators"),
    )
    .join_from(turns, dialogues)
    .outerjoin(verdicts, verdicts.c.turn_id == turns.c.id)
    .where(_in_time, turns.c.ask == Ask.SAY, is_spoken_in)
    .group_by(*_group)
    .order_by(func.count(dialogues.c.id.distinct()).desc())
)
_read_approvals = (
    select(*_group, dialogues.c.approval, func.count().label("many"))
    .where(is_spoken_in, dialogues.c.last_at >= _since, dialogues.c.last_at < _until)
    .group_by(*_group, dialogues.c.approval)
)
_read_thumbs = (
    select(*_group, thumbs.c.is_up, func.count().label("many"))
    .join_from(thumbs, turns, turns.c.id == thumbs.c.turn_id)
    .join(dialogues, dialogues.c.id == turns.c.dialogue_id)
    .where(_in_time)
    .group_by(*_group, thumbs.c.is_up)
)
_read_promoted = select(promotions.c.id, promotions.c.stand_in, promotions.c.adapter, promotions.c.share)
_bar = cast(func.floor((turns.c.created_at - _since) / _bar_s), Integer())
_read_course = (
    select(
        _bar.label("bar"),
        _count_if(_is_message).label("messages"),
        _count_if(_is_reply).label("replies"),
    )
    .where(_in_time, turns.c.ask == Ask.SAY)
    .group_by(_bar)
)
# A reply may have taken several draws, one after the other.
_waits = (
    select(
        (func.min(generations.c.queued_s + generations.c.first_token_s)).label("first_token_s"),
        (func.max(generations.c.queued_s) + func.sum(generations.c.duration_s)).label("wait_s"),
    )
    .join_from(replies, generations)
    .where(
        replies.c.created_at >= _since,
        replies.c.created_at < _until,
        replies.c.outcome == Outcome.ANSWERED,
        ~replies.c.is_stale,
    )
    # By their time first: by ids alone SQLite would go through the replies of all times.
    .group_by(replies.c.created_at, replies.c.id)
    .subquery("waits")
)
_read_waits = select(
    *(_count_if(_waits.c.wait_s <= limit_s).label(f"within_{number}") for number, limit_s in enumerate(WAITS_S)),
    func.count().label("replies"),
    func.avg(_waits.c.first_token_s).label("first_token_s"),
    func.avg(_waits.c.wait_s).label("wait_s"),
)


@dataclass(slots=True)
class Figures:
    """What was said and what came of it, of all or of one seed, model and promotion.

    Args:
        promotion: 0 for what the seed answered itself.
        answered_by: in a few words, what was promoted; empty where nothing was.
    """

    seed: str = ""
    model: str = ""
    promotion: int = 0
    answered_by: str = ""
    dialogues: int = 0
    messages: int = 0
    replies: int = 0
    reviewed: int = 0
    retries: int = 0
    by_operators: int = 0
    approved: int = 0
    rejected: int = 0
    thumbs_up: int = 0
    thumbs_down: int = 0

    def add(self, other: Figures) -> None:
        """Add the numbers of another."""
        for name in ("dialogues", "messages", "replies", "reviewed", "retries", "by_operators"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("approved", "rejected", "thumbs_up", "thumbs_down"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def reviewed_share(self) -> float | None:
        """The share of replies that an operator has judged; None without replies."""
        return self.reviewed / self.replies if self.replies else None

    @property
    def approval_rate(self) -> float | None:
        """The share of decided dialogues that were approved; None where none is decided."""
        decided = self.approved + self.rejected
        return self.approved / decided if decided else None

    @property
    def retry_share(self) -> float | None:
        """The share of replies that were asked for again; None without replies."""
        return self.retries / self.replies if self.replies else None


@dataclass(frozen=True, slots=True)
class Overview:
    """The figures of a span of time.

    Args:
        course: (messages, replies) of each bar of `bar_s` seconds, from `since` on.
        waits: replies by how long the person waited: within each of `WAITS_S` and not within the one before, then more.
        first_token_s, wait_s: means, in seconds, from the message to the first token and to the end of the reply.
    """

    since: float
    until: float
    bar_s: float
    total: Figures
    groups: tuple[Figures, ...]
    course: tuple[tuple[int, int], ...]
    waits: tuple[int, ...]
    first_token_s: float | None
    wait_s: float | None


class Overviews(Transaction):
    """Figures."""

    async def overview(self, since: float, until: float, bars: int = 24) -> Overview:
        """Return the figures from `since` to `until`, seconds since the epoch."""
        span = {"since": since, "until": until}
        bar_s = (until - since) / bars
        groups: dict[tuple[str, str, int], Figures] = {}
        promoted = {row.id: row for row in await self._run(_read_promoted)}

        def group(row: Any) -> Figures:
            words = _words(promoted.get(row.promotion))
            figures = Figures(row.seed, row.model, row.promotion, words)
            return groups.setdefault((row.seed, row.model, row.promotion), figures)

        for row in await self._run(_read_turns, span):
            group(row).add(Figures(**row._asdict()))
        for row in await self._run(_read_approvals, span):
            if row.approval == Approval.APPROVED:
                group(row).approved += row.many
            elif row.approval == Approval.REJECTED:
                group(row).rejected += row.many
        for row in await self._run(_read_thumbs, span):
            if row.is_up:
                group(row).thumbs_up += row.many
            else:
                group(row).thumbs_down += row.many
        total = Figures()
        for each in groups.values():
            total.add(each)
        course = [(0, 0)] * bars
        for row in await self._run(_read_course, {**span, "bar_s": bar_s}):
            course[min(int(row.bar), bars - 1)] = (int(row.messages), int(row.replies))
        waits = (await self._run(_read_waits, span)).one()
        within = [int(getattr(waits, f"within_{number}")) for number in range(len(WAITS_S))] + [int(waits.replies)]
        return Overview(
            since,
            until,
            bar_s,
            total,
            tuple(groups.values()),
            tuple(course),
            tuple(more - fewer for fewer, more in zip([0, *within], within, strict=False)),
            waits.first_token_s,
            waits.wait_s,
        )


def _words(promotion: Any) -> str:
    if promotion is None:
        return ""
    what = promotion.adapter or promotion.stand_in
    return what if promotion.share >= 1 else f"{what}, {100 * promotion.share:.4g} %"
