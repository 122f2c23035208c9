"""The bot that python-telegram-bot's examples begin with, and that keeps what is said: our path is compared with it.

`python -m benchmarks.stock URL DATABASE` prints `ready` once it polls. Durable as far as it goes: message and reply are
committed together before the reply is sent, with the same settings of SQLite as ours. What Telegram has handed over is
lost if the process dies before its handler has run.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

from telegram import Update
from telegram.ext import Application, ContextTypes, MessageHandler, filters

from tests.telegram_server import TOKEN


def main(url: str, database: Path) -> None:
    """Poll until the process is told to stop."""
    log = _opened(database)

    async def answer(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        message = update.message
        assert message is not None and message.text is not None
        reply = f"echo: {message.text}"
        rows = [(message.chat_id, "person", message.text, time.time()), (message.chat_id, "bot", reply, time.time())]
        with log:
            log.executemany("INSERT INTO messages (chat, speaker, text, at) VALUES (?, ?, ?, ?)", rows)
        await message.reply_text(reply)

    async def ready(application: Application[Any, Any, Any, Any, Any, Any]) -> None:
        print("ready", flush=True)

    application = Application.builder().token(TOKEN).base_url(f"{url}/bot").post_init(ready).build()
    application.add_handler(MessageHandler(filters.TEXT & ~filters.COMMAND, answer))
    application.run_polling(allowed_updates=Update.ALL_TYPES)


def _opened(database: Path) -> sqlite3.Connection:
    log = sqlite3.connect(database)
    log.execute("PRAGMA journal_mode = WAL")
    log.execute("PRAGMA synchronous = FULL")
    log.execute("CREATE TABLE messages (id INTEGER PRIMARY KEY, chat INTEGER, speaker TEXT, text TEXT, at REAL)")
    return log


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
