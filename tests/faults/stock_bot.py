"""The control: an echo bot as python-telegram-bot's own examples write it, killed after so many messages."""

from __future__ import annotations

import argparse
import os
import signal
from typing import Any

from telegram import Update
from telegram.ext import Application, ContextTypes, MessageHandler, filters


def main() -> None:
    """Run the bot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kill-after", type=int, default=0)
    left = parser.parse_args().kill_after

    async def echo(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        nonlocal left
        assert update.message is not None
        await update.message.reply_text(f"echo: {update.message.text}")
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    async def ready(application: Any) -> None:
        print("ready", flush=True)  # noqa: T201

    builder = Application.builder().token(os.environ["GOVORUN_TELEGRAM_TOKEN"]).post_init(ready)
    application = builder.base_url(os.environ["GOVORUN_TELEGRAM_API_URL"] + "/bot").build()
    application.add_handler(MessageHandler(filters.TEXT, echo))
    application.run_polling(poll_interval=0.0)


if __name__ == "__main__":
    main()
