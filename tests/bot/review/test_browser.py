"""The review in a real browser: what operators see and do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, Route, expect

from storage.operators import Role
from storage.reviewed import Approval
from tests.bot.review.browsing import CHROMIUM, Site, follow, open_site, ready, say, turn
from tests.bot.review.world import World, open_world

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium"),
]

A_SEED = "/review/seeds/support-en"

# As long as something of the model is on the wire, the claim has no answer; everybody knows of it all the same.
HEAR_LATE_OF_THE_CLAIM = """() => {
  const ask = window.fetch;
  window.fetch = async (path, wish) => {
    const answer = await ask(path, wish);
    if (String(path).endsWith("/claim")) await new Promise((heard) => (window.hearOfTheClaim = heard));
    return answer;
  };
}"""


@pytest.fixture
async def site(redis_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    """A served review with a browser."""
    async with open_world(redis_url, tmp_path) as world, open_site(world) as site:
        yield site


async def the_dialogue(world: World) -> str:
    """Return the id of the only dialogue."""
    async with world.log.reviewing() as reading:
        (dialogue_id,) = await reading.touched_since(0)
    return dialogue_id


async def test_from_a_new_dialogue_to_an_approved_and_corrected_one(site: Site) -> None:
    async with site.operator() as page, site.person() as person:
        await expect(page.get_by_text("Nothing here yet")).to_be_visible()
        await site.exchange(person, "The internet is down.", "Bake a cake.")

        await follow(page, "Bake a cake.")
        reply = turn(page, "Bake a cake.")
        await reply.get_by_role("button", name="Bad").click()
        await reply.get_by_role("button", name="off topic").click()
        await reply.get_by_role("button", name="Correct").click()
        await reply.get_by_role("textbox").fill("Is the light on the router on?")
        await reply.get_by_role("button", name="Save").click()
        await expect(reply.locator("ins")).to_have_text("Is the light on the router on?")
        await page.get_by_role("button", name="Approve").click()
        await expect(page.get_by_role("button", name="Approve")).to_have_attribute("aria-pressed", "true")

    dialogue = await site.world.dialogue(await the_dialogue(site.world))
    assert dialogue.row.approval is Approval.APPROVED
    verdict = dialogue.turns[-1].verdict
    assert (verdict.rating, verdict.correction) == ("bad", "Is the light on the router on?")
    assert verdict.reasons == ("off_topic",)
    assert verdict.operator == "lead"


async def test_everything_can_be_done_with_the_keyboard_alone(site: Site) -> None:
    async with site.person() as person:
        await site.exchange(person, "One?", "Yes, one.")
        await site.exchange(person, "Two?", "Yes, two.")
    async with site.operator() as page:
        press = page.keyboard.press
        await press("j")
        await press("Enter")
        await expect(turn(page, "Yes, one.")).to_have_class("turn model current")
        await press("g")
        await expect(page.locator(".rated-good")).to_have_count(1)
        await press("j")
        await press("b")
        await expect(turn(page, "Yes, two.")).to_have_class("turn model rated-bad current")
        await press("1")
        await expect(page.locator(".current [data-reason=wrong]")).to_have_attribute("aria-pressed", "true")
        await press("z")
        await expect(page.locator(".current [data-reason=wrong]")).to_have_attribute("aria-pressed", "false")
        await press("e")
        await page.keyboard.type(" And three.")
        await press("Control+Enter")
        await expect(page.locator(".correction ins")).to_have_text(" And three.")
        await press("m")
        await page.keyboard.type("Counts well.")
        await press("Control+Enter")
        await expect(page.locator(".turn-note")).to_have_text("Counts well.")
        await press("d")
        await expect(page.get_by_text("Prompt as it was sent")).to_be_visible()
        await press("l")
        await page.keyboard.type("numbers")
        await press("Enter")
        await expect(page.locator("#filed")).to_contain_text("numbers")
        await press("Escape")
        await press("o")
        await page.keyboard.type("For training.")
        await press("Control+Enter")
        await expect(page.locator(".note")).to_contain_text("For training.")
        await press("i")
        await expect(page.locator("#assignee")).to_have_value("lead")
        await press("a")
        await expect(page.locator(".pair .good")).to_have_attribute("aria-pressed", "true")
        await press("s")
        await expect(page.locator("[aria-pressed=true]").filter(has_text="Resolved")).to_be_visible()
        await press("?")
        await expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
        await press("Escape")
        await press("u")
        await page.wait_for_url("**/review")
        await ready(page)
        await press("/")
        await page.keyboard.type("two")
        await press("Enter")
        await expect(page.locator("mark")).to_have_text("two")


async def test_keys_act_where_they_stand_on_a_russian_keyboard_too(site: Site) -> None:
    async with site.person() as person:
        await site.exchange(person, "Hello", "Good day!")
    async with site.operator(path=f"/review/dialogues/{await the_dialogue(site.world)}") as page:
        await expect(page.locator(".turn.current")).to_be_visible()

        await page.evaluate(
            "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'п', code: 'KeyG', bubbles: true}))"
        )

        await expect(page.locator(".rated-good")).to_have_count(1)


async def test_an_operator_takes_over_while_the_bot_is_writing(site: Site) -> None:
    site.world.engine.gate = asyncio.Event()
    site.world.engine.lines.append(" I am a bot and will say so.\nUser1:")
    async with site.person() as person, site.operator() as page:
        await say(person, "Are you there?")
        await follow(page, "Are you there?")
        await page.evaluate(HEAR_LATE_OF_THE_CLAIM)
        await page.keyboard.press("t")
        await expect(page.get_by_label("Message to the person")).to_be_focused()
        await page.evaluate("hearOfTheClaim()")
        site.world.engine.gate.set()
        await page.get_by_label("Message to the person").fill("I am, and I am human.")
        await page.get_by_role("button", name="Send").click()

        await expect(person.locator("#turns .turn").filter(has_text="I am human")).to_be_visible()
        await expect(turn(page, "I am human")).to_be_visible()
        await expect(person.get_by_text("I am a bot")).to_have_count(0)

        site.world.engine.lines.append(" Back again.\nUser1:")
        await page.get_by_role("button", name="Give back").click()
        await say(person, "And the bot?")
        await expect(person.locator("#turns .turn").filter(has_text="Back again.")).to_be_visible()
        await expect(turn(page, "Back again.")).to_be_visible()


async def test_the_model_proposes_and_the_operator_sends_it_edited(site: Site) -> None:
    async with site.person() as person, site.operator() as page:
        await site.exchange(person, "Hello", "Good day!")
        await follow(page, "Good day!")
        await page.keyboard.press("t")
        field = page.get_by_label("Message to the person")
        await expect(field).to_be_visible()
        await say(person, "What is the price?")
        await expect(turn(page, "What is the price?")).to_be_visible()
        site.world.engine.lines.append(" It is free.\nUser1:")
        edited = asyncio.Event()

        async def answer_late(route: Route) -> None:
            # What is asked for may be there before it is known that it was asked for.
            response = await route.fetch()
            await edited.wait()
            await route.fulfill(response=response)

        await page.route("**/proposal", answer_late)
        await page.get_by_role("button", name="Propose").click()
        await expect(field).to_have_value("It is free.")
        await field.fill("It is free for a month.")
        async with page.expect_response("**/proposal"):
            edited.set()
        await field.press("Control+Enter")

        await expect(person.locator("#turns .turn").filter(has_text="free for a month")).to_be_visible()
        await expect(person.get_by_text("It is free.", exact=True)).to_have_count(0)
        await expect(turn(page, "It is free.").first).to_contain_text("never sent")


async def test_two_operators_see_each_others_changes(site: Site) -> None:
    async with site.person() as person:
        await site.exchange(person, "Hello", "Good day!")
    path = f"/review/dialogues/{await the_dialogue(site.world)}"
    async with site.operator(Role.LEAD, path) as one, site.operator(Role.REVIEWER, path) as other:
        await other.get_by_label("Note", exact=True).first.fill("half a thought")
        await one.get_by_role("button", name="Good").click()
        await expect(other.locator(".rated-good")).to_have_count(1)
        # What the other one is writing stays.
        await expect(other.get_by_label("Note", exact=True).first).to_have_value("half a thought")
        await other.get_by_role("button", name="Reject").click()
        await expect(one.get_by_role("button", name="Reject")).to_have_attribute("aria-pressed", "true")


async def test_a_lead_decides_on_many_at_once_and_takes_it_back(site: Site) -> None:
    for number in range(3):
        async with site.person() as person:
            await site.exchange(person, f"Question {number}", f"Answer {number}")
    async with site.operator() as page:
        for _ in range(2):
            await page.keyboard.press("j")
            await page.keyboard.press("x")
        await expect(page.locator("#bulk-count")).to_have_text("2 picked")
        await page.keyboard.press("a")
        await expect(page.locator(".flag.approved")).to_have_count(2)
        await page.get_by_role("button", name="Undo").click()
        await expect(page.locator(".flag.approved")).to_have_count(0)


async def test_a_view_is_in_its_address(site: Site) -> None:
    async with site.person() as person:
        await site.exchange(person, "Hello", "Good day!")
    async with site.operator() as page:
        await page.locator("select[name=approval]").select_option("approved")
        await expect(page.get_by_text("Nothing was found")).to_be_visible()
        assert page.url.endswith("/review?approval=approved")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_no_fault(site: Site, scheme: str) -> None:
    async with site.person() as person:
        await site.exchange(person, "Hello", "Good day!")
    dialogue = f"/review/dialogues/{await the_dialogue(site.world)}"
    async with site.operator(Role.ADMIN, dialogue, color_scheme=scheme) as page:
        await page.keyboard.press("b")
        await expect(page.locator(".reasons")).to_be_visible()
        faults = await faults_of(page)
        for path in ("/review", "/review/overview", "/review/account", "/review/audit", "/review/seeds", A_SEED):
            await page.goto(site.url + path)
            faults += await faults_of(page)
    assert faults == []


async def faults_of(page: Page) -> list[str]:
    """Return what axe holds against the page."""
    results = await Axe().run(page)
    return [
        f"{page.url} {fault['id']}: {[node['html'] for node in fault['nodes'][:3]]}"
        for fault in results.response["violations"]
        if fault["impact"] in ("serious", "critical")
    ]


async def test_a_phone_shows_everything_without_scrolling_sideways(site: Site) -> None:
    async with site.person() as person:
        await site.exchange(person, "Hello", "Good day! " + "Unbreakable" * 20)
    dialogue = f"/review/dialogues/{await the_dialogue(site.world)}"
    async with site.operator(Role.ADMIN, dialogue, viewport={"width": 360, "height": 740}, has_touch=True) as page:
        for path in (
            dialogue,
            "/review",
            "/review/overview",
            "/review/account",
            "/review/audit",
            "/review/seeds",
            A_SEED,
        ):
            await page.goto(site.url + path)
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        await page.goto(site.url + dialogue)
        await page.get_by_role("button", name="Good").click()
        await expect(page.locator(".rated-good")).to_have_count(1)


async def test_buttons_stay_where_they_are_when_a_seed_has_been_measured(site: Site) -> None:
    measured = asyncio.Event()

    async def answer_late(route: Route) -> None:
        response = await route.fetch()
        await measured.wait()
        await route.fulfill(response=response)

    async with site.operator(path="/review/seeds") as page:
        await page.route("**/measure", answer_late)
        await page.get_by_role("link", name="Support").click()
        await ready(page)
        buttons = [page.locator(place) for place in ("#save", "#try")]
        before = [await button.bounding_box() for button in buttons]
        measured.set()
        await expect(page.get_by_text("shows no turn of User2")).to_be_visible()
        await expect(page.locator("#budget-words")).to_contain_text("tokens")

        assert [await button.bounding_box() for button in buttons] == before


async def test_a_seed_is_edited_tried_beside_what_is_at_work_put_to_work_and_taken_back(site: Site) -> None:
    async with site.operator(path="/review/seeds", refused="422") as page:
        await page.get_by_role("link", name="Support").click()
        await ready(page)
        editor = page.get_by_label("The seed's file")
        file = await editor.input_value()

        await editor.fill(file.replace("[sampling]", "[sampling"))
        await expect(page.get_by_role("alert")).to_contain_text("support-en.toml: TOML:")
        await editor.fill(file.replace("A chat.", "A kinder chat."))
        await expect(page.get_by_role("alert")).to_be_hidden()
        await expect(page.locator("#prompt")).to_have_text(
            "A kinder chat.\nUser1: Hello!\nUser2:", use_inner_text=False
        )
        site.world.engine.lines += [" One side.\nUser1:", " The other side.\nUser1:"]
        await page.get_by_label("A person's message").fill("Help")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator(".try.answer")).to_have_count(2)
        await expect(page.locator("#budget-words")).to_contain_text("tokens")

        await page.get_by_label("What was changed, and why").fill("Kinder")
        await page.get_by_role("button", name="Put to work").click()
        await expect(page.locator(".past")).to_contain_text("Kinder")
        await expect(page.locator(".past ins").first).to_have_text("kinder ")
        assert site.world.conversation.seeds.get("support-en").text == "A kinder chat."

        # What is found in the file is written above this button, and moves it.
        await expect(page.locator("#budget-words")).to_contain_text("tokens")
        await page.get_by_role("button", name="Open in the editor").click()
        await expect(editor).to_have_value(file)
        await page.get_by_role("button", name="Put to work").click()
        await expect(page.locator(".past")).to_contain_text("Without a note")
    assert site.world.conversation.seeds.get("support-en").text == "A chat."
    prompts = {each.text for each in site.world.engine.prompts}
    assert prompts == {"A chat.\nUser1: Help\nUser2:", "A kinder chat.\nUser1: Help\nUser2:"}
