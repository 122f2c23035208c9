"""What is offered to somebody who writes the bot's name and some words in any chat."""

from __future__ import annotations

from telegram import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InlineQueryResultsButton,
    InputTextMessageContent,
)

from bot.telegram.splitting import split, well_formed
from bot.texts import text
from dialogue.forms import SeedKind
from dialogue.seeds import Seed, Seeds

# Kinds that answer a single message, in a form that people read.
_KINDS = (SeedKind.COMPLETION, SeedKind.VOTE, SeedKind.LINES, SeedKind.ANSWER)
# Source: https://core.telegram.org/bots/api#answerinlinequery
MAX_RESULTS = 50
# Source: https://core.telegram.org/bots/api#inlinequery
_MAX_QUERY_CHARS = 256


def named(seeds: Seeds, query: str, language: str) -> tuple[list[Seed], str]:
    """Return the seeds that the query's first word names, the best first, and the words behind it.

    A word names the seeds whose name, title or group begins with it; a word that names none, or no word at all, leaves
    all seeds, and no words.
    """
    word, words = [*query.split(maxsplit=1), "", ""][:2]
    word = word.casefold()
    usable = [seed for seed in seeds if seed.kind in _KINDS]
    ordered = sorted(usable, key=lambda seed: (seed.name != word, seed.language != language))
    found = [seed for seed in ordered if _is_named(seed, word)]
    return (found, words.strip()) if word and found else (ordered, "")


def hint(seed: Seed, username: str, language: str) -> InlineQueryResultArticle:
    """Return a result that says what a seed does, and sends an invitation to try it."""
    query = f"{seed.name} {seed.example}"[:_MAX_QUERY_CHARS]
    button = InlineKeyboardButton(text("inline_try", language), switch_inline_query_current_chat=query)
    return InlineQueryResultArticle(
        id=f"hint:{seed.name}",
        title=f"{seed.title} · {seed.name}",
        description=seed.description,
        input_message_content=InputTextMessageContent(f"{seed.description}\n\n@{username} {query}"),
        reply_markup=InlineKeyboardMarkup([[button]]),
    )


def answered(seed: Seed, words: str, answer: str) -> InlineQueryResultArticle:
    """Return a result that shows an answer, and sends it behind the words that it answers."""
    question = f"{seed.title}: {words}"
    return InlineQueryResultArticle(
        id=f"answer:{seed.name}",
        title=well_formed(question),
        description=well_formed(answer)[:_MAX_QUERY_CHARS],
        input_message_content=InputTextMessageContent(split(well_formed(f"{question}\n\n{answer}"))[0]),
    )


def way_to_chat(seed: Seed, language: str) -> InlineQueryResultsButton:
    """Return the button that says that there is no answer here, and begins a dialogue with the seed in private."""
    return InlineQueryResultsButton(text("inline_no_answer", language), start_parameter=seed.name)


def _is_named(seed: Seed, word: str) -> bool:
    return any(each.startswith(word) for each in (seed.name, seed.title.casefold(), seed.group))
