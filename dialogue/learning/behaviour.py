"""What a model says itself in held-out dialogues: leaked tags, cut, empty and repeated replies, length and time."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dialogue.errors import PromptTooLong
from dialogue.kinds.choosing import asked_words, kind_of
from dialogue.learning.held_out import Approved
from dialogue.learning.sides import Side, prompt_for
from dialogue.ports import Engine
from dialogue.seeds import Seed, Tags
from dialogue.transcript import first_turn
from dialogue.turns import Completion, Dialogue, Prompt, Speaker, StopReason

FAULTS = ("leak", "empty", "cut", "repeated_reply", "repeated_question", "echo", "wrong_language")
"""What may be wrong with a reply, in the order in which it is shown."""

# So alike are two sentences whose sets of words overlap by so much: a name or a "please" more makes no new question.
_ALIKE = 0.75
# A question of one word ("Yes?") may well be asked twice.
_WORDS_OF_A_QUESTION = 2
# Under so many letters ("OK", "Wi-Fi") a reply is of no language.
_LETTERS = 6

_WORD = re.compile(r"\w+")
_QUESTION = re.compile(r"[^.!?…\n]*\?")


@dataclass(frozen=True, slots=True)
class Spoken:
    """A reply that was drawn, and what is to be said about it.

    Args:
        text: what a person would have been shown.
        faults: those of `FAULTS` that it has.
        completion: how it was written; None for a reply that people approved.
    """

    text: str
    faults: frozenset[str]
    completion: Completion | None = None


async def drawn(
    engine: Engine,
    side: Side,
    adapter: str | None,
    replies: Sequence[Approved],
    draw: int,
    done: Callable[[], None] = lambda: None,
) -> list[Spoken | None]:
    """Have a reply drawn to each history, once each, as many at the same time as the engine has places for.

    Args:
        adapter: the name under which the engine has the side's adapter; None for none.
        draw: makes the draws reproducible; the same on both sides.
        done: called after each reply.

    Returns:
        What was drawn, in the order of `replies`; None where a prompt does not fit the model's context.

    Raises:
        EngineUnavailable: the model failed.
    """
    places = asyncio.Semaphore(engine.slots)  # So that no reply's time has another one's in it.

    async def one(number: int, reply: Approved) -> Spoken | None:
        seed, sampling = side.seed_for(reply.seed), side.sampling_for(reply.seed)
        async with places:
            try:
                text = prompt_for(reply, side, engine.context_tokens, sampling.max_new_tokens, engine.count_tokens)
                # Neighbouring draws would do for the generator, but the next run's would be the same ones.
                own_draw = (draw * 1_000_003 + number) % 2**31
                kind = kind_of(seed)
                stops, pattern = kind.stops(seed), kind.pattern(seed)
                prompt = Prompt(text, stops, sampling, own_draw, len(seed.text), adapter, pattern)
                completion = await engine.generate(prompt, lambda _: None)
            except PromptTooLong:
                return None
            finally:
                done()
        shown = _shown(completion, seed, reply.history)
        faults = _faults_of_text(shown, reply.history, seed.tags, reply.seed.language)
        is_cut = completion.stop is StopReason.LENGTH and not first_turn(completion.text, seed.tags).is_finished
        return Spoken(shown, faults | {"cut"} if is_cut else faults, completion)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(number, reply)) for number, reply in enumerate(replies)]
    except ExceptionGroup as errors:
        # One failure of the model fails all replies that are being written: it is told once.
        raise errors.exceptions[0] from errors
    return [task.result() for task in tasks]


def approved(replies: Sequence[Approved]) -> list[Spoken]:
    """Measure the approved replies by the same yardstick: good ones repeat a question now and then as well."""
    return [
        Spoken(reply.text, _faults_of_text(reply.text, reply.history, reply.seed.tags, reply.seed.language))
        for reply in replies
    ]


def _shown(completion: Completion, seed: Seed, history: Dialogue) -> str:
    """Return what a person would have been shown of one draw; empty for nothing."""
    kind = kind_of(seed)
    answer = kind.answer([kind.cut(completion.text, completion.stop, seed)], seed, asked_words(seed, history))
    return answer.text if answer else ""


def _faults_of_text(text: str, history: Dialogue, tags: Tags, language: str) -> frozenset[str]:
    said = {speaker: [turn.text for turn in history.turns if turn.speaker is speaker] for speaker in Speaker}
    found = {
        "leak": leaks(text, tags),
        "empty": not text,
        "repeated_reply": any(_words(text) and _words(text) == _words(each) for each in said[Speaker.BOT]),
        "repeated_question": _asks_again(text, said[Speaker.BOT]),
        "echo": any(_words(text) and _words(text) == _words(each) for each in said[Speaker.PERSON]),
        "wrong_language": is_in_another_language(text, language),
    }
    return frozenset(name for name, is_so in found.items() if is_so)


def leaks(text: str, tags: Tags) -> bool:
    """Say whether a speaker's tag and its colon stand anywhere in a text; of `User2` any number counts."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    for speaker in Speaker:
        stem = tags.of(speaker).casefold()
        numbered = re.sub(r"\d+$", "", stem)
        wanted = re.escape(stem) if numbered == stem else rf"{re.escape(numbered)}\s*\d+"
        if re.search(rf"(?<!\w){wanted}\s*:", plain):
            return True
    return False


def is_in_another_language(text: str, language: str) -> bool:
    """Say whether most letters of a text are of another script than the language is written in."""
    letters = [character for character in text if character.isalpha()]
    if len(letters) < _LETTERS:
        return False
    script = "CYRILLIC" if language == "ru" else "LATIN"
    own = sum(unicodedata.name(letter, "").startswith(script) for letter in letters)
    return own * 2 < len(letters)


def _asks_again(text: str, before: Sequence[str]) -> bool:
    asked = [set(_words(question)) for each in before for question in _QUESTION.findall(each)]
    for question in _QUESTION.findall(text):
        words = set(_words(question))
        if len(words) >= _WORDS_OF_A_QUESTION and any(
            len(words & other) >= _ALIKE * len(words | other) for other in asked
        ):
            return True
    return False


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
