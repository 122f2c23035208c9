from __future__ import annotations

from pathlib import Path

import pytest

from bot.settings import default_data_dir, load_settings
from dialogue.errors import SettingsError
from tests.bot.environment import forget_settings

TOKEN = "123456:do-not-show-this-token"
SECRET = "do-not-show-this-secret"


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    forget_settings(monkeypatch)
    monkeypatch.chdir(tmp_path)


def refusal(monkeypatch: pytest.MonkeyPatch, **values: str) -> str:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return str(caught.value)


def test_everything_has_a_default() -> None:
    settings = load_settings()

    assert (settings.model, settings.device, settings.seed) == ("embedded", "auto", "isp-support-ru,isp-support-en")
    assert (settings.web_host, settings.web_port, settings.log_level) == ("127.0.0.1", 8080, "INFO")
    assert not settings.telegram_token
    assert not settings.redis_url
    assert settings.sql_url == f"sqlite:///{settings.data_dir}/govorun.db"


def test_new_chats_may_begin_with_several_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings(seed="one, another").first_seeds == ("one", "another")

    assert "divided by commas" in refusal(monkeypatch, GOVORUN_SEED="one,,another")


def test_data_lives_in_the_checkout_wherever_the_command_is_called_from() -> None:
    assert default_data_dir() == Path(__file__).parents[2] / "data"


def test_an_env_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("GOVORUN_WEB_PORT=9000\nGOVORUN_SEED=small-talk-en\nPOSTGRES_PASSWORD=of-somebody-else\n")
    monkeypatch.setenv("GOVORUN_WEB_PORT", "9001")

    settings = load_settings()

    assert (settings.web_port, settings.seed) == (9001, "small-talk-en")


def test_the_command_line_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOVORUN_WEB_PORT", "9001")

    assert load_settings(web_port=9002).web_port == 9002


def test_an_empty_value_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOVORUN_TELEGRAM_TOKEN", "")
    monkeypatch.setenv("GOVORUN_WEB_PORT", "")

    settings = load_settings()

    assert not settings.telegram_token
    assert settings.web_port == 8080


def test_an_unknown_name_is_refused_with_the_nearest_one(monkeypatch: pytest.MonkeyPatch) -> None:
    text = refusal(monkeypatch, GOVORUN_TELEGRAM_TOKN=TOKEN)

    assert "GOVORUN_TELEGRAM_TOKN is not a setting; did you mean GOVORUN_TELEGRAM_TOKEN?" in text
    assert TOKEN not in text


def test_an_unknown_name_in_the_env_file_is_refused_too() -> None:
    Path(".env").write_text("GOVORUN_WEBPORT=1\n")

    with pytest.raises(SettingsError, match="did you mean GOVORUN_WEB_PORT"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("GOVORUN_WEB_PORT", "http", "a number from 1 to 65535"),
        ("GOVORUN_WEB_PORT", "70000", "a number from 1 to 65535"),
        ("GOVORUN_DEVICE", "gpu", "auto, cpu, cuda or cuda:N"),
        ("GOVORUN_LOG_LEVEL", "loud", "DEBUG, INFO, WARNING, ERROR"),
        ("GOVORUN_TELEGRAM_API_URL", "localhost:8081", "the base address of a Bot API server"),
        ("GOVORUN_MODEL", "ftp://host/v1", "http(s)://HOST/v1"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str
) -> None:
    text = refusal(monkeypatch, **{name: value})

    assert f"{name}='{value}'" in text
    assert allowed in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GOVORUN_TELEGRAM_TOKEN", SECRET),
        ("GOVORUN_WEBHOOK_SECRET", SECRET + "!"),
        ("GOVORUN_REDIS_URL", f"http://:{SECRET}@localhost"),
        ("GOVORUN_DATABASE_URL", f"mysql://me:{SECRET}@localhost/log"),
    ],
)
def test_a_wrong_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    text = refusal(monkeypatch, **{name: value})

    assert name in text
    assert SECRET not in text


def test_every_wrong_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    text = refusal(monkeypatch, GOVORUN_WEB_PORT="http", GOVORUN_DEVICE="gpu")

    assert "GOVORUN_WEB_PORT" in text
    assert "GOVORUN_DEVICE" in text


def test_no_repr_shows_a_secret() -> None:
    settings = load_settings(
        telegram_token=TOKEN,
        webhook_secret=SECRET,
        redis_url=f"redis://:{SECRET}@localhost",
        database_url=f"postgresql://me:{SECRET}@localhost/log",
        model=f"https://me:{SECRET}@localhost/v1",
    )

    shown = repr(settings) + str(settings)

    assert TOKEN not in shown
    assert SECRET not in shown


def test_a_webhook_needs_a_secret_and_the_error_says_how_to_make_one(monkeypatch: pytest.MonkeyPatch) -> None:
    text = refusal(monkeypatch, GOVORUN_WEBHOOK_URL="https://bot.example.org/telegram")

    assert "GOVORUN_WEBHOOK_SECRET must be set" in text
    assert "secrets.token_urlsafe" in text


def test_telegram_itself_calls_encrypted_addresses_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOVORUN_WEBHOOK_SECRET", SECRET)

    assert "https://" in refusal(monkeypatch, GOVORUN_WEBHOOK_URL="http://bot.example.org")

    monkeypatch.setenv("GOVORUN_TELEGRAM_API_URL", "http://localhost:8081/")
    assert load_settings().webhook_url == "http://bot.example.org"
    assert load_settings().telegram_api_url == "http://localhost:8081"


def test_passwords_in_addresses_count_as_secrets() -> None:
    settings = load_settings(
        telegram_token=TOKEN, redis_url="redis://:of%20redis@localhost", model="https://of-model@localhost/v1"
    )

    assert {TOKEN, "of%20redis", "of redis", "of-model"} <= set(settings.secrets())
