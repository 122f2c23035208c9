"""What a reaction says about a message: that somebody likes it, that they do not, or neither."""

from __future__ import annotations

from collections.abc import Sequence

from telegram import ReactionType, ReactionTypeEmoji

# Only what hardly anybody means otherwise; Telegram has some seventy.
# Source: https://core.telegram.org/bots/api#reactiontypeemoji
_LIKES = frozenset("👍❤🔥🥰😍🤩😘💘👏🎉🏆💯🙏👌🤝🤗🫡😁😎🆒⚡🍾") | {"❤\N{ZERO WIDTH JOINER}🔥"}
_DISLIKES = frozenset("👎😢😭💔😡🤬🤮💩🤡🖕🥱")

# Some programs write the red heart with the sign that asks for a coloured picture, some without.
_COLOURED = "\N{VARIATION SELECTOR-16}"


def opinion(reactions: Sequence[ReactionType]) -> bool | None:
    """Return True for a like and False for a dislike; None where there is neither, or both."""
    emojis = {each.emoji.replace(_COLOURED, "") for each in reactions if isinstance(each, ReactionTypeEmoji)}
    is_liked, is_disliked = bool(emojis & _LIKES), bool(emojis & _DISLIKES)
    return None if is_liked == is_disliked else is_liked
