"""What every response says to the browser about trust, and which requests are refused for where they come from."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class SecureHeaders:
    """Adds the headers to every response of the wrapped application, those of a failure included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve as an ASGI application."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def is_from_here(request: Request) -> bool:
    """Say whether the request was made by a page of this very server, or by no page at all.

    A browser adds `Origin` to every request of another site that could change something, and `Sec-Fetch-Site` to every
    request; a program that adds neither acts for nobody but itself.
    """
    site = request.headers.get("sec-fetch-site", "none")
    if site not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    # Only the host is compared: behind a proxy that speaks https this server may not know its own scheme.
    return origin is None or _host(origin) == request.headers.get("host")


def _host(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # A bracket that is not closed, for instance: no browser sends that.
        return ""
