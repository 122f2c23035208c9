"""A real browser at the review, and what operators do there with it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser, Page, async_playwright, expect

from storage.operators import Role
from tests.bot.review.world import PASSWORD, World, served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# The machine may be busy with other tests; who waits for something that never comes waits that long.
expect.set_options(timeout=20_000)

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@dataclass
class Site:
    """A browser and the review that it is led to."""

    browser: Browser
    world: World
    url: str

    @asynccontextmanager
    async def operator(
        self, role: Role = Role.LEAD, path: str = "/review", refused: str = "no status", **options: Any
    ) -> AsyncIterator[Page]:
        """Log an operator in and open a page; any error of a script, and anything the browser refuses, fails.

        Args:
            refused: the status with which the server is to refuse something, of which the browser complains.
        """
        context = await self.browser.new_context(**{"locale": "en-GB", **options})
        page = await context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        await page.goto(self.url + path)
        await page.get_by_label("Name").fill(role.value)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await ready(page)
        try:
            yield page
        finally:
            await context.close()
        unexpected = [error for error in errors if f"status of {refused}" not in error]
        assert unexpected == [], unexpected

    @asynccontextmanager
    async def person(self) -> AsyncIterator[Page]:
        """Open the chat page as somebody new."""
        context = await self.browser.new_context(locale="en-GB")
        page = await context.new_page()
        await page.goto(self.url)
        await expect(page.get_by_label("Message", exact=True)).to_be_visible()
        try:
            yield page
        finally:
            await context.close()

    async def exchange(self, person: Page, text: str, reply: str) -> None:
        """Have a person say something and the model answer."""
        self.world.engine.lines.append(f" {reply}\nUser1:")
        await say(person, text)
        await expect(person.locator("#turns .turn").filter(has_text=reply)).to_be_visible()


async def ready(page: Page) -> None:
    """Wait until keys act on a page."""
    await expect(page.locator("body[data-ready]")).to_be_visible()


async def follow(page: Page, text: str) -> None:
    """Open the dialogue in which somebody said that last."""
    await page.get_by_text(text).click()
    await page.wait_for_url("**/dialogues/*")
    await ready(page)


async def say(person: Page, text: str) -> None:
    """Send a message from the chat page."""
    await person.get_by_label("Message", exact=True).fill(text)
    # The page sends one message at a time.
    await expect(person.get_by_role("button", name="Send")).to_be_enabled()
    await person.keyboard.press("Enter")
    await expect(person.locator("#turns .turn").filter(has_text=text)).to_be_visible()


@asynccontextmanager
async def open_site(world: World) -> AsyncIterator[Site]:
    """Serve a world and start a browser."""
    async with (
        served(world) as url,
        async_playwright() as playwright,
        await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS) as browser,
    ):
        yield Site(browser, world, url)


def turn(page: Page, text: str) -> Any:
    """Return a turn of the transcript by what was said in it."""
    return page.locator("#turns > .turn").filter(has=page.locator(".text", has_text=text))
