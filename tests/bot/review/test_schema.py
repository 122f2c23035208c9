"""Whatever is sent to the API, right by its description or wrong by it, is answered as that describes."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import update

from storage.log.tables import tokens
from storage.operators import Role
from tests.bot.review.world import SUPPORT, World, open_world, served

# The stream of events never ends, and another password would end the token with which all else is asked; both have
# tests of their own.
LEFT_OUT = {"/review/api/events", "/review/api/password"}
# Token ids that are tried are small or at a limit, and the token in use must not be hit.
OUT_OF_REACH = 2**61 + 12_345

AS_DESCRIBED = [status_code_conformance, content_type_conformance, response_schema_conformance]

EXAMPLES = settings(
    max_examples=12,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


async def an_admins_token(world: World) -> str:
    async with world.log.writing() as writing:
        secret, token = await writing.make_token(world.operators[Role.ADMIN], "a tester")
        await writing._run(update(tokens).where(tokens.c.id == token.id).values(id=OUT_OF_REACH))
    return secret


async def test_every_request_gets_one_of_the_answers_that_the_description_names(
    redis_url: str, tmp_path: Path, database_url: str
) -> None:
    async with (
        open_world(redis_url, tmp_path, database_url=database_url) as world,
        world.visitor() as visitor,
        served(world) as url,
    ):
        dialogue_id = await world.exchange(visitor, "The internet is down.", "Is the light on?")
        turn_id = (await world.dialogue(dialogue_id)).turns[-1].id
        secret = await an_admins_token(world)
        known = {"dialogue_id": dialogue_id, "turn_id": turn_id}

        asked = await asyncio.to_thread(ask_everything, url, secret, known)

    assert len(asked) >= 20
    assert all(statuses for statuses in asked.values())
    # Where an existing dialogue is asked for in the right way, most is answered in earnest.
    assert sum(min(statuses) < 300 for statuses in asked.values()) >= 18


def ask_everything(url: str, secret: str, known: dict[str, Any]) -> dict[str, set[int]]:
    """Ask for everything that the description names; return the statuses of the answers."""
    asked: dict[str, set[int]] = {}
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {secret}"
        description = session.get(f"{url}/review/api/openapi.json", timeout=10).json()
        for found in schemathesis.openapi.from_dict(description).get_all_operations():
            assert isinstance(found, Ok), found
            operation = found.ok()
            if operation.path not in LEFT_OUT:
                session.post(f"{url}/review/api/dialogues/{known['dialogue_id']}/claim", timeout=20)
                asked[operation.label] = set()
                for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                    asked[operation.label] |= ask(operation, mode, url, session, known)
    return asked


def ask(operation: Any, mode: GenerationMode, url: str, session: requests.Session, known: dict[str, Any]) -> set[int]:
    statuses = set()

    @EXAMPLES
    @given(case=operation.as_strategy(generation_mode=mode), is_known=st.booleans())
    def examples(case: Any, is_known: bool) -> None:
        if is_known:
            case.path_parameters = {
                name: known.get(name, value) for name, value in (case.path_parameters or {}).items()
            }
            if isinstance(case.body, dict) and "seed" in case.body:
                case.body |= {"seed": SUPPORT.name}
        answer = case.call(base_url=url, session=session, timeout=20)
        statuses.add(answer.status_code)
        assert answer.status_code < 500, case.as_curl_command()
        case.validate_response(answer, checks=AS_DESCRIBED)

    # What takes no parameters cannot be asked for in a wrong way.
    with suppress(Unsatisfiable) if mode is GenerationMode.NEGATIVE else nullcontext():
        examples()
    return statuses
