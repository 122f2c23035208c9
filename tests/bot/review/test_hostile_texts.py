"""Whatever strangers and colleagues write, it is text on the operators' pages, and nothing else (G30)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

from httpx import AsyncClient
from sqlalchemy import update

from bot.review.access import COOKIE
from bot.web.security import HEADERS
from storage.log.review.changes import Change
from storage.log.tables import dialogues
from storage.log.writing import Writing
from storage.operators import Operator, Role
from storage.records import ChatKind
from tests.bot.review.payloads import PAYLOADS
from tests.bot.review.shape import Shape
from tests.bot.review.world import open_world
from tests.storage.log.places import a_reply

HARMLESS = [f"harmless {number}" for number in range(len(PAYLOADS))]


def names_in(texts: Sequence[str]) -> list[str]:
    """Return those of the texts that stand in the places of payloads that can be names of operators and seeds."""
    return [
        text
        for text, payload in zip(texts, PAYLOADS, strict=True)
        if payload.isprintable() and payload == payload.strip()
    ]


@asynccontextmanager
async def filled(redis_url: str, folder: Path, texts: Sequence[str]) -> AsyncIterator[tuple[AsyncClient, str]]:
    """Put texts wherever one can; yield the browser of an admin whose name is all of them, and the fullest dialogue."""
    folder.mkdir()
    async with open_world(redis_url, folder) as world, world.browser() as browser:
        async with world.log.writing() as writing:
            for name in names_in(texts):
                await writing.add_operator(name, Role.REVIEWER, "a hash")
            me = await writing.add_operator(" ".join(names_in(texts)), Role.ADMIN, "a hash")
            secret, _ = await writing.open_session(me, "a browser")
            for text in texts:
                await writing.open_session(me, text)
                await writing.make_token(me, text)
            fullest = await fill_group(writing, me, texts)
            await fill_chats(writing, me, texts)
        browser.cookies.set(COOKIE, secret, path="/review")
        yield browser, fullest


async def fill_group(writing: Writing, me: Operator, texts: Sequence[str]) -> str:
    """Have everybody in a group say something, and an operator write under each answer all that one can."""
    group = await writing.chat("telegram", "-1", ChatKind.GROUP, "support-en", "en")
    for number, text in enumerate(texts):
        person = await writing.person("telegram", str(number), text, "en")
        asked = await writing.say(group, person, f"hello {text}", "")
        outgoing = await writing.record_reply(a_reply(asked, text=f"hello {text}"))
        assert outgoing is not None
        verdict = {"correction": f"bye {texts[-number]}", "note": text, "reasons": [text], "labels": [text]}
        changes = [Change(group.dialogue_id, *each, int(outgoing.turn_id)) for each in verdict.items()]
        await writing.change(me, changes)
        await writing.add_note(me, group.dialogue_id, text)
    await writing.change(me, [Change(group.dialogue_id, "labels", list(texts))])
    return group.dialogue_id


async def fill_chats(writing: Writing, me: Operator, texts: Sequence[str]) -> None:
    """Have everybody say something in private, about a seed and to a model of such a name, with an operator there."""
    names = names_in(texts)
    for number, text in enumerate(texts):
        person = await writing.person("telegram", str(number), text, "en")
        chat = await writing.chat("telegram", str(number), ChatKind.PRIVATE, "support-en", "en")
        await writing.say(chat, person, f"hello {text}", "")
        name = names[number % len(names)]
        row = {"seed": name, "model": name, "assignee_id": me.id, "claimed_by": me.id, "claimed_until": 1e11}
        await writing._run(update(dialogues).where(dialogues.c.id == chat.dialogue_id).values(row))
        await writing.note_action(me, name, chat.dialogue_id, about=text)


async def pages(browser: AsyncClient, fullest: str, texts: Sequence[str]) -> AsyncIterator[tuple[str, str]]:
    """Yield what every page shows, under a name for it; lists to their ends."""
    for name in ("account", "overview"):
        yield name, await shown(browser, f"/review/{name}")
    for name, path in {"inbox": "/review?", "found": "/review?q=hello&", "audit": "/review/audit?"}.items():
        for number in range(6):
            page = await shown(browser, path)
            yield f"{name} {number}", page
            if 'class="more"' not in page:
                break
            path = page.rpartition('class="more" href="')[2].partition('"')[0].replace("&amp;", "&")
    yield "dialogue", await shown(browser, f"/review/dialogues/{fullest}")
    alone = (await browser.get("/review/api/dialogues?order=oldest")).json()["rows"][:50]
    for number, row in enumerate(alone):
        yield f"dialogue {number}", await shown(browser, f"/review/dialogues/{row['dialogue_id']}")
    for number, text in enumerate(texts):
        # It is shown again in the search box, and in the addresses of the tabs.
        asked = quote(text[:300].encode("utf-8", "replace"))
        yield f"search {number}", await shown(browser, f"/review?q={asked}&status=open")


async def shown(browser: AsyncClient, path: str) -> str:
    answer = await browser.get(path)
    assert answer.status_code == 200, f"{path}: {answer.text[:500]}"
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    return answer.text


async def test_no_text_adds_an_element_or_an_attribute_to_any_page(redis_url: str, tmp_path: Path) -> None:
    shapes: dict[str, dict[str, Shape]] = {}
    for kind, texts in {"harmless": HARMLESS, "hostile": PAYLOADS}.items():
        async with filled(redis_url, tmp_path / kind, texts) as (browser, fullest):
            shapes[kind] = {name: Shape(page) async for name, page in pages(browser, fullest, texts)}

    assert len(PAYLOADS) >= 200
    assert shapes["hostile"].keys() == shapes["harmless"].keys()
    changed = {
        name: hostile.elements - shapes["harmless"][name].elements
        | shapes["harmless"][name].elements - hostile.elements
        for name, hostile in shapes["hostile"].items()
    }
    assert {name: elements for name, elements in changed.items() if elements} == {}
    assert {name: shape.live for name, shape in shapes["hostile"].items() if shape.live} == {}
    # The pages are what they should be: there is much on them.
    assert shapes["hostile"]["dialogue"].elements["li", "class", "data-judged", "data-turn", "id", "tabindex"] == 200


async def test_what_is_written_is_read_as_it_was_written(redis_url: str, tmp_path: Path, database_url: str) -> None:
    async with open_world(redis_url, tmp_path, database_url=database_url) as world, world.operator() as operator:
        async with world.visitor() as visitor:
            dialogue_id = await world.exchange(visitor, "The internet is down.", "Is the light on?")
        path = f"/review/api/dialogues/{dialogue_id}"
        turn = f"{path}/turns/{(await operator.get(path)).json()['turns'][-1]['id']}"
        searched, kept = set(), {}
        for text in PAYLOADS:
            words = quote(text[:300].encode("utf-8", "replace"))
            asked = await operator.get(f"/review/api/dialogues?q={words}")
            searched.add(asked.status_code)
            content = json.dumps({"correction": text, "note": text})
            answer = await operator.patch(turn, content=content, headers={"Content-Type": "application/json"})
            verdict = (await operator.get(path)).json()["turns"][-1]["verdict"]
            kept[text] = answer.status_code, verdict["correction"] == verdict["note"] == text

    # JSON can hold half a surrogate pair, and no text that an operator means has one.
    halves = {text for text in PAYLOADS if any("\ud800" <= each <= "\udfff" for each in text)}
    assert searched == {200}
    assert {text for text, was in kept.items() if was != (200, True)} == halves
    assert {kept[text][0] for text in halves} == {422}
