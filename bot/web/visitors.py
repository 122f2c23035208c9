"""Anonymous visitors: who they are is a random id in a signed cookie, and nothing else is known of them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from pathlib import Path

from fastapi import Request, Response
from itsdangerous import BadSignature, Signer

from dialogue.errors import SettingsError

COOKIE = "govorun_visitor"

# What browsers allow at most (RFC 6265bis, section 5.5); every visit starts it again.
COOKIE_LIFETIME_S = 400 * 24 * 3600


class Visitors:
    """Gives visitors their cookie and knows them by it."""

    def __init__(self, secret: str) -> None:
        self._signer = Signer(secret, salt="govorun.visitor", digest_method=hashlib.sha256)

    def known(self, request: Request) -> str | None:
        """Return the visitor's id, or None where the cookie is missing or was tampered with."""
        try:
            return self._signer.unsign(request.cookies.get(COOKIE, "")).decode()
        except (BadSignature, UnicodeDecodeError):
            return None

    @staticmethod
    def new() -> str:
        """Return an id for a newcomer."""
        return secrets.token_urlsafe(18)

    def remember(self, visitor: str, request: Request, response: Response) -> None:
        """Set the cookie, or begin its lifetime again."""
        response.set_cookie(
            COOKIE,
            self._signer.sign(visitor).decode(),
            max_age=COOKIE_LIFETIME_S,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )


def kept_secret(path: Path) -> str:
    """Return the secret kept in the file, made at the first call and readable by its owner only.

    Raises:
        SettingsError: the file is empty or cannot be read or written.
    """
    try:
        if not path.exists():
            _make_secret(path)
        secret = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the secret of the web page cannot be kept in {path}: {error}") from error
    if not secret:
        raise SettingsError(f"{path} is empty; delete it and a new secret is made (visitors begin anew)")
    return secret


def _make_secret(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and linked into place: two processes that start together read the same secret, and read it whole.
    aside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(48))
    try:
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(aside)
    finally:
        aside.unlink()
