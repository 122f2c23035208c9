"""`json`: parameters and a question in, an object out that is checked against the seed's schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from dialogue.errors import TranscriptError
from dialogue.kinds.kind import Answer
from dialogue.kinds.words import last_words
from dialogue.seeds import Seed
from dialogue.turns import Dialogue, Speaker, StopReason

_PARAMETER = re.compile(r"\s*(\w+)=(\S+)\s+(?=\S)")
# json leaves these as they are, though to others they end a line; and half a pair is no text.
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_CHARACTER = r"""[^"\\\x00-\x1f\x7f-\x9f\u2028\u2029]|\\(?:["\\/bfnrt]|u[0-9a-cefA-CEF][0-9a-fA-F]{3})"""
_VALUES = {
    # Not of white space alone.
    "text": rf'" *(?:(?! ){_CHARACTER})(?:{_CHARACTER})*"',
    "number": r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?",
    "boolean": r"(?:true|false)",
}


class Objects:
    """Goes on with one line of JSON Lines, and passes on only what can be read and is as the schema says."""

    keeps_history = False

    def render(self, seed: Seed, dialogue: Dialogue, is_continuing: bool = False) -> str:
        """Write the object up to the first key that the model is to fill in."""
        if is_continuing:
            raise TranscriptError(f"an answer of the seed {seed.name} is whole: it cannot be continued")
        given = asked(last_words(dialogue), seed)
        fields = ", ".join(f"{_quoted(key)}: {_quoted(value)}" for key, value in given.items())
        return f"{seed.head}{{{fields}, {_first_key(seed)}"

    def read(self, prompt: str, seed: Seed) -> Dialogue:
        """Read the parameters that are not the usual ones, and the question."""
        try:
            given = dict(json.loads(prompt.removeprefix(seed.head).removesuffix(f", {_first_key(seed)}") + "}"))
            usual = dict(seed.form.parameters)
            changed = [f"{key}={given[key]}" for key in usual if given[key] != usual[key]]
            dialogue = Dialogue().then(Speaker.PERSON, " ".join([*changed, given["question"]]))
        except (ValueError, TypeError, KeyError, RecursionError):
            dialogue = Dialogue()
        if not dialogue.turns or self.render(seed, dialogue) != prompt:
            raise TranscriptError(f"the prompt is not an object that the seed {seed.name} begins")
        return dialogue

    def stops(self, seed: Seed) -> tuple[str, ...]:
        """Return the end of the line: an object never has one inside."""
        return ("\n",)

    def pattern(self, seed: Seed) -> str:
        """Return the rest of the object: the values of their types, in the order of the schema."""
        (_, first), *others = seed.form.schema
        values = [_VALUES[first], *(f", {re.escape(_quoted(key))}: {_VALUES[wanted]}" for key, wanted in others)]
        return f" ?{''.join(values)}\\}}\n?"

    def draws(self, seed: Seed) -> int:
        """Return one."""
        return 1

    def draft(self, raw: str, seed: Seed) -> str:
        """Return nothing: half an object is none."""
        return ""

    def cut(self, raw: str, stop: StopReason, seed: Seed) -> str:
        """Return the object of what the model wrote; empty where it is broken or not as the schema says."""
        written = read_object(f"{{{_first_key(seed)}{raw.split(chr(10))[0]}", seed)
        return json.dumps(written, ensure_ascii=False) if written is not None else ""

    def answer(self, cuts: Sequence[str], seed: Seed, words: str) -> Answer | None:
        """Return the values as text, and with parameters and question as an object."""
        if not cuts[0]:
            return None
        written = json.loads(cuts[0])
        values = [str(value) for value in written.values()]
        text = values[0] if len(values) == 1 else "\n".join(f"{key}: {value}" for key, value in written.items())
        return Answer(text, {**asked(words, seed), **written})

    def written(self, text: str, seed: Seed, words: str) -> str:
        """Return the object on one line, from the first value on."""
        types = dict(seed.form.schema)
        values = {seed.form.schema[0][0]: text} if len(types) == 1 else _values(text, types)
        line = json.dumps({key: _typed(value, types[key]) for key, value in values.items()}, ensure_ascii=False)
        raw = line.removeprefix(f"{{{_first_key(seed)}")
        answer = self.answer([self.cut(raw, StopReason.TAG, seed)], seed, words)
        return raw if answer is not None and answer.text == text else ""


def asked(words: str, seed: Seed) -> dict[str, str]:
    """Return the seed's parameters, as changed by `name=value` before the question, and the question."""
    given = dict(seed.form.parameters)
    while (match := _PARAMETER.match(words)) and match[1] in given:
        given[match[1]] = match[2]
        words = words[match.end() :]
    return {**given, "question": words.strip()}


def read_object(line: str, seed: Seed) -> dict[str, Any] | None:
    """Read an object that has exactly the keys of the schema with values of their types; None for anything else."""
    try:
        pairs: Any = json.loads(line.strip(), object_pairs_hook=list, parse_constant=_refuse)
        read = dict(pairs)
        is_whole = isinstance(pairs, list) and len(pairs) == len(read)
    except (ValueError, TypeError, RecursionError):
        return None
    schema = dict(seed.form.schema)
    if not is_whole or read.keys() != schema.keys():
        return None
    return read if all(_fits(read[key], schema[key]) for key in schema) else None


def _values(text: str, keys: Iterable[str]) -> dict[str, str]:
    """Return what stands behind each key at the beginning of a line."""
    pieces = re.split(rf"^({'|'.join(map(re.escape, keys))}): ", text, flags=re.MULTILINE)
    return {key: value.removesuffix("\n") for key, value in zip(pieces[1::2], pieces[2::2], strict=True)}


def _typed(text: str, wanted: str) -> object:
    """Return the value that is shown so; the text itself where it is none of this type."""
    if wanted == "boolean":
        return {"True": True, "False": False}.get(text, text)
    try:
        return json.loads(text) if wanted == "number" else text
    except (ValueError, RecursionError):
        return text


def _fits(value: object, wanted: str) -> bool:
    if wanted == "text":
        return isinstance(value, str) and value.strip() != "" and not _UNSAFE.search(value)
    if wanted == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, bool)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _first_key(seed: Seed) -> str:
    return f"{_quoted(seed.form.schema[0][0])}:"


def _quoted(text: str) -> str:
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))
