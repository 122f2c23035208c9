"""A Bot API server for tests and load: Telegram's rules on offsets, webhooks and limits, and faults on request.

`python -m tests.telegram_server` runs it as a process of its own and prints `{"url": ...}`; `POST /control/NAME` with a
JSON object then calls the method NAME of `FakeTelegram` with those arguments, and answers what it returns.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import inspect
import itertools
import json
import math
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.flood_limits import FloodLimits
from tests.small_http import Answer, Dropped, Request, serve
from tests.webhook_pushes import Push, Webhook

TOKEN = "4242:a-token-that-must-never-be-shown"
DAY_S = 24 * 3600.0
MINIMAL_METHODS = frozenset({"getMe", "getUpdates", "sendMessage"})
UNITS_PER_MESSAGE = 4096
INLINE_RESULTS = 50


@dataclass(slots=True)
class Call:
    """One call of the bot, as the server saw it.

    Args:
        status: the HTTP status that was answered; 0 where the connection was closed instead of an answer.
        message_id: the message that the call made; 0 for none.
    """

    method: str
    params: dict[str, Any]
    status: int
    at: float
    message_id: int = 0


@dataclass(slots=True)
class Fault:
    """What the server does instead of obeying.

    Args:
        chat_id: only for this chat; None for all.
        times: how often; -1 for ever.
        drops_answer: the call is carried out, but the connection is closed without an answer.
    """

    method: str
    status: int = 500
    description: str = ""
    parameters: dict[str, int] = field(default_factory=dict)
    chat_id: int | None = None
    times: int = 1
    drops_answer: bool = False

    def strikes(self, method: str, chat_id: int | None) -> bool:
        """Say whether the fault concerns this call, and count it."""
        if self.method != method or self.times == 0 or self.chat_id not in (None, chat_id):
            return False
        self.times -= 1
        return True


class Refusal(Exception):
    """The Bot API answers with an error."""

    def __init__(self, status: int, description: str, parameters: dict[str, int] | None = None) -> None:
        super().__init__(description)
        self.status = status
        self.parameters = parameters or {}


class FakeTelegram:
    """The state of the server for one bot: what people said, what the bot called.

    Args:
        is_minimal: only getMe, getUpdates and sendMessage exist; everything else answers 404.
        is_strict: more than 1 message/s in a chat, 30/s overall or 20/min in a group is answered with 429.
        latency_s: how long each call takes, getUpdates aside.
    """

    def __init__(
        self,
        token: str = TOKEN,
        username: str = "govorun_bot",
        is_minimal: bool = False,
        is_strict: bool = False,
        latency_s: float = 0.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.token = token
        self.me = {
            "id": int(token.split(":")[0]),
            "is_bot": True,
            "first_name": "Govorun",
            "username": username,
        }
        self.calls: list[Call] = []
        self.url = ""
        self.lacks: set[str] = set()
        self.is_minimal, self.is_strict, self.latency_s = is_minimal, is_strict, latency_s
        self._clock, self._clock_shift_s = clock, 0.0
        self._update_ids = itertools.count(1000)
        self._message_ids = itertools.count(1)
        self._updates: deque[tuple[float, dict[str, Any]]] = deque()
        self._past: list[dict[str, Any]] = []
        self._pushes: list[Push] = []
        self._allowed: set[str] = set()
        self._faults: list[Fault] = []
        self.polls = 0
        self._poll: asyncio.Future[None] | None = None
        self._news = asyncio.Condition()
        self._new_update = asyncio.Event()
        self._limits = FloodLimits()
        self._webhook: Webhook | None = None

    # --- what a test does -------------------------------------------------------------------------------------

    def say(
        self,
        text: str,
        chat_id: int = 1,
        person_id: int | None = None,
        name: str = "Анна",
        language: str = "ru",
        **fields: Any,
    ) -> dict[str, Any]:
        """Let a person send a message; a negative `chat_id` is a group; `fields` go into the message."""
        message = self.message(chat_id, person_id, name, language, **({"text": text} if text else {}), **fields)
        self.update("message", message)
        return message

    def edit(self, message: dict[str, Any], text: str) -> None:
        """Let a person edit a message that `say` returned."""
        self.update("edited_message", {**message, "text": text, "edit_date": int(self.now())})

    def press(
        self, data: str, chat_id: int = 1, name: str = "Анна", language: str = "ru", message_id: int | None = None
    ) -> None:
        """Let a person press a button of a message, by default of the last one with buttons in the chat."""
        shown = [call for call in self.sent(chat_id) if "reply_markup" in call.params and call.method == "sendMessage"]
        if message_id is not None:
            shown = [call for call in shown if call.message_id == message_id]
        message = self.message(chat_id, None, name, language, text=shown[-1].params["text"] if shown else "?")
        person = message["from"]
        message["from"] = self.me
        message["message_id"] = shown[-1].message_id if shown else message["message_id"]
        query = {"id": str(next(self._message_ids)), "from": person, "chat_instance": "1"}
        self.update("callback_query", {**query, "message": message, "data": data})

    def inquire(self, query: str, person_id: int = 1, language: str = "ru") -> str:
        """Let a person write the bot's name and a query in some chat; return the query's id."""
        query_id = str(next(self._message_ids))
        person = {"id": person_id, "is_bot": False, "first_name": "Анна", "language_code": language}
        self.update("inline_query", {"id": query_id, "from": person, "query": query, "offset": ""})
        return query_id

    def react(
        self, message_id: int, emoji: str = "", before: str = "", chat_id: int = 1, person_id: int | None = None
    ) -> None:
        """Let a person react to a message in place of the reaction `before`; without an emoji, take that back."""
        message = self.message(chat_id, person_id, "Анна", "ru")
        person = {name: value for name, value in message["from"].items() if name != "language_code"}
        about = {"chat": message["chat"], "message_id": message_id, "user": person, "date": message["date"]}
        old, new = ([{"type": "emoji", "emoji": each}] if each else [] for each in (before, emoji))
        self.update("message_reaction", {**about, "old_reaction": old, "new_reaction": new})

    def set_member(self, chat_id: int, status: str) -> None:
        """Let a person block (`kicked`) or unblock (`member`) the bot."""
        message = self.message(chat_id, None, "Анна", "ru")
        member = {"user": self.me, "status": status, "until_date": 0}
        change = {"chat": message["chat"], "from": message["from"], "date": message["date"]}
        self.update("my_chat_member", {**change, "old_chat_member": member, "new_chat_member": member})

    def message(self, chat_id: int, person_id: int | None, name: str, language: str, **fields: Any) -> dict[str, Any]:
        """Return a message as the Bot API writes it."""
        person = {"id": person_id or abs(chat_id), "is_bot": False, "first_name": name, "language_code": language}
        kind = {"type": "private", "first_name": name}
        if chat_id < 0:
            kind = {"type": "supergroup", "title": "Группа"}
        return {
            "message_id": next(self._message_ids),
            "date": int(self.now()),
            "chat": {"id": chat_id, **kind},
            "from": person,
            **fields,
        }

    def update(self, kind: str, content: dict[str, Any]) -> int:
        """Put an update into the queue and return its id."""
        update_id = next(self._update_ids)
        if not self._allowed or kind in self._allowed:
            self._past.append({"update_id": update_id, kind: content})
            self.push(self._past[-1])
        return update_id

    def push(self, update: dict[str, Any]) -> None:
        """Put a whole update into the queue, also one that was there before."""
        self._updates.append((self.now(), update))
        self._new_update.set()
        if self._webhook is not None:
            self._webhook.push(update)

    def repeat(self) -> int:
        """Put every update of the past into the queue once more; return how many."""
        for update in self._past:
            self.push(update)
        return len(self._past)

    def pushed(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the pushes to the webhook from number `since` on."""
        return [asdict(push) for push in self._pushes[since:]]

    @property
    def is_polled(self) -> bool:
        """Whether somebody waits for updates right now."""
        return self._poll is not None and not self._poll.done()

    def say_many(self, messages: list[dict[str, Any]]) -> int:
        """Call `say` with each of the arguments; return how many."""
        for arguments in messages:
            self.say(**arguments)
        return len(messages)

    def fail(
        self,
        method: str,
        status: int = 500,
        description: str = "",
        chat_id: int | None = None,
        times: int = 1,
        drops_answer: bool = False,
        parameters: dict[str, int] | None = None,
    ) -> None:
        """Answer the next calls with an error (`parameters` such as retry_after go along), or not at all."""
        self._faults.append(Fault(method, status, description, parameters or {}, chat_id, times, drops_answer))

    def heal(self) -> None:
        """End all faults."""
        self._faults.clear()

    def shift_clock(self, seconds: float) -> None:
        """Let time pass."""
        self._clock_shift_s += seconds

    def now(self) -> float:
        """Return the server's time in seconds since the epoch."""
        return self._clock() + self._clock_shift_s

    def pending(self) -> list[dict[str, Any]]:
        """Return the updates that the bot has not confirmed."""
        return [update for _, update in self._updates]

    def sent(self, chat_id: int | None = None) -> list[Call]:
        """Return the calls that made or changed something in the chat, refused ones left out."""
        return [
            call
            for call in self.calls
            if call.status in (0, 200) and (chat_id is None or call.params.get("chat_id") == chat_id)
        ]

    def texts(self, chat_id: int = 1) -> list[str]:
        """Return what the bot sent to the chat, in order."""
        return [call.params["text"] for call in self.sent(chat_id) if call.method == "sendMessage"]

    async def log(self, since: int = 0, wait_s: float = 0.0) -> list[dict[str, Any]]:
        """Return the calls from number `since` on; waits for one where there is none yet."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self.until(lambda: len(self.calls) > since)
        return [asdict(call) for call in self.calls[since:]]

    async def until(self, is_true: Callable[[], bool], timeout_s: float = 20.0) -> None:
        """Wait until something holds; it is looked at after each call of the bot."""
        async with asyncio.timeout(timeout_s), self._news:
            await self._news.wait_for(is_true)

    async def close(self) -> None:
        """Stop pushing."""
        if self._webhook is not None:
            await self._webhook.close()

    # --- HTTP ---------------------------------------------------------------------------------------------------

    async def answer(self, request: Request) -> Answer:
        """Answer one HTTP request of the bot, or of the test in another process."""
        _, _, rest = request.path.partition("/")
        if rest.startswith("control/"):
            return await self._control(rest.removeprefix("control/"), request.params)
        token, _, method = rest.partition("/")
        call = Call(method, request.params, 200, self.now())
        try:
            if token != f"bot{self.token}":
                raise Refusal(401, "Unauthorized")
            result = await self._carry_out(call)
            answer = Answer(200, {"ok": True, "result": result})
        except Refusal as refusal:
            call.status = refusal.status
            body = {"ok": False, "error_code": refusal.status, "description": str(refusal)}
            answer = Answer(refusal.status, body | ({"parameters": refusal.parameters} if refusal.parameters else {}))
        except Dropped:
            call.status = 0
            raise
        finally:
            if method != "getUpdates":
                self.calls.append(call)
            async with self._news:
                self._news.notify_all()
        return answer

    async def _control(self, name: str, arguments: dict[str, Any]) -> Answer:
        result = getattr(self, name)(**arguments)
        if inspect.isawaitable(result):
            result = await result
        return Answer(200, result)

    async def _carry_out(self, call: Call) -> Any:
        handler = getattr(self, f"_api_{call.method}", None)
        is_known = call.method in MINIMAL_METHODS if self.is_minimal else call.method not in self.lacks
        if handler is None or not is_known:
            raise Refusal(404, "Not Found")
        if self.latency_s and call.method != "getUpdates":
            await asyncio.sleep(self.latency_s)
        chat_id = call.params.get("chat_id")
        fault = next((fault for fault in self._faults if fault.strikes(call.method, chat_id)), None)
        if fault is not None and not fault.drops_answer:
            raise Refusal(fault.status, fault.description or "injected", fault.parameters)
        if self.is_strict and call.method == "sendMessage":
            wait_s = self._limits.seconds_until_allowed(int(call.params["chat_id"]), self.now())
            if wait_s > 0:
                retry_after = math.ceil(wait_s)
                raise Refusal(429, f"Too Many Requests: retry after {retry_after}", {"retry_after": retry_after})
        result = handler(call)
        if inspect.isawaitable(result):
            result = await result
        if fault is not None:
            raise Dropped
        return result

    # --- the methods of the Bot API -----------------------------------------------------------------------------

    def _api_getMe(self, call: Call) -> dict[str, Any]:
        return self.me

    async def _api_getUpdates(self, call: Call) -> list[dict[str, Any]]:
        if self._webhook is not None:
            raise Refusal(409, "Conflict: can't use getUpdates method while webhook is active")
        if self._poll is not None and self.is_polled:
            self._poll.set_exception(Refusal(409, "Conflict: terminated by other getUpdates request"))
        self._poll = terminated = asyncio.get_running_loop().create_future()
        self.polls += 1
        async with self._news:
            self._news.notify_all()
        self._allow(call)
        self._confirm(int(call.params.get("offset", 0)))
        limit = min(100, int(call.params.get("limit", 100)))
        deadline = time.monotonic() + float(call.params.get("timeout", 0))
        try:
            while not self._updates and (left_s := deadline - time.monotonic()) > 0:
                self._new_update.clear()
                news = asyncio.ensure_future(self._new_update.wait())
                await asyncio.wait({news, terminated}, timeout=left_s, return_when="FIRST_COMPLETED")
                news.cancel()
                if terminated.done():
                    terminated.result()
        finally:
            terminated.cancel()
        return [update for _, update in itertools.islice(self._updates, limit)]

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            while len(self._updates) > -offset:
                self._updates.popleft()
        while self._updates and self._updates[0][1]["update_id"] < offset:
            self._updates.popleft()
        while self._updates and self.now() - self._updates[0][0] > DAY_S:
            self._updates.popleft()

    def _allow(self, call: Call) -> None:
        if "allowed_updates" in call.params:
            self._allowed = set(call.params["allowed_updates"])

    async def _api_setWebhook(self, call: Call) -> bool:
        await self._api_deleteWebhook(call)
        self._allow(call)
        self._webhook = Webhook(call.params["url"], call.params.get("secret_token", ""), self._forget, self._pushes)
        for _, update in self._updates:
            self._webhook.push(update)
        return True

    async def _api_deleteWebhook(self, call: Call) -> bool:
        if self._webhook is not None:
            await self._webhook.close()
        self._webhook = None
        return True

    async def _forget(self, update: dict[str, Any]) -> None:
        self._updates = deque(entry for entry in self._updates if entry[1] is not update)
        async with self._news:
            self._news.notify_all()

    def _api_sendMessage(self, call: Call) -> dict[str, Any]:
        text = str(call.params.get("text", ""))
        if not text.strip():
            raise Refusal(400, "Bad Request: message text is empty")
        if len(text.encode("utf-16-le")) // 2 > UNITS_PER_MESSAGE:
            raise Refusal(400, "Bad Request: message is too long")
        return self._made(call, text=text)

    def _api_sendDocument(self, call: Call) -> dict[str, Any]:
        return self._made(call, document={"file_id": "1", "file_unique_id": "1"})

    def _api_editMessageText(self, call: Call) -> dict[str, Any]:
        chat = {"id": call.params["chat_id"], "type": "private"}
        message_id = int(call.params["message_id"])
        return {"message_id": message_id, "date": int(self.now()), "chat": chat, "text": call.params["text"]}

    def _api_editMessageReplyMarkup(self, call: Call) -> dict[str, Any]:
        message_id = int(call.params["message_id"])
        shown = [
            each.params.get("reply_markup")
            for each in self.calls
            if each.status == 200 and message_id in (each.message_id, each.params.get("message_id"))
        ]
        if shown and shown[-1] == call.params.get("reply_markup"):
            raise Refusal(400, "Bad Request: message is not modified")
        chat = {"id": call.params["chat_id"], "type": "private"}
        return {"message_id": message_id, "date": int(self.now()), "chat": chat, "text": "?"}

    def _api_answerInlineQuery(self, call: Call) -> bool:
        ids = [result["id"] for result in call.params["results"]]
        if len(ids) > INLINE_RESULTS or len(set(ids)) < len(ids) or any(len(each.encode()) > 64 for each in ids):
            raise Refusal(400, "Bad Request: RESULT_ID_INVALID")
        return True

    def _made(self, call: Call, **content: Any) -> dict[str, Any]:
        call.message_id = next(self._message_ids)
        chat_id = int(call.params["chat_id"])
        chat = {"id": chat_id, "type": "private" if chat_id > 0 else "supergroup"}
        return {"message_id": call.message_id, "date": int(self.now()), "chat": chat, "from": self.me, **content}

    def _api_true(self, call: Call) -> bool:
        return True

    _api_sendMessageDraft = _api_sendChatAction = _api_answerCallbackQuery = _api_setMyCommands = _api_true


@contextlib.asynccontextmanager
async def telegram_server(fake: FakeTelegram | None = None, port: int = 0) -> AsyncIterator[FakeTelegram]:
    """Serve on the loopback; yields the state, which knows its base URL."""
    fake = fake or FakeTelegram()
    async with serve(fake.answer, port) as fake.url:
        try:
            yield fake
        finally:
            await fake.close()


async def main() -> None:
    """Serve until standard input ends or the process is told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--minimal", action="store_true", help="only getMe, getUpdates and sendMessage exist")
    parser.add_argument("--strict", action="store_true", help="answer 429 above Telegram's limits")
    parser.add_argument("--latency-s", type=float, default=0.0)
    options = parser.parse_args()
    fake = FakeTelegram(
        token=options.token, is_minimal=options.minimal, is_strict=options.strict, latency_s=options.latency_s
    )
    async with telegram_server(fake, options.port):
        sys.stdout.write(json.dumps({"url": fake.url}) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
