from __future__ import annotations

import pytest

from bot.addresses import checked_database_url, checked_redis_url, without_passwords


@pytest.mark.parametrize(
    "url",
    [
        "unix:///run/valkey.sock",
        "redis://localhost:6379/0",
        "redis://127.0.0.2",
        "redis://[::1]:6379",
        "redis://:long-password@redis.example.org:6379/0",
        "rediss://redis.example.org",
    ],
)
def test_a_redis_that_strangers_cannot_use_is_taken(url: str) -> None:
    assert checked_redis_url(url) == url


@pytest.mark.parametrize("host", ["redis.example.org", "10.0.0.7", "0.0.0.0", "[2001:db8::1]"])
def test_a_redis_elsewhere_without_a_password_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="without a password everybody"):
        checked_redis_url(f"redis://{host}:6379/0")


def test_a_redis_of_another_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match="redis://"):
        checked_redis_url("localhost:6379")


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("postgres://me:pw@host/log", "postgresql://me:pw@host/log"),
        ("postgresql+asyncpg://me:pw@host/log", "postgresql://me:pw@host/log"),
        ("sqlite:///var/log.db", "sqlite:///var/log.db"),
    ],
)
def test_the_dialect_of_a_database_is_named_in_one_way(url: str, taken: str) -> None:
    assert checked_database_url(url) == taken


@pytest.mark.parametrize("url", ["mysql://host/log", "log.db", "sqlite://"])
def test_another_database_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="it "):
        checked_database_url(url)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot reach redis://:pw@host:6379/0 now", "cannot reach redis://:***@host:6379/0 now"),
        ("postgresql+asyncpg://me:p@ss:word@host/log", "postgresql+asyncpg://me:***@host/log"),
        ("https://:key@host/v1#name", "https://:***@host/v1#name"),
        ("https://key@host/v1", "https://***@host/v1"),
        ("https://example.org:8080/a@b", "https://example.org:8080/a@b"),
        ("say hello: me@example.org", "say hello: me@example.org"),
    ],
)
def test_a_password_in_an_address_is_masked(text: str, shown: str) -> None:
    assert without_passwords(text) == shown
