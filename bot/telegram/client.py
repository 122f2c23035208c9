"""The connection to the Bot API server: a `telegram.Bot` that is cheap to call and never shows its token."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from telegram import Bot
from telegram.error import EndPointNotFound, NetworkError, RetryAfter, TimedOut
from telegram.request import BaseRequest, RequestData

from dialogue.errors import SettingsError

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}

TELEGRAM_API_URL = "https://api.telegram.org"

# The library's own opt-in to the type that `RetryAfter.retry_after` will have in its next major version.
os.environ.setdefault("PTB_TIMEDELTA", "true")


class BotClient(Bot):
    """A Bot API client.

    Args:
        api_url: the Bot API server, such as `http://127.0.0.1:8081`.

    Raises:
        SettingsError: that is no token.
    """

    def __init__(self, token: str, api_url: str = TELEGRAM_API_URL) -> None:
        if not token.partition(":")[0].isdigit():
            raise SettingsError("GOVORUN_TELEGRAM_TOKEN is no bot token: one looks like 123456:ABC-DEF")
        # At DEBUG this logger shows the base URL, and with it the token, and the text of every message.
        logging.getLogger("telegram.Bot").setLevel(logging.INFO)
        request = AiohttpRequest(api_url)
        super().__init__(token, base_url=f"{api_url.rstrip('/')}/bot", request=request, get_updates_request=request)

    @property
    def bot_id(self) -> int:
        """The bot's id, which the token begins with; known before the server has been asked."""
        return int(self._token.partition(":")[0])

    async def shutdown(self) -> None:
        """Close the connections, also those of a start that was broken off."""
        await super().shutdown()
        await self._request[0].shutdown()

    def __repr__(self) -> str:
        return f"BotClient({self.bot_id}:***)"

    async def raw_updates(
        self, offset: int, timeout_s: float, allowed: Sequence[str], limit: int = 100
    ) -> list[dict[str, Any]]:
        """Wait for updates from number `offset` on, which confirms those before it.

        They are returned as they came, so that nothing is lost that the library does not know.
        """
        parameters = {"offset": offset, "limit": limit, "timeout": int(timeout_s), "allowed_updates": list(allowed)}
        # A connection may be cut without a word, so the answer is not waited for much longer than the server waits.
        updates = await self._post("getUpdates", parameters, read_timeout=timeout_s + 10)
        return updates if isinstance(updates, list) else []


class AiohttpRequest(BaseRequest):
    """Carries the library's calls over aiohttp, at an eighth of the processor time of its own HTTP client.

    Its errors name no URL: the URL holds the token. A method that the server does not have is `EndPointNotFound`.
    """

    def __init__(self, api_url: str, read_timeout_s: float = 15.0) -> None:
        parts = urlsplit(api_url)
        self._proxy = None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)
        self._read_timeout_s = read_timeout_s
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        """The seconds an answer may take."""
        return self._read_timeout_s

    async def initialize(self) -> None:
        """Open the pool of connections."""
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=256))

    async def shutdown(self) -> None:
        """Close the pool of connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """Send one request and return the status and the body of its answer.

        Raises:
            TimedOut: no answer in time; the call may have been carried out.
            NetworkError: the connection failed.
            EndPointNotFound: the server has no such method.
        """
        assert self._session is not None, "the client is not initialized"
        read_timeout_s = read_timeout if isinstance(read_timeout, int | float) else self._read_timeout_s
        timeout = aiohttp.ClientTimeout(total=read_timeout_s + 10, sock_connect=10, sock_read=read_timeout_s)
        try:
            async with self._session.request(
                method, url, timeout=timeout, proxy=self._proxy, allow_redirects=False, **_content(request_data)
            ) as response:
                body = await response.read()
        # The chain ends here: the errors below know the URL, and a traceback may show it.
        except TimeoutError:
            raise TimedOut from None
        except (aiohttp.ClientError, OSError) as error:
            raise NetworkError(f"no connection to the Bot API server ({type(error).__name__})") from None
        if response.status == 404:
            raise EndPointNotFound(f"the Bot API server has no method {url.rpartition('/')[2]}")
        return response.status, body


def seconds_to_wait(error: RetryAfter) -> float:
    """Return how long the server wants to be left alone."""
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def _content(data: RequestData | None) -> dict[str, Any]:
    """Return what a request consists of, as arguments for aiohttp."""
    if data is None:
        return {}
    if not data.contains_files:
        # aiohttp would make the same of a dictionary, but builds a multipart form first.
        return {"data": data.url_encoded_parameters().encode(), "headers": _FORM}
    form = aiohttp.FormData()
    for name, value in data.json_parameters.items():
        form.add_field(name, value)
    for name, (filename, content, content_type) in data.multipart_data.items():
        form.add_field(name, content, filename=filename, content_type=content_type)
    return {"data": form}
