"""The pages as the server renders them."""

from __future__ import annotations

import re

import pytest

from storage.operators import Role
from tests.bot.review.world import World


async def test_an_operator_reads_what_a_person_and_the_model_said(world: World) -> None:
    async with world.visitor() as visitor, world.operator() as operator:
        dialogue_id = await world.exchange(visitor, "The internet is down.", "Is the light on?")

        inbox = await operator.get("/review")
        dialogue = await operator.get(f"/review/dialogues/{dialogue_id}")

    assert "Is the light on?" in inbox.text
    assert f"/review/dialogues/{dialogue_id}" in inbox.text
    assert "The internet is down." in dialogue.text
    assert "Is the light on?" in dialogue.text


async def test_visitors_without_a_name_are_told_apart(world: World) -> None:
    async with world.visitor() as one, world.visitor() as other, world.operator(Role.LEAD) as operator:
        await world.exchange(one, "The internet is down.", "Is the light on?")
        dialogue_id = await world.exchange(other, "The light is off.", "Is it plugged in?")

        inbox = (await operator.get("/review")).text
        names = re.findall(r'class="who">(Visitor [0-9a-f]{4})<', inbox)
        boxes = re.findall(r'aria-label="Pick (Visitor [0-9a-f]{4})"', inbox)
        heading = re.findall(r"<h1>(.*)</h1>", (await operator.get(f"/review/dialogues/{dialogue_id}")).text)

    assert len(set(names)) == 2
    assert boxes == names
    assert heading == names[:1]  # The newest one comes first.


@pytest.mark.parametrize(
    "path",
    [
        "/review",
        "/review/overview",
        "/review/account",
        "/review/audit",
        "/review/next",
        "/review/seeds",
        "/review/seeds/support-en",
    ],
)
@pytest.mark.parametrize("language", ["ru", "en"])
async def test_every_page_is_there_in_both_languages(world: World, path: str, language: str) -> None:
    async with world.operator(Role.ADMIN) as operator:
        answer = await operator.get(path, headers={"Accept-Language": language})

    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text
