"""What a person said, as it may stand in the middle of a form without forging anything."""

from __future__ import annotations

import re
import unicodedata

from dialogue.errors import TranscriptError
from dialogue.turns import Dialogue, Speaker


def last_words(dialogue: Dialogue) -> str:
    """Return what the person has said since the bot's last turn, a line a message.

    Raises:
        TranscriptError: the last word was the bot's.
    """
    said: list[str] = []
    for turn in reversed(dialogue.turns):
        if turn.speaker is not Speaker.PERSON:
            break
        said.insert(0, turn.text)
    if not said:
        raise TranscriptError("there are no words of a person at the end to answer")
    return "\n".join(said)


def on_one_line(text: str) -> str:
    """Return the text with one space for each run of white space, line breaks and invisible characters."""
    visible = "".join(" " if unicodedata.category(character) in _INVISIBLE else character for character in text)
    return " ".join(visible.split())


def without_quotes(text: str) -> str:
    """Return the text with every quotation mark that may close a name turned into an apostrophe."""
    return _QUOTES.sub("'", text)


def without_arrows(text: str) -> str:
    """Return the text with a comma for every arrow: in an example they stand between question and answer."""
    return on_one_line(_ARROWS.sub(", ", text))


# Control and format characters, lone surrogates, and what Unicode itself calls separators of lines and paragraphs.
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")
_QUOTES = re.compile('["«»“”„‟‹›〝〞＂]')
_ARROWS = re.compile("[-–—−=~ー―]*\\s*[>＞›»]+|[→⇒⟶➔➜]")
