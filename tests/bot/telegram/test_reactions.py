from __future__ import annotations

import pytest
from telegram import ReactionTypeCustomEmoji, ReactionTypeEmoji, ReactionTypePaid
from telegram.constants import ReactionEmoji

from bot.telegram.reactions import opinion


@pytest.mark.parametrize("emoji", [*"👍❤🔥🎉👏😁🤩🙏💯", "❤\ufe0f", ReactionEmoji.HEART_ON_FIRE, "❤\u200d🔥"])
def test_a_reaction_of_joy_is_a_like(emoji: str) -> None:
    assert opinion([ReactionTypeEmoji(emoji)]) is True


@pytest.mark.parametrize("emoji", "👎😢🤮💩🤬")
def test_a_reaction_of_disgust_is_a_dislike(emoji: str) -> None:
    assert opinion([ReactionTypeEmoji(emoji)]) is False


@pytest.mark.parametrize("emoji", ["🤔", "🐳", ReactionEmoji.MAN_SHRUGGING, "an emoji of the future"])
def test_other_emojis_say_nothing(emoji: str) -> None:
    assert opinion([ReactionTypeEmoji(emoji)]) is None


def test_no_emoji_says_nothing() -> None:
    assert opinion([]) is None
    assert opinion([ReactionTypeCustomEmoji("5"), ReactionTypePaid()]) is None


def test_of_several_reactions_those_count_that_say_something_unless_they_disagree() -> None:
    like, dislike, neither = (ReactionTypeEmoji(emoji) for emoji in "👍👎🤔")
    assert opinion([neither, like]) is True
    assert opinion([dislike, neither]) is False
    assert opinion([like, dislike]) is None
