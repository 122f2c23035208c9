"""How often people are shown a text while it is written."""

from __future__ import annotations

# People read 5 to 10 words in a second, and a chat window takes a draft every second or so: 20 times a second looks
# continuous, and costs the event loop little even for hundreds of texts.
SHOW_EVERY_S = 0.05


class Pace:
    """Says when a text has grown and its last showing is long enough ago."""

    def __init__(self) -> None:
        self._shown_at = -SHOW_EVERY_S
        self._shown_chars = 0

    def is_due(self, chars: int, now: float) -> bool:
        """Say whether a text of so many characters is to be shown now, and take it as shown if so."""
        if chars <= self._shown_chars or now < self._shown_at + SHOW_EVERY_S:
            return False
        self._shown_at, self._shown_chars = now, chars
        return True
