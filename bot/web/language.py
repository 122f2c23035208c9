"""Which language a browser asks for."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import Request

_SPOKEN = ("ru", "en")


def preferred_language(request: Request) -> str:
    """Return `ru` or `en`, whichever `Accept-Language` likes better; English where it names neither."""
    # Sorting keeps the order of equals: of two languages with one weight the first is meant.
    wanted = sorted(_wanted(request.headers.get("accept-language", "")), key=lambda each: -each[0])
    return next((language for _, language in wanted if language in _SPOKEN), "en")


def _wanted(header: str) -> Iterator[tuple[float, str]]:
    """Yield weight and language, without region, of each range of the header (RFC 9110, section 12.5.4)."""
    for entry in header.replace(" ", "").split(","):
        tag, _, weight = entry.partition(";q=")
        try:
            quality = float(weight or 1)
        except ValueError:
            continue
        if quality > 0:
            yield quality, tag.lower().partition("-")[0]
