"""What `govorun doctor` looks at: each checkup says how one part is, and how to mend it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bot.addresses import without_passwords
from bot.running.data_folder import prepare
from bot.running.progress import ShowProgress
from bot.settings import EMBEDDED_MODEL, Settings
from dialogue.errors import GovorunError, ModelRefused, SettingsError
from dialogue.turns import Prompt, Sampling
from storage.live.embedded import embedded_redis
from storage.live.redis_connection import redis_connection, translated_errors
from storage.log.migration_state import newest_version, table_version


class Verdict(StrEnum):
    """How a part is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Finding:
    """How one part is.

    Args:
        mend: what to do about it; empty where nothing has to be done.
    """

    verdict: Verdict
    detail: str
    mend: str = ""


Checkup = Callable[[Settings], Awaitable[Finding]]

# The log of a busy year takes some gigabytes; the converted model half of one.
_SPARE_BYTES = 2 * 2**30
_LEAST_BYTES = 300 * 2**20

# The embedded model in use takes 1.1 GiB, the other processes together half of that.
_SPARE_MEMORY_BYTES = 2 * 2**30


async def telegram(settings: Settings) -> Finding:
    """Ask the Bot API server who the token's bot is."""
    from telegram.error import InvalidToken, TelegramError

    from bot.telegram.client import BotClient

    if not settings.telegram_token:
        return Finding(Verdict.OFF, "GOVORUN_TELEGRAM_TOKEN is not set")
    bot = BotClient(settings.telegram_token.get_secret_value(), settings.telegram_api_url)
    try:
        await bot.initialize()
    except InvalidToken:
        return Finding(Verdict.FAIL, "Telegram does not know the token", "get the right one from @BotFather (/token)")
    except TelegramError as error:
        mend = f"see whether this machine reaches {without_passwords(settings.telegram_api_url)}"
        return Finding(Verdict.FAIL, str(error), f"{mend} (GOVORUN_TELEGRAM_API_URL; HTTPS_PROXY for a proxy)")
    else:
        return Finding(Verdict.OK, f"@{bot.username}, by {'webhook' if settings.webhook_url else 'polling'}")
    finally:
        await bot.shutdown()


async def redis(settings: Settings) -> Finding:
    """Connect, and see whether what is written survives."""
    async with _redis_url(settings) as url, redis_connection(url) as connection, translated_errors():
        info = await connection.info()
    name = "Valkey" if "valkey_version" in info else "Redis"
    detail = f"{name} {info.get('valkey_version', info['redis_version'])}, {info['used_memory_human']} in use"
    if not settings.redis_url:
        return Finding(Verdict.OK, f"embedded {detail}")
    if not info["aof_enabled"]:
        mend = "redis-cli CONFIG SET appendonly yes; without it a restart has to rebuild everything from SQL"
        return Finding(Verdict.WARN, f"{detail}, does not write down what it holds", mend)
    return Finding(Verdict.OK, detail)


async def sql(settings: Settings) -> Finding:
    """Connect, and compare the tables with what this version wants."""
    version, newest = await table_version(settings.sql_url), newest_version()
    name = without_passwords(settings.sql_url)
    if version is None:
        return Finding(Verdict.OK, f"{name}, tables are made at the first start")
    if version > newest:
        mend = f"install the newer Govorun that made them: this one knows tables up to {newest}"
        return Finding(Verdict.FAIL, f"{name}, tables of version {version}", mend)
    if version < newest:
        return Finding(Verdict.WARN, f"{name}, tables of version {version}", f"the next start brings them to {newest}")
    return Finding(Verdict.OK, f"{name}, tables of version {version}")


def model(show: ShowProgress) -> Checkup:
    """Return the checkup that loads the model and has it write a word."""

    async def write_a_word(settings: Settings) -> Finding:
        from dialogue.engine.opening import open_engine

        async with open_engine(settings.engine, show) as engine:
            prompt = Prompt("One, two, three,", stops=(), sampling=Sampling(max_new_tokens=2), draw=0)
            completion = await engine.generate(prompt, lambda text: None)
            name = "embedded " if settings.model == EMBEDDED_MODEL else ""
            return Finding(Verdict.OK, f"{name}{engine.model} writes, {completion.duration_s * 1000:.0f} ms for a word")

    return write_a_word


async def device(settings: Settings) -> Finding:
    """See what the model runs on."""
    from dialogue.engine.devices import describe

    if settings.is_model_remote:
        return Finding(Verdict.OFF, "the model runs elsewhere")
    try:
        return Finding(Verdict.OK, describe(settings.device))
    except ModelRefused as error:
        mend = "set GOVORUN_DEVICE=auto, or install torch for your GPU's CUDA (https://pytorch.org/get-started)"
        return Finding(Verdict.FAIL, str(error), mend)


async def disk(settings: Settings) -> Finding:
    """See whether the data directory can be written to and has room."""
    prepare(settings.data_dir)
    free_bytes = shutil.disk_usage(settings.data_dir).free
    detail = f"{_gib(free_bytes)} free at {settings.data_dir}"
    mend = "free some, or set GOVORUN_DATA_DIR to another disk"
    if free_bytes < _LEAST_BYTES:
        return Finding(Verdict.FAIL, detail, mend)
    return Finding(Verdict.WARN, detail, mend) if free_bytes < _SPARE_BYTES else Finding(Verdict.OK, detail)


async def memory(settings: Settings) -> Finding:
    """See whether the model has room."""
    available_bytes = _available_memory_bytes()
    if available_bytes is None:
        return Finding(Verdict.OFF, "not known on this system")
    detail = f"{_gib(available_bytes)} available"
    if available_bytes < _SPARE_MEMORY_BYTES and not settings.is_model_remote:
        return Finding(
            Verdict.WARN, detail, "close other programs, or have the model elsewhere (GOVORUN_MODEL=https://…)"
        )
    return Finding(Verdict.OK, detail)


async def checked(checkup: Checkup, settings: Settings, mend: str) -> Finding:
    """Carry a checkup out; an error of ours is what it found.

    Args:
        mend: what to do about errors that do not say it themselves.
    """
    try:
        return await checkup(settings)
    except (SettingsError, ModelRefused) as error:
        return Finding(Verdict.FAIL, str(error))
    except GovorunError as error:
        return Finding(Verdict.FAIL, str(error), mend)


@asynccontextmanager
async def _redis_url(settings: Settings) -> AsyncIterator[str]:
    if settings.redis_url:
        yield settings.redis_url.get_secret_value()
    else:
        prepare(settings.data_dir)
        async with embedded_redis(settings.data_dir) as url:
            yield url


def _available_memory_bytes() -> int | None:
    try:
        rows = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    except FileNotFoundError:
        return None
    return int(rows["MemAvailable"].split()[0]) * 1024


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / 2**30:.1f} GiB"
