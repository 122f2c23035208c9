"""What is not wrong with a seed, but will make the model talk worse than it could."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

from dialogue.forms import SeedKind
from dialogue.seeds import Seed
from dialogue.transcript import render
from dialogue.turns import Dialogue


def lint(seed: Seed, count_tokens: Callable[[str], int], context_tokens: int) -> list[str]:
    """Return warnings as `FILE: KEY: reason`, none for a seed that is fit to serve.

    Args:
        count_tokens: counts as the engine that will serve the seed does.
        context_tokens: how many tokens that engine takes at once.
    """
    warnings = [*_room(seed, count_tokens, context_tokens), *_white_space(seed)]
    if seed.kind is SeedKind.DIALOGUE:
        warnings += [*_end_of_turn(seed, count_tokens), *_examples(seed), *_other_tags(seed)]
    return [f"{seed.name}.toml: {warning}" for warning in warnings]


_TAGGED_LINE = re.compile(r"(?P<tag>\w[\w .'-]{0,31}?)(?P<colon>\s*[:：])(?P<words>.*)")


def _room(seed: Seed, count_tokens: Callable[[str], int], context_tokens: int) -> Iterator[str]:
    seed_tokens = count_tokens(render(seed.text, Dialogue(), seed.tags))
    reply_tokens = seed.sampling.max_new_tokens
    left_tokens = context_tokens - seed_tokens - reply_tokens
    if left_tokens < context_tokens / 2:
        yield (
            f"text: {seed_tokens} tokens of seed and {reply_tokens} of reply (sampling.max_new_tokens) leave "
            f"{max(0, left_tokens)} of {context_tokens} for the dialogue; at least half should be left"
        )
    # The longest message is taken to be as dense as the seed, which is in the same language.
    message_tokens = round(seed.max_message_chars * seed_tokens / max(1, len(seed.text)))
    if message_tokens > left_tokens:
        yield (
            f"max_message_chars: a message of {seed.max_message_chars} characters has about {message_tokens} tokens, "
            f"only {max(0, left_tokens)} are left for it"
        )


def _end_of_turn(seed: Seed, count_tokens: Callable[[str], int]) -> Iterator[str]:
    length = seed.sampling.no_repeat_ngram
    # Every prompt has turns that end so; without the token that opens each text.
    end_tokens = count_tokens(f".\n{seed.tags.person}:") - count_tokens("")
    if 0 < length <= end_tokens:
        yield (
            f"sampling.no_repeat_ngram: {length} forbids the end of a turn: a full stop, a new line and "
            f"{seed.tags.person}: have {end_tokens} tokens, which stand in the prompt already"
        )


def _white_space(seed: Seed) -> Iterator[str]:
    if seed.text != seed.text.rstrip():
        yield "text: ends with white space; the dialogue begins on a line of its own anyway"
    for number, line in enumerate(seed.text.splitlines(), start=1):
        if line != line.rstrip():
            yield f"text: line {number} ends with white space"


def _examples(seed: Seed) -> Iterator[str]:
    """Check that the example dialogues look as a transcript does: the model copies them, flaws included."""
    own = {seed.tags.person, seed.tags.bot}
    previous, seen = "", set()
    for number, line in enumerate(seed.text.splitlines(), start=1):
        match = _TAGGED_LINE.fullmatch(line)
        if match is None or match["tag"] not in own:
            previous = previous if line.startswith(" ") else ""
            continue
        tag, words = match["tag"], match["words"]
        if match["colon"] != ":" or not re.match(r" \S", words):
            yield f'text: line {number} must be "{tag}:", one space and words'
        if tag == previous:
            yield f"text: line {number} is the second turn of {tag} running; the model will learn to answer itself"
        previous = tag
        seen.add(tag)
    if seed.tags.bot not in seen:
        yield f"text: shows no turn of {seed.tags.bot}; one or two example dialogues set the tone better than rules"


def _other_tags(seed: Seed) -> Iterator[str]:
    """Look for labels that the examples use like tags, but that are not: nothing will stop the model at them."""
    matches = [_TAGGED_LINE.fullmatch(line) for line in seed.text.splitlines()]
    labels = Counter(match["tag"] for match in matches if match is not None and match["words"].strip())
    own = {seed.tags.person, seed.tags.bot}
    plain_own = {_plain(tag) for tag in own}
    for label, times in labels.items():
        if label not in own and (times > 1 or _plain(label) in plain_own):
            yield f'text: "{label}:" begins a line, but the tags are "{seed.tags.person}" and "{seed.tags.bot}"'


def _plain(tag: str) -> str:
    return tag.casefold().replace(" ", "")
