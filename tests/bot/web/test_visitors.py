"""Visitors are known by a signed cookie that scripts cannot read and other sites cannot use."""

from __future__ import annotations

from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient

from bot.web.visitors import COOKIE, kept_secret
from dialogue.errors import SettingsError
from tests.bot.web.world import World


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(world: World) -> None:
    async with world.browser() as client:
        cookie = (await client.get("/api/chat")).headers["set-cookie"]

    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie


async def test_over_https_the_cookie_never_travels_in_the_clear(world: World) -> None:
    async with AsyncClient(transport=ASGITransport(world.app), base_url="https://chat.test") as client:
        cookie = (await client.get("/api/chat")).headers["set-cookie"]

    assert "Secure" in cookie.split("; ")


async def test_the_page_itself_sets_no_cookie_since_links_from_elsewhere_come_without_theirs(world: World) -> None:
    async with world.browser() as client:
        response = await client.get("/")

    assert "set-cookie" not in response.headers


async def test_a_visitor_keeps_their_cookie(world: World) -> None:
    async with world.visitor() as client:
        before = client.cookies[COOKIE]
        await client.get("/api/chat")

        assert client.cookies[COOKIE] == before


@pytest.mark.parametrize(
    "forge", ["{id}", "{id}.", "{id}x.{signature}", "{id}.{signature}x", "other.{signature}", "ÿ.ÿ"]
)
async def test_a_cookie_that_was_tampered_with_is_nobodys(world: World, forge: str) -> None:
    async with world.visitor() as client:
        visitor, _, signature = client.cookies[COOKIE].rpartition(".")
        client.cookies.clear()
        forged = forge.format(id=visitor, signature=signature)

        response = await client.post(
            "/api/messages", json={"text": "Hello."}, headers={b"Cookie": f"{COOKIE}={forged}".encode("latin-1")}
        )

    assert response.status_code == 401


def test_a_secret_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "web-secret"

    secret = kept_secret(path)

    assert kept_secret(path) == secret
    assert len(secret) >= 43
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_an_empty_secret_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "web-secret"
    path.touch()

    with pytest.raises(SettingsError, match="web-secret is empty"):
        kept_secret(path)
