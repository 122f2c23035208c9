"""What a seed has besides its text: the form that a person's words are put into, and where an answer ends."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from dialogue.checked_table import CheckedTable

PLACE = "{input}"
"""Where a template has the person's words."""

CLOSING = {"«": "»", "“": "”", '"': '"'}
"""The quotation marks that may open a name, and those that close it."""


class SeedKind(StrEnum):
    """What is made of the text that the model writes."""

    DIALOGUE = "dialogue"
    COMPLETION = "completion"
    VOTE = "vote"
    ANSWER = "answer"
    JSON = "json"
    LINES = "lines"


class Group(StrEnum):
    """What a seed does for people, for lists."""

    TALK = "talk"
    RECOMMEND = "recommend"
    REVIEW = "review"
    ANSWER = "answer"
    TRANSLATE = "translate"
    WRITE = "write"


class Until(StrEnum):
    """Where an answer ends: with a line, a sentence, the quotation, or where the next example begins."""

    LINE = "line"
    SENTENCE = "sentence"
    QUOTE = "quote"
    EXAMPLE = "example"


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a seed.

    Args:
        template: what stands behind the seed's text, with `{input}` where the person's words go.
        opening: what the model's text is made to begin with.
        variants: how many are drawn for a vote.
        parameters: names and usual values that stand before a question of the kind `json`.
        schema: the keys that an object must have, each with `text`, `number` or `boolean`.
    """

    template: str = ""
    opening: str = ""
    until: Until = Until.LINE
    variants: int = 1
    parameters: tuple[tuple[str, str], ...] = ()
    schema: tuple[tuple[str, str], ...] = ()


def read_form(table: CheckedTable, kind: SeedKind) -> Form:
    """Take from a table what this kind needs; the keys of other kinds are unknown to it."""
    if kind is SeedKind.DIALOGUE:
        return Form()
    if kind is SeedKind.JSON:
        return _of_objects(table)
    template = table.text("template", max_chars=1000, default=_TEMPLATES.get(kind))
    if template and template.count(PLACE) != 1:
        table.refuse("template", f"must have {PLACE} once, for what the person says")
    if kind is SeedKind.VOTE:
        opening = table.choice("opening", CLOSING)
        return Form(template, opening, variants=table.number("variants", 16, 2, 64))
    opening = table.line("opening", max_chars=100, default="")
    until = Until(table.choice("until", list(Until), default=Until.LINE))
    if until is Until.QUOTE and opening not in CLOSING:
        table.refuse("opening", f"{opening!r} must be one of {' '.join(CLOSING)} where the answer ends with a quote")
    return Form(template, opening, until)


# Without the space behind them: tokenizers join it to the word after it.
_TEMPLATES = {SeedKind.ANSWER: f"Q: {PLACE}\nA:", SeedKind.LINES: f"{PLACE} —>"}
_KEY = re.compile(r"[a-z][a-z0-9_]{0,31}")


def _of_objects(table: CheckedTable) -> Form:
    schema = table.table("schema").lines(("text", "number", "boolean"))
    parameters = table.table("parameters").lines()
    if not schema:
        table.refuse("schema", "must name at least one key that the model fills in")
    for key in [*schema, *parameters]:
        if not _KEY.fullmatch(key) or key == "question":
            table.refuse("schema", f"{key!r} must be small Latin letters, digits and _, and not question")
    if set(schema) & set(parameters):
        table.refuse("parameters", "must not have a key of the schema")
    return Form(parameters=tuple(parameters.items()), schema=tuple(schema.items()))
