"""The language of the page: what the browser likes better, of the two that the page speaks."""

from __future__ import annotations

import pytest
from fastapi import Request

from bot.web.language import preferred_language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("ru", "ru"),
        ("ru-RU,ru;q=0.9,en-US;q=0.8,en;q=0.7", "ru"),
        ("en-GB,en;q=0.9,ru;q=0.8", "en"),
        ("de,ru;q=0.5", "ru"),
        ("en; q=0.5, RU ;q=0.6", "ru"),
        ("en,ru", "en"),
        ("ru;q=0,de", "en"),
        ("ru;q=nonsense,,;q=1", "en"),
        ("*", "en"),
    ],
)
def test_the_language_that_the_browser_likes_better_is_spoken(header: str, language: str) -> None:
    request = Request({"type": "http", "headers": [(b"accept-language", header.encode())]})

    assert preferred_language(request) == language
