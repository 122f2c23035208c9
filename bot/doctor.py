"""`govorun doctor`: one table of how everything is, and what to do about what is not."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot import checkups
from bot.checkups import Verdict, checked
from bot.logs import redactor
from bot.running.progress import shown_progress
from bot.settings import Settings

_STYLES = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red", Verdict.OFF: "dim"}


async def examine(settings: Settings, console: Console) -> int:
    """Print how every part is; return 1 if one of them fails, else 0."""
    redact = redactor(settings.secrets())
    table = Table("part", "", "found", "what to do", box=None, header_style="bold")
    verdicts = []
    with shown_progress(Console(stderr=True)) as show:
        parts = {
            "data": (checkups.disk, ""),
            "memory": (checkups.memory, ""),
            "Redis": (
                checkups.redis,
                "start the server at GOVORUN_REDIS_URL, or leave that empty for the embedded one",
            ),
            "SQL": (checkups.sql, "start the server at GOVORUN_DATABASE_URL, or leave that empty for SQLite"),
            "device": (checkups.device, ""),
            "model": (checkups.model(show), "see that GOVORUN_MODEL is there and can be reached"),
            "Telegram": (checkups.telegram, ""),
        }
        for name, (checkup, mend) in parts.items():
            finding = await checked(checkup, settings, mend)
            verdicts.append(finding.verdict)
            verdict = Text(finding.verdict, style=_STYLES[finding.verdict])
            table.add_row(name, verdict, Text(redact(finding.detail)), Text(redact(finding.mend)))
    console.print(table)
    return 1 if Verdict.FAIL in verdicts else 0
