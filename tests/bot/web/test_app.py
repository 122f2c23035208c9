"""The application as a whole: a fault is told in one sentence, with the secure headers, and nothing of it leaks."""

from __future__ import annotations

from fastapi import APIRouter
from httpx import ASGITransport, AsyncClient

from bot.web.app import web_app
from bot.web.security import HEADERS
from dialogue.errors import StorageUnavailable

router = APIRouter()


@router.get("/fault")
async def fault() -> None:
    raise RuntimeError("the token is 123:ABC")


@router.get("/outage")
async def outage() -> None:
    raise StorageUnavailable("SQL: postgresql://user:password@host is down")


def client() -> AsyncClient:
    return AsyncClient(
        transport=ASGITransport(web_app(router), raise_app_exceptions=False), base_url="http://chat.test"
    )


async def test_a_fault_is_told_without_its_details() -> None:
    async with client() as browser:
        response = await browser.get("/fault")

    assert response.status_code == 500
    assert response.json() == {"reason": "failure", "error": "Something went wrong on the server. Try again."}
    assert {name: response.headers[name] for name in HEADERS} == HEADERS


async def test_who_follows_a_link_to_nowhere_gets_a_page_that_leads_back() -> None:
    async with client() as browser:
        response = await browser.get("/review/none", headers={"Accept": "text/html,*/*", "Accept-Language": "ru"})

    assert (response.status_code, response.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "Такой страницы здесь нет." in response.text
    assert '<a href="/review">' in response.text


async def test_an_outage_is_told_as_worth_another_try() -> None:
    async with client() as browser:
        response = await browser.get("/outage", headers={"Accept-Language": "ru"})

    assert (response.status_code, response.json()["reason"]) == (503, "unavailable")
    assert "password" not in response.text


async def test_files_are_asked_for_again_so_that_an_update_does_not_mix_old_and_new() -> None:
    async with client() as browser:
        first = await browser.get("/static/chat.css")
        second = await browser.get("/static/chat.css", headers={"If-None-Match": first.headers["etag"]})

    assert first.headers["cache-control"] == "no-cache"
    assert second.status_code == 304
