"""The settings: `GOVORUN_*` in the environment or in a `.env` file, checked before anything starts."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from bot.addresses import checked_database_url, checked_redis_url, checked_web_url, passwords_in, without_passwords
from dialogue.engine.opening import EngineSettings
from dialogue.errors import SettingsError

PREFIX = "GOVORUN_"
TELEGRAM_API_URL = "https://api.telegram.org"
EMBEDDED_MODEL = "embedded"

_SECRETS = {"telegram_token", "webhook_secret", "redis_url", "database_url"}
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def default_data_dir() -> Path:
    """Return `data` in the checkout that this code is in, else where XDG has installed programs keep theirs."""
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / "pyproject.toml").is_file():
        return checkout / "data"
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "govorun"


class Settings(BaseSettings):
    """Everything that can be set; the description of a field says what it takes, `docs/settings.md` what it does."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    telegram_token: SecretStr = Field(default=SecretStr(""), description="a token as @BotFather gives it (123456:ABC…)")
    telegram_api_url: str = Field(default=TELEGRAM_API_URL, description="the base address of a Bot API server")
    webhook_url: str = Field(default="", description="the public https:// address at which Telegram reaches this bot")
    webhook_secret: SecretStr = Field(default=SecretStr(""), description="16 to 256 of the characters A-Z a-z 0-9 _ -")
    redis_url: SecretStr = Field(
        default=SecretStr(""), description="redis://:PASSWORD@HOST:PORT/0, rediss://… or unix:///PATH"
    )
    database_url: SecretStr = Field(
        default=SecretStr(""), description="postgresql://USER:PASSWORD@HOST/NAME or sqlite:///PATH"
    )
    data_dir: Path = Field(default_factory=default_data_dir, description="a folder that may be written to")
    model: str = Field(
        default=EMBEDDED_MODEL,
        description="'embedded', 'echo', a folder, a model of the Hugging Face hub (ORG/NAME), or http(s)://HOST/v1",
    )
    device: str = Field(default="auto", description="auto, cpu, cuda or cuda:N", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    precision: str = Field(
        default="auto", description="auto, int8 (CPUs), bf16 or fp32", pattern=r"^(auto|int8|bf16|fp32)$"
    )
    cache_gb: float | None = Field(default=None, description="a number of gigabytes, such as 4 or 0.5", gt=0)
    seed: str = Field(
        default="isp-support-ru,isp-support-en",
        description="names of seeds (govorun seeds list), divided by commas",
        pattern=r"^\s*[\w-]+\s*(,\s*[\w-]+\s*)*$",
    )
    seed_adapters: bool = Field(default=True, description="true or false")
    web_host: str = Field(
        default="127.0.0.1", description="an address of this machine, 0.0.0.0 for all of them", min_length=1
    )
    web_port: int = Field(default=8080, description="a port, a number from 1 to 65535", ge=1, le=65535)
    mask_people: bool = Field(default=False, description="true or false")
    log_level: str = Field(default="INFO", description="one of " + ", ".join(_LEVELS))

    @property
    def sql_url(self) -> str:
        """The database, by default a file in the data directory."""
        return self.database_url.get_secret_value() or f"sqlite:///{self.data_dir / 'govorun.db'}"

    @property
    def first_seeds(self) -> tuple[str, ...]:
        """With which seeds new chats may begin, by name."""
        return tuple(name.strip() for name in self.seed.split(","))

    @property
    def sql_file(self) -> Path | None:
        """The database's file; None where a server has it."""
        dialect, _, path = self.sql_url.partition(":///")
        return Path(path.partition("?")[0]) if dialect == "sqlite" else None

    @property
    def engine(self) -> EngineSettings:
        """What concerns the model."""
        return EngineSettings(self.model, self.data_dir, self.device, self.precision, self.cache_gb)

    @property
    def is_model_remote(self) -> bool:
        """Whether the model is served by somebody else, at an address."""
        return self.model.startswith(("http://", "https://"))

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Return what a repr shows: a model's address may hold a password, too."""
        return [(name, without_passwords(value) if isinstance(value, str) else value) for name, value in self]

    def secrets(self) -> list[str]:
        """Return what must never be shown, passwords in addresses included."""
        addresses = (self.redis_url.get_secret_value(), self.database_url.get_secret_value(), self.model)
        passwords = [password for address in addresses for password in passwords_in(address)]
        return [self.telegram_token.get_secret_value(), self.webhook_secret.get_secret_value(), *passwords]

    @field_validator("telegram_token")
    @classmethod
    def _check_token(cls, value: SecretStr) -> SecretStr:
        # The part before the colon is the bot's id; what follows is Telegram's business.
        return _matching(r"\d+:\S+", value, "it is not a number, a colon and a key")

    @field_validator("webhook_secret")
    @classmethod
    def _check_secret(cls, value: SecretStr) -> SecretStr:
        # Stricter than Telegram's own rule (1 to 256 of these): a short secret can be guessed.
        return _matching(r"[A-Za-z0-9_-]{16,256}", value, "its length or one of its characters is not allowed")

    @field_validator("telegram_api_url", "webhook_url")
    @classmethod
    def _check_web_url(cls, value: str) -> str:
        return checked_web_url(value) if value else value

    @field_validator("redis_url")
    @classmethod
    def _check_redis(cls, value: SecretStr) -> SecretStr:
        return SecretStr(checked_redis_url(value.get_secret_value())) if value else value

    @field_validator("database_url")
    @classmethod
    def _check_database(cls, value: SecretStr) -> SecretStr:
        return SecretStr(checked_database_url(value.get_secret_value())) if value else value

    @field_validator("data_dir")
    @classmethod
    def _resolve_data_dir(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @field_validator("model")
    @classmethod
    def _check_model(cls, value: str) -> str:
        return checked_web_url(value) if "://" in value else value

    @field_validator("log_level")
    @classmethod
    def _check_level(cls, value: str) -> str:
        if value.upper() not in _LEVELS:
            raise ValueError("there is no such level")
        return value.upper()

    @model_validator(mode="after")
    def _check_webhook(self) -> Self:
        if not self.webhook_url:
            return self
        if not self.webhook_secret:
            raise ValueError(
                "GOVORUN_WEBHOOK_URL is set, so GOVORUN_WEBHOOK_SECRET must be set too: it proves that a call comes "
                'from Telegram; make one with: python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
            )
        # A Bot API server of one's own may call any address, Telegram's own only encrypted ones.
        if self.telegram_api_url == TELEGRAM_API_URL and not self.webhook_url.startswith("https://"):
            raise ValueError(f"GOVORUN_WEBHOOK_URL={self.webhook_url!r}: Telegram calls https:// addresses only")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let arguments win over the environment and that over `.env`, unknown names in any of them being refused."""
        for source in (env_settings, dotenv_settings):
            assert isinstance(source, EnvSettingsSource)
            _refuse_unknown(source.env_vars)
        return init_settings, env_settings, dotenv_settings


def load_settings(env_file: Path | None = Path(".env"), **overrides: Any) -> Settings:
    """Read the settings from the environment and `.env`; `overrides` are what the command line says.

    Raises:
        SettingsError: a name is unknown or a value wrong; the text says what is allowed.
    """
    try:
        return Settings(_env_file=env_file, **overrides)  # type: ignore[call-arg]
    except ValidationError as error:
        # Not chained: the cause would show the values, secrets among them.
        raise SettingsError("\n".join(_sentence(each) for each in error.errors())) from None


def names() -> list[str]:
    """Return the names of all settings as the environment has them."""
    return [PREFIX + name.upper() for name in Settings.model_fields]


def _sentence(error: Mapping[str, Any]) -> str:
    complaint = str(error["msg"]).removeprefix("Value error, ")
    if not error["loc"]:
        return complaint
    field = str(error["loc"][0])
    value = "***" if field in _SECRETS else repr(str(error["input"]))
    complaint = complaint.replace("Input should be", "it is not")
    allowed = Settings.model_fields[field].description
    return f"{PREFIX}{field.upper()}={value} is not right: {complaint}. It takes {allowed}."


def _matching(pattern: str, value: SecretStr, complaint: str) -> SecretStr:
    if value and not re.fullmatch(pattern, value.get_secret_value()):
        raise ValueError(complaint)
    return value


def _refuse_unknown(present: Iterable[str]) -> None:
    known = names()
    for name in sorted(name.upper() for name in present):
        if name.startswith(PREFIX) and name not in known:
            nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
            raise SettingsError(f"{name} is not a setting; did you mean {nearest}? All of them are in docs/settings.md")
