"""Keyboards below messages, and what their buttons carry back."""

from __future__ import annotations

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.texts import text
from dialogue.choices import CHOICES, chosen

Buttons = tuple[tuple[tuple[str, str], ...], ...]
"""Rows of (label, data)."""

# Telegram takes 64 bytes of data. Source: https://core.telegram.org/bots/api#inlinekeyboardbutton
MAX_DATA_BYTES = 64

# More than that is cut off on a telephone anyway.
MAX_LABEL_CHARS = 48


def settings_keyboard(settings: dict[str, str], language: str) -> Buttons:
    """Return one row per setting with its choices, the chosen one marked."""
    rows = []
    for name, choices in CHOICES.items():
        now = chosen(name, settings)
        labels = [marked(text(f"settings_{name}_{choice}", language), choice == now) for choice in choices]
        rows.append(tuple((label, f"set:{name}:{choice}") for label, choice in zip(labels, choices, strict=True)))
    return tuple(rows)


def forget_keyboard(person_id: str, language: str) -> Buttons:
    """Return the question's two answers, which only that person can give."""
    yes, no = f"forget:{person_id}:yes", f"forget:{person_id}:no"
    return (((text("button_forget", language), yes), (text("button_keep", language), no)),)


def thumbs_keyboard(turn_id: str, is_up: bool | None = None) -> Buttons:
    """Return the two things that one can think of a reply, the chosen one marked."""
    up, down = marked("👍", is_up is True), marked("👎", is_up is False)
    return (((up, f"thumb:up:{turn_id}"), (down, f"thumb:down:{turn_id}")),)


def example_keyboard(dialogue_id: str, example: str, language: str) -> Buttons:
    """Return the button that says a seed's example in that dialogue; none where there is no example."""
    if not example:
        return ()
    shown = example if len(example) <= MAX_LABEL_CHARS else f"{example[: MAX_LABEL_CHARS - 1].rstrip()}…"
    return (((text("button_example", language, example=shown), f"say:{dialogue_id}"),),)


def marked(label: str, is_chosen: bool) -> str:
    """Return a label, with a mark where it is the chosen one."""
    return f"✓ {label}" if is_chosen else label


def markup(buttons: Buttons) -> InlineKeyboardMarkup | None:
    """Return the buttons as Telegram takes them; None for none."""
    if not buttons:
        return None
    rows = [[InlineKeyboardButton(label, callback_data=data) for label, data in row] for row in buttons]
    return InlineKeyboardMarkup(rows)
