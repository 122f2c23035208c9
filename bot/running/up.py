"""`govorun up`: everything on one machine, in one command."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from bot.addresses import without_passwords
from bot.running.child import Child
from bot.running.data_folder import only_one, prepare
from bot.running.notifying import notify_ready
from bot.running.progress import shown_progress
from bot.running.supervisor import Wave, supervise
from bot.settings import EMBEDDED_MODEL, PREFIX, Settings
from dialogue.errors import SettingsError
from storage.live.embedded import embedded_redis

# Together less than the ten seconds that containers give. Who takes messages goes first, who answers them second.
_FRONT_GRACE_S = 2.5
_WORKER_GRACE_S = 6.5


async def up(settings: Settings, console: Console) -> int:
    """Run everything until it is told to stop; return the exit code.

    Raises:
        SettingsError: it runs already on this data directory, or the web page's port is taken.
        StorageUnavailable: the embedded Redis does not start.
    """
    prepare(settings.data_dir)
    async with AsyncExitStack() as stack:
        stack.enter_context(only_one(settings.data_dir))
        refuse_taken_port(settings.web_host, settings.web_port)
        redis_url = settings.redis_url.get_secret_value()
        if not redis_url:
            redis_url = await stack.enter_async_context(embedded_redis(settings.data_dir))
        # Not in the data directory: its path may be too long for a socket.
        sockets = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="govorun-")))
        metrics = _emptied(settings.data_dir / "metrics")
        env = _environment(settings, redis_url, metrics)
        progress = stack.enter_context(ExitStack())
        show = progress.enter_context(shown_progress(console))

        def hear(fields: Mapping[str, str]) -> None:
            if "X_GOVORUN_STAGE" in fields:
                show(fields["X_GOVORUN_STAGE"], float(fields["X_GOVORUN_SHARE"]))

        def ended(pid: int) -> None:
            # A gauge of a process that is gone must not be added up any longer.
            for file in metrics.glob(f"gauge_live*_{pid}.db"):
                file.unlink()

        def ready() -> None:
            progress.close()
            console.print(_welcome(settings))
            notify_ready()

        def ending() -> None:
            progress.close()
            console.print("Stopping …")

        def child(name: str) -> Child:
            command = [sys.executable, "-m", "bot.cli", name, "--supervised"]
            return Child(name, command, env, sockets, hear, ended)

        front = [child("web"), *([child("bot")] if settings.telegram_token else [])]
        waves = [Wave(front, _FRONT_GRACE_S), Wave([child("worker")], _WORKER_GRACE_S)]
        return await supervise(waves, ready, ending)


def refuse_taken_port(host: str, port: int) -> None:
    """See whether the web page can be served there, before anything is started.

    Raises:
        SettingsError: it cannot; the text says how to choose another port.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        socket.create_server((str(address[0]), port), family=family).close()
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (while")[0]
        raise SettingsError(
            f"the web page cannot be served at {host}:{port} ({reason}); "
            "choose another port with --port or GOVORUN_WEB_PORT, another address with GOVORUN_WEB_HOST"
        ) from error


def _environment(settings: Settings, redis_url: str, metrics: Path) -> dict[str, str]:
    """Return what the children get: what was found out here stays as it is, whatever `.env` says."""
    return {
        **os.environ,
        f"{PREFIX}REDIS_URL": redis_url,
        f"{PREFIX}DATA_DIR": str(settings.data_dir),
        f"{PREFIX}WEB_PORT": str(settings.web_port),
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
    }


def _emptied(folder: Path) -> Path:
    """Return the folder without what the processes of an earlier time left there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _welcome(settings: Settings) -> Panel:
    redis, database = (settings.redis_url.get_secret_value(), settings.database_url.get_secret_value())
    rows = Table.grid(padding=(0, 2))
    rows.add_row("Chat page", f"[bold]{_page(settings)}[/bold]")
    rows.add_row("Review", f"{_page(settings)}/review")
    rows.add_row("Accounts", "govorun operators add NAME")
    rows.add_row("Terminal", "govorun chat")
    rows.add_row("Telegram", "on" if settings.telegram_token else "off; set GOVORUN_TELEGRAM_TOKEN to turn it on")
    rows.add_row("Model", "Gemma 3 270M" if settings.model == EMBEDDED_MODEL else without_passwords(settings.model))
    rows.add_row("Log", without_passwords(database) or "SQLite")
    rows.add_row("Live state", without_passwords(redis) or "embedded Valkey")
    rows.add_row("Data", str(settings.data_dir))
    return Panel(rows, title="Govorun is ready", subtitle="Ctrl-C stops it, nothing is lost", expand=False)


def _page(settings: Settings) -> str:
    # The address of all interfaces is none that a browser can open.
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.web_host, settings.web_host)  # noqa: S104
    return f"http://{host}:{settings.web_port}"
