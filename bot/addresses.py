"""Which addresses the settings take, and how an address is shown without its password."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, unquote, urlsplit

_LOCAL_NAMES = {"", "localhost"}

# Greedy, up to the last `@` before the path: a password may itself contain one.
_PASSWORD_IN_URL = re.compile(r"(?P<before>\b[a-z][a-z0-9+.-]*://[^\s:/?#@]*):[^\s/?#]*@", re.IGNORECASE)

# A model server's key may stand where the name does.
_KEY_IN_URL = re.compile(r"(?P<before>\bhttps?://)[^\s:/?#@]+@", re.IGNORECASE)


def without_passwords(text: str) -> str:
    """Return the text with the password of every URL in it masked."""
    return _KEY_IN_URL.sub(r"\g<before>***@", _PASSWORD_IN_URL.sub(r"\g<before>:***@", text))


def passwords_in(url: str) -> list[str]:
    """Return the password of an address, or the key of a web address, as it is written there and as it is meant."""
    parts = urlsplit(url)
    password = parts.password or (parts.username if parts.scheme in ("http", "https") else None)
    return sorted({password, unquote(password)}) if password else []


def checked_web_url(url: str) -> str:
    """Return an `http://` or `https://` address without the slash at its end.

    Raises:
        ValueError: it is none.
    """
    parts = _split(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it does not begin with http:// or https:// and a host")
    return url.rstrip("/")


def checked_redis_url(url: str) -> str:
    """Return the address of a Redis that strangers cannot simply use.

    Raises:
        ValueError: the scheme is unknown, or anybody who reaches the host could read and change every conversation.
    """
    parts = _split(url)
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise ValueError("it does not begin with redis://, rediss:// or unix://")
    if parts.scheme == "redis" and not parts.password and not is_local(parts.hostname or ""):
        raise ValueError(
            f"Redis at {parts.hostname} is not on this machine, and without a password everybody who reaches it "
            "could read and change every conversation; set one there (requirepass) and write it into the address"
        )
    return url


def checked_database_url(url: str) -> str:
    """Return the address of an SQL database, the dialect named as SQLAlchemy names it.

    Raises:
        ValueError: it is neither PostgreSQL nor an SQLite file.
    """
    scheme, colon, rest = url.partition("://")
    dialect = {"postgres": "postgresql", "postgresql": "postgresql", "sqlite": "sqlite"}.get(scheme.partition("+")[0])
    if not colon or dialect is None:
        raise ValueError("it does not begin with postgresql:// or sqlite:///")
    if dialect == "sqlite" and len(rest.lstrip("/")) == 0:
        raise ValueError("it names no file")
    _split(url)
    return f"{dialect}://{rest}"


def is_local(host: str) -> bool:
    """Say whether a host is this machine, and no other can reach it."""
    if host in _LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(url: str) -> SplitResult:
    parts = urlsplit(url)
    # Reading the port is what checks it.
    _ = parts.port
    return parts
