"""The chat page in a real browser: what people see and do."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, async_playwright, expect

from dialogue.turns import Outcome
from storage.records import Asked
from tests.bot.web.world import World, open_world, served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium"),
]


@dataclass
class Site:
    """A browser, and the page it is led to."""

    browser: Browser
    world: World
    url: str

    @asynccontextmanager
    async def visit(self, **options: Any) -> AsyncIterator[Page]:
        """Open the page as a new visitor; any error of a script, and anything the browser refuses, fails the test."""
        context = await self.browser.new_context(**{"locale": "en-GB", **options})
        page = await context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        await page.goto(self.url)
        await expect(turns(page)).to_have_count(1)
        try:
            yield page
        finally:
            await context.close()
        assert errors == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A served chat page and a browser; every test comes as a visitor of its own."""
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    async with (
        open_world(redis_url, tmp_path_factory.mktemp("site")) as world,
        served(world) as url,
        async_playwright() as playwright,
        await playwright.chromium.launch(executable_path=CHROMIUM, args=flags) as browser,
    ):
        yield Site(browser, world, url)


def turns(page: Page) -> Any:
    return page.locator("#turns .turn")


async def say(page: Page, text: str) -> None:
    await page.get_by_label("Message", exact=True).fill(text)
    await page.keyboard.press("Enter")
    await expect(turns(page).filter(has_text=text)).to_be_visible()


async def test_a_message_is_answered_by_a_draft_that_becomes_the_reply(site: Site) -> None:
    async with site.visit() as page:
        await say(page, "The internet is down.")
        await expect(page.locator(".turn.writing .dots")).to_be_visible()

        await site.world.write("I am chec")
        await expect(page.locator(".turn.writing .text")).to_have_text("I am chec")

        await site.world.reply("I am checking.\nHold on.")
        await expect(turns(page).locator(".text")).to_have_text(
            ["What happened?", "The internet is down.", "I am checking.\nHold on."]
        )
        await expect(page.locator(".writing")).to_have_count(0)
        await expect(page.locator("#spoken")).to_have_text("Govorun: I am checking.\nHold on.")


async def test_markup_in_a_message_stays_text(site: Site) -> None:
    attack = '<img src=x onerror="document.title=1"><script>document.title=1</script></div>{{7*7}}'
    async with site.visit() as page:
        await say(page, attack)
        await site.world.write(attack)
        await expect(page.locator(".turn.writing .text")).to_have_text(attack)
        await site.world.reply(attack)

        await expect(turns(page).locator(".text")).to_have_text(["What happened?", attack, attack])
        assert await page.locator("#turns img, #turns script").count() == 0
        assert await page.title() == "Govorun"


async def test_code_in_a_reply_stands_in_a_block(site: Site) -> None:
    async with site.visit() as page:
        await say(page, "How?")
        await site.world.reply("So:\n```html\n<b>\n  x\n```\nDone.")

        await expect(turns(page).last.locator(".text code")).to_have_text("<b>\n  x")
        await expect(turns(page).last.locator(".text")).to_have_text("So:<b>\n  xDone.")


async def test_messages_sent_meanwhile_are_queued_and_answered_together(site: Site) -> None:
    first: list[Asked] = []
    async with site.visit() as page:

        async def take_late(route: Route) -> None:
            response = await route.fetch()
            first.extend(await site.world.asked())
            await page.get_by_label("Message", exact=True).fill("Two.")
            await page.keyboard.press("Enter")
            await page.keyboard.press("Enter")
            await route.fulfill(response=response)

        await page.route("**/api/messages", take_late, times=1)
        await say(page, "One.")
        await expect(turns(page).filter(has_text="Two.")).to_be_visible()
        await say(page, "Three.")
        await expect(page.locator(".note", has_text="Queued")).to_have_count(2)

        await site.world.reply("Answer to one.", asked=first)
        await expect(page.locator(".note", has_text="Queued")).to_have_count(0)
        await site.world.reply("Answer to both.")

        await expect(turns(page).locator(".text")).to_have_text(
            ["What happened?", "One.", "Answer to one.", "Two.", "Three.", "Answer to both."]
        )


async def test_everything_can_be_done_by_keyboard(site: Site) -> None:
    async with site.visit() as page:
        await expect(page.get_by_label("Message", exact=True)).to_be_focused()
        await page.keyboard.type("Line one.")
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.type("Line two.")
        await page.keyboard.press("Enter")
        await expect(turns(page).nth(1).locator(".text")).to_have_text("Line one.\nLine two.")

        await page.keyboard.press("Escape")
        await expect(turns(page).nth(1)).to_contain_text("No reply: stopped")

        await page.keyboard.press("Shift+Tab")
        await expect(page.get_by_role("button", name="Take back")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(turns(page)).to_have_count(1)

        await page.get_by_role("link", name="To the message").focus()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("dialog", name="Whom shall we talk to?")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await expect(page.locator("#choose-seed")).to_be_focused()


async def test_the_last_reply_can_be_retried_and_continued(site: Site) -> None:
    async with site.visit() as page:
        await say(page, "Tell me a story.")
        await site.world.reply("No.")
        await page.get_by_role("button", name="Answer differently").click()
        await expect(page.locator(".turn.writing .dots")).to_be_visible()
        await expect(turns(page).filter(has_text="No.")).to_have_count(0)
        await site.world.reply("Once upon a time")
        await expect(turns(page).last).to_contain_text("version 2")

        await page.get_by_role("button", name="Continue").click()
        await expect(page.locator("#stop")).to_be_visible()
        await site.world.write("there was")
        await expect(page.locator(".turn.writing .text")).to_have_text("Once upon a time there was")
        await site.world.reply("there was a parrot.")

        await expect(turns(page).last.locator(".text")).to_have_text("Once upon a time there was a parrot.")
        await expect(turns(page)).to_have_count(3)


async def test_another_seed_begins_another_conversation(site: Site) -> None:
    async with site.visit() as page:
        await say(page, "Hello.")
        await page.locator("#choose-seed").click()
        await expect(page.locator(".seed-choice[aria-current]")).to_contain_text("Support")
        await page.get_by_role("button", name="Поболтать").click()

        await expect(turns(page).locator(".text")).to_have_text(["Привет! О чём поговорим?"])
        await expect(page.locator("#seed-title")).to_have_text("Поболтать")
        await expect(page.locator("#intro-title")).to_be_visible()


async def test_a_command_that_is_typed_is_obeyed_and_is_no_message(site: Site) -> None:
    async with site.visit() as page:
        field = page.get_by_label("Message", exact=True)
        await field.fill("/constructor")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("There is no such command here. The commands: /new")

        await field.fill("/seed talk-ru")
        await page.keyboard.press("Enter")

        await expect(turns(page).locator(".text")).to_have_text(["Привет! О чём поговорим?"])
        await expect(field).to_have_value("")


async def test_settings_are_kept_and_ones_own_data_are_a_file(site: Site) -> None:
    async with site.visit() as page:
        await page.get_by_role("button", name="Menu").click()
        await page.get_by_role("button", name="Settings and data").click()
        async with page.expect_response("**/api/settings") as taken:
            await page.get_by_label("do not learn").check()
        assert (await taken.value).ok
        async with page.expect_download() as downloading:
            await page.get_by_role("link", name="Download my data").click()
        assert (await downloading.value).suggested_filename == "mydata.json"
        await page.keyboard.press("Escape")

        await page.get_by_label("Message", exact=True).fill("/privacy")
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("do not learn")).to_be_checked()
        await expect(page.get_by_text("Operators may read")).to_be_focused()


async def test_an_example_is_said_with_a_click_and_what_is_no_dialogue_is_not_continued(site: Site) -> None:
    async with site.visit() as page:
        await page.locator("#choose-seed").click()
        await page.get_by_role("button", name="Films").click()
        await page.get_by_role("button", name="Try: Dune").dblclick()
        await expect(page.locator(".dots")).to_be_visible()
        await site.world.reply("Arrival")

        await expect(turns(page).locator(".text")).to_have_text(["Yes?", "Dune", "Arrival"])
        await expect(page.get_by_role("button", name="Answer differently")).to_be_visible()
        await expect(page.get_by_role("button", name="Continue")).to_have_count(0)


async def test_a_failed_reply_offers_another_try(site: Site) -> None:
    async with site.visit() as page:
        await say(page, "Hello?")
        await site.world.reply("", Outcome.ENGINE_DOWN)
        await expect(page.locator(".failure")).to_contain_text("The model does not answer at the moment.")

        await page.get_by_role("button", name="Try again").click()
        await expect(page.locator(".dots")).to_be_visible()
        await site.world.reply("Here I am.")

        await expect(turns(page).last.locator(".text")).to_have_text("Here I am.")
        await expect(page.locator(".failure")).to_have_count(0)
        await expect(turns(page).nth(1)).not_to_contain_text("There is no reply to this.")


async def test_a_continuation_that_adds_nothing_is_told_and_the_reply_stays(site: Site) -> None:
    async with site.visit() as page:
        await say(page, "Hello.")
        await site.world.reply("Hello!")
        await page.get_by_role("button", name="Continue").click()
        await expect(page.locator("#stop")).to_be_visible()
        await site.world.reply("", Outcome.EMPTY)

        await expect(page.locator(".failure")).to_contain_text("The model has nothing to add.")
        await expect(turns(page).last.locator(".text")).to_have_text("Hello!")


async def test_a_message_that_is_too_long_is_not_sent_and_not_lost(site: Site) -> None:
    async with site.visit() as page:
        field = page.get_by_label("Message", exact=True)
        await field.fill("🦜" * 201)
        await expect(page.get_by_role("alert")).to_have_text("Too long: 201 characters, and at most 200 are taken.")
        await expect(page.locator("#counter")).to_have_text("201 / 200")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="Send")).to_be_disabled()

        await field.fill("🦜" * 200)
        await page.keyboard.press("Enter")

        await expect(turns(page)).to_have_count(3)
        await expect(field).to_have_value("")


async def test_a_restart_of_the_server_is_told_and_nothing_is_lost_by_it(
    site: Site, redis_url: str, tmp_path: Path
) -> None:
    async with AsyncExitStack() as server, await site.browser.new_context(locale="en-GB") as context:
        page = await context.new_page()
        world = await server.enter_async_context(open_world(redis_url, tmp_path))
        url = await server.enter_async_context(served(world))
        await page.goto(url)
        await say(page, "Hello?")

        await server.aclose()
        await expect(page.locator("#offline")).to_be_visible()
        await page.get_by_label("Message", exact=True).fill("Are you there?")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("Not sent")

        world = await server.enter_async_context(open_world(redis_url, tmp_path))
        await world.reply("Still here.")
        await server.enter_async_context(served(world, port=int(url.rpartition(":")[2])))
        await expect(page.locator("#offline")).to_be_hidden()
        await expect(turns(page).last.locator(".text")).to_have_text("Still here.")
        await expect(page.get_by_label("Message", exact=True)).to_have_value("Are you there?")


async def test_ones_data_is_deleted_after_a_question(site: Site) -> None:
    async with site.visit() as page:
        await say(page, "My secret.")
        for answer in ("Cancel", "Delete"):
            await page.get_by_role("button", name="Menu").click()
            await page.get_by_role("button", name="Delete my data").click()
            await expect(turns(page).nth(1)).to_contain_text("My secret.")
            await page.get_by_role("button", name=answer, exact=True).click()

        await expect(page.get_by_role("alert")).to_have_text("Your data was deleted.")
        await expect(turns(page).locator(".text")).to_have_text(["What happened?"])


@pytest.mark.parametrize("width", [320, 360, 375])
async def test_a_phone_shows_everything_without_scrolling_sideways(site: Site, width: int) -> None:
    phone = {"viewport": {"width": width, "height": 640}, "is_mobile": True, "has_touch": True}
    async with site.visit(**phone) as page:
        await page.get_by_label("Message", exact=True).fill("Слово" * 20 + "\nhttp://example.com/" + "a" * 60)
        await page.get_by_role("button", name="Send").tap()
        await expect(page.locator(".dots")).to_be_visible()
        await site.world.reply("w" * 150)
        await expect(page.get_by_role("button", name="Continue")).to_be_in_viewport()
        sizes = await page.evaluate(
            "[document.scrollingElement.scrollWidth, document.querySelector('#scroll').scrollWidth]"
        )
        await page.locator("#choose-seed").tap()
        sizes.append(await page.evaluate("document.querySelector('#seeds').getBoundingClientRect().right"))

        assert max(sizes) <= width


async def test_the_page_speaks_the_language_of_the_browser(site: Site) -> None:
    async with site.visit(locale="ru-RU") as page:
        await expect(page.get_by_role("heading", level=1)).to_have_text("Говорун")
        await expect(page.get_by_label("Сообщение", exact=True)).to_be_visible()
        await expect(page.locator("html")).to_have_attribute("lang", "ru")


async def test_two_tabs_of_a_visitor_show_the_same(site: Site) -> None:
    async with site.visit() as page:
        other = await page.context.new_page()
        await other.goto(site.url)
        await expect(turns(other)).to_have_count(1)

        await say(page, "Hello from here.")

        await expect(turns(other).nth(1).locator(".text")).to_have_text("Hello from here.")
