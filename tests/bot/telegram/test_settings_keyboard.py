"""The keyboard of the settings: what is chosen, and what is so until somebody chooses."""

from __future__ import annotations

from bot.telegram.keyboards import settings_keyboard


def test_of_each_setting_the_default_is_marked_until_somebody_chooses() -> None:
    def marked(settings: dict[str, str]) -> list[str]:
        keyboard = settings_keyboard(settings, "en")
        return [data for row in keyboard for label, data in row if label.startswith("✓")]

    assert marked({}) == ["set:temperature:usual", "set:length:usual", "set:language:auto", "set:training:yes"]
    assert marked({"training": "no", "length": "long"}) == [
        "set:temperature:usual",
        "set:length:long",
        "set:language:auto",
        "set:training:no",
    ]
