"""What people may change in a chat, and what each choice does to the seed's sampling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dialogue.turns import Sampling

CHOICES: dict[str, tuple[str, ...]] = {
    "temperature": ("calm", "usual", "lively"),
    "length": ("short", "usual", "long"),
    "language": ("auto", "ru", "en"),
    "training": ("yes", "no"),
}
"""The settings of a chat and the values each may take: `usual` is the default, or else the first."""

# Factors, not values: a seed that needs a cool head stays cooler than one for small talk, whatever is chosen.
_TEMPERATURE_FACTOR = {"calm": 0.6, "lively": 1.4}
_LENGTH_FACTOR = {"short": 0.5, "long": 2.0}

# Above this the text of a small model falls apart.
_MAX_TEMPERATURE = 1.5


def chosen(name: str, settings: Mapping[str, str]) -> str:
    """Return the value of a setting, its default where nobody has changed it."""
    choices = CHOICES[name]
    return settings.get(name, "usual" if "usual" in choices else choices[0])


def chosen_sampling(sampling: Sampling, settings: Mapping[str, str]) -> Sampling:
    """Return the seed's sampling as the chat's settings change it; unknown settings change nothing."""
    temperature = sampling.temperature * _TEMPERATURE_FACTOR.get(settings.get("temperature", ""), 1.0)
    length = sampling.max_new_tokens * _LENGTH_FACTOR.get(settings.get("length", ""), 1.0)
    return replace(
        sampling,
        temperature=min(temperature, _MAX_TEMPERATURE),
        max_new_tokens=max(1, round(length)),
    )
