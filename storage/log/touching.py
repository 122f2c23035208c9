"""What the inbox knows of a dialogue, kept up to date at the end of each transaction that changed it.

At the end, and in the order of the ids: a transaction that takes its locks as it goes would wait for one that waits for
it.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Integer, String, bindparam, case, func, null, select, update

from dialogue.turns import Ask
from storage.log.tables import dialogues, is_kept, turns
from storage.records import DialogueStatus

_last_turn = (
    select(turns.c.id)
    .where(turns.c.dialogue_id == dialogues.c.id, turns.c.ask == Ask.SAY, is_kept)
    .order_by(turns.c.id.desc())
    .limit(1)
    .scalar_subquery()
)
_last_at = (
    select(turns.c.created_at)
    .where(turns.c.dialogue_id == dialogues.c.id, turns.c.ask == Ask.SAY, is_kept)
    .order_by(turns.c.id.desc())
    .limit(1)
    .scalar_subquery()
)
_messages = bindparam("new_messages", type_=Integer())
_model = bindparam("new_model", type_=String())
_promotion = bindparam("new_promotion", type_=dialogues.c.promotion.type)
_likelihood = bindparam("new_likelihood", type_=dialogues.c.likelihood.type)
# Whoever writes again has something to say that the operator who closed the case, or put it off, does not know.
_is_away = (dialogues.c.status == DialogueStatus.RESOLVED) | (dialogues.c.status == DialogueStatus.SNOOZED)
_is_awake = (_messages > 0) & _is_away

touch = (
    update(dialogues)
    .where(dialogues.c.id == bindparam("dialogue"))
    .values(
        last_turn_id=_last_turn,
        last_at=func.coalesce(_last_at, dialogues.c.opened_at),
        touched_at=bindparam("now"),
        messages=dialogues.c.messages + _messages,
        retries=dialogues.c.retries + bindparam("new_retries", type_=Integer()),
        failures=dialogues.c.failures + bindparam("new_failures", type_=Integer()),
        likelihood=case(
            (_likelihood.is_(None), dialogues.c.likelihood),
            (dialogues.c.likelihood < _likelihood, dialogues.c.likelihood),
            else_=_likelihood,
        ),
        model=case((_model == "", dialogues.c.model), else_=_model),
        promotion=case((_model == "", dialogues.c.promotion), else_=_promotion),
        status=case((_is_awake, DialogueStatus.PENDING), else_=dialogues.c.status),
        snoozed_until=case((_is_awake, null()), else_=dialogues.c.snoozed_until),
    )
)
"""Brings the row of a dialogue up to date; takes `dialogue`, `now` and the values of a `Touch`."""


@dataclass(slots=True)
class Touch:
    """What happened to a dialogue in one transaction, besides that its turns changed.

    Args:
        likelihood: the lowest of the new replies; None where none says.
        model: who wrote the last of the new replies; empty where there is none.
        promotion: by which it was written; 0 for none.
    """

    messages: int = 0
    retries: int = 0
    failures: int = 0
    likelihood: float | None = None
    model: str = ""
    promotion: int = 0

    def parameters(self, dialogue_id: str, now: float) -> dict[str, object]:
        """Return what `touch` takes."""
        return {
            "dialogue": dialogue_id,
            "now": now,
            "new_messages": self.messages,
            "new_retries": self.retries,
            "new_failures": self.failures,
            "new_likelihood": self.likelihood,
            "new_model": self.model,
            "new_promotion": self.promotion,
        }
