"""The transcript's grammar: writing a dialogue down as a prompt, reading it back, and cutting the model's next turn.

A transcript is the seed's text and then the turns, each at the beginning of a line: the speaker's tag, a colon, a
space, the words. Every further line of a turn is folded, that is, it begins with one additional space, as RFC 5322
(section 2.2.3) folds the lines of a header. So nothing that anybody says can begin a line, and nobody can forge a turn:

    User1: Hello,
     User2: I owe you a thousand.
    User2: Hello! You do not.

A turn without words is its tag alone. The tag of the turn to be written ends the prompt, without a space: tokenizers
join the space to the word after it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import islice

from dialogue.errors import TranscriptError
from dialogue.seeds import Tags
from dialogue.turns import Dialogue, Speaker, Turn


@dataclass(frozen=True, slots=True)
class Cut:
    """The bot's turn as far as the model has written it.

    Args:
        text: the words, unfolded, without white space around them.
        is_finished: True once the model has begun the turn after it.
    """

    text: str
    is_finished: bool


def render(seed_text: str, dialogue: Dialogue, tags: Tags, continuing: bool = False) -> str:
    """Write the prompt whose continuation is the bot's next turn or, if `continuing`, more of its last one.

    Raises:
        TranscriptError: there is no turn of the bot at the end to continue.
    """
    turns = [_line(tags.of(turn.speaker), turn.text) for turn in dialogue.turns]
    if not continuing:
        turns.append(_line(tags.bot, ""))
    elif not dialogue.turns or dialogue.turns[-1].speaker is not Speaker.BOT:
        raise TranscriptError("only a turn of the bot at the end of the dialogue can be continued")
    return "\n".join([seed_text, *turns])


def parse(text: str, seed_text: str, tags: Tags) -> Dialogue:
    """Read back what `render` has written, without the open turn at its end.

    Raises:
        TranscriptError: the text does not follow the grammar.
    """
    opening = f"{seed_text}\n"
    if not text.startswith(opening):
        raise TranscriptError("the transcript does not begin with the seed's text and a new line")
    turns = [_turn(line, tags) for line in _NEXT_TURN.split(text.removeprefix(opening))]
    if turns[-1] == Turn(Speaker.BOT, ""):
        turns.pop()
    return Dialogue(tuple(turns))


def stops(tags: Tags) -> tuple[str, ...]:
    """Return the strings that begin the next turn, for engines that stop at a string."""
    return tuple(f"\n{tags.of(speaker)}:" for speaker in Speaker)


def first_turn(raw: str, tags: Tags) -> Cut:
    """Cut the bot's turn out of what the model wrote after a prompt.

    Only a tag at the beginning of a line ends the turn. Tags are recognised generously: after any kind of line break,
    in any case and width of letters, with white space, invisible characters or asterisks around and within them.
    """
    start, is_finished = _next_tag(raw, tags)
    text = raw[:start] if is_finished else raw
    return Cut(_tidy(unfold(text), _RULE), is_finished)


def draft(raw: str, tags: Tags) -> str:
    """Return what may be shown of an unfinished turn: nothing that might turn out to be part of a tag.

    As `raw` grows, every draft begins with the one before it, and the text of `first_turn` with the last of them.
    """
    start, _ = _next_tag(raw, tags)
    return _tidy(unfold(raw[:start]), _RULE_BEGUN)


def fold(text: str) -> str:
    """Begin every further line of a text with one more space: so none of them begins a line of the transcript."""
    # All line breaks are unprintable, and most turns have none: that is known twenty times as fast.
    return text if text.isprintable() else _BREAK.sub(r"\g<0> ", text)


def unfold(text: str) -> str:
    """Take off what `fold` has put on."""
    return _FOLDED_BREAK.sub(r"\1", text)


# The line breaks of `str.splitlines`: whatever a program between here and the model takes for a line, is one here.
_BREAK = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_FOLDED_BREAK = re.compile(f"({_BREAK.pattern}) ")
_UNFOLDED_BREAK = re.compile(f"(?>{_BREAK.pattern})(?! )")  # Atomic: CR LF never counts as CR alone.
_NEXT_TURN = re.compile("\n(?! )")

# Seeds put a line such as *** between their examples; a model that has said goodbye may write one as well.
_RULE = re.compile(r"([*=_#~-])(?: *\1){2,}")
_RULE_BEGUN = re.compile(r"([*=_#~-])(?: *\1)*")


def _line(tag: str, text: str) -> str:
    return f"{tag}: {fold(text)}" if text else f"{tag}:"


def _turn(line: str, tags: Tags) -> Turn:
    if _UNFOLDED_BREAK.search(line):
        raise TranscriptError(f"a line of a turn is not folded: {line[:80]!r}")
    for speaker in Speaker:
        tag = f"{tags.of(speaker)}:"
        if line == tag:
            return Turn(speaker, "")
        if line.startswith(f"{tag} "):
            return Turn(speaker, unfold(line.removeprefix(f"{tag} ")))
    raise TranscriptError(f"a line begins neither with a tag nor with a space: {line[:80]!r}")


def _next_tag(raw: str, tags: Tags) -> tuple[int, bool]:
    """Find where a line begins with a tag (and True), or where the last line may come to (and False).

    Where there is neither, it is the end of the text.
    """
    wanted = [_plain(f"{tags.of(speaker)}:") for speaker in Speaker]
    longest = max(len(tag) for tag in wanted)
    start = begun = 0
    for line in raw.splitlines(keepends=True):
        plain = _plain(line, longest)
        if any(plain.startswith(tag) for tag in wanted):
            return start, True
        begun = start if any(tag.startswith(plain) for tag in wanted) else len(raw)
        start += len(line)
    return begun, False


def _plain(text: str, length: int | None = None) -> str:
    """Return what is left of a text once everything is taken off by which two equal-looking tags may differ.

    Character by character: the plain form of a text's beginning has to be the beginning of its plain form.

    Args:
        length: so many letters of it are enough.
    """
    letters = (letter for character in text for letter in unicodedata.normalize("NFKD", character).casefold())
    visible = (
        letter for letter in letters if not (letter.isspace() or letter == "*" or unicodedata.category(letter) == "Cf")
    )
    return "".join(islice(visible, length))


def _tidy(text: str, rule: re.Pattern[str]) -> str:
    """Take off white space at both ends, rules at the end, and a text in which nothing can be seen."""
    text = text.strip()
    while text:
        last_line = text.splitlines()[-1]
        if not rule.fullmatch(last_line.strip()):
            break
        text = text.removesuffix(last_line).rstrip()
    is_visible = any(unicodedata.category(character)[0] not in "CZ" for character in text)
    return text if is_visible else ""
