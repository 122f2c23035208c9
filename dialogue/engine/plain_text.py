"""Keeps the text of people plain: well-formed Unicode, and no marker that a server would take for a special token."""

from __future__ import annotations

import re

MARKER = re.compile(r"[<\[][|/]?[^\s<>\[\]]{1,40}[>\]]")
"""The shape of special tokens: `<eos>`, `</s>`, `<|im_end|>`, `[INST]`; the longest in use have about 30 characters."""

WORD_JOINER = "\u2060"


def well_formed(text: str) -> str:
    """Return the text with every lone surrogate replaced by U+FFFD, as no tokenizer and no server takes one."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def disarmed(text: str) -> str:
    """Return the text with an invisible word joiner behind the bracket of everything that is shaped like a marker."""
    return MARKER.sub(lambda match: match[0][0] + WORD_JOINER + match[0][1:], text)
