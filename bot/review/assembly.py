"""Puts the parts of the review together into the routes that the web server serves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from fastapi import APIRouter, Depends, Response
from fastapi.openapi.utils import get_openapi

from bot.asides import Asides
from bot.conversation import Conversation, Deliver
from bot.review.access import Access
from bot.review.accounts import accounts_router
from bot.review.api import PREFIX, api_router
from bot.review.asking import PATIENCE_S, Workers, asking_router
from bot.review.entrance import Throttle, entrance_router
from bot.review.live import BEAT_S, Watch
from bot.review.masking import Masking
from bot.review.pages import pages_router
from bot.review.passwords import Passwords
from bot.review.proposals import Proposals
from bot.review.rendering import Rendering
from bot.review.reviews import Reviews
from bot.review.workshop import Workshop
from bot.review.workshop_api import workshop_router
from bot.web.json_answers import json_response
from storage.operators import Role
from storage.seed_versions import SeedVersions


@dataclass(frozen=True, slots=True)
class Review:
    """The review of one process.

    Args:
        deliver: takes what people are to be sent.
        beat_s: how often open pages are told that the server is there, and asked whether they may still listen.
        patience_s: how long a program that asks waits for an answer.
    """

    conversation: Conversation
    deliver: Deliver
    proposals: Proposals
    masking: Masking
    throttle: Throttle
    watch: Watch
    asides: Asides
    workers: Workers
    versions: SeedVersions
    beat_s: float = BEAT_S
    patience_s: float = PATIENCE_S

    def routers(self) -> list[APIRouter]:
        """Return the routes under `/review`."""
        log = self.conversation.log
        access, passwords, rendering = Access(log), Passwords(), Rendering()
        reviews = Reviews(self.conversation, self.deliver, self.proposals, self.masking, self.versions)
        seeds = self.conversation.seeds
        workshop = Workshop(log, seeds, self.versions)
        api = [
            api_router(reviews, access, self.watch, self.beat_s),
            asking_router(seeds, self.versions, self.asides, self.workers, access, self.patience_s),
            workshop_router(workshop, access),
            accounts_router(log, access, passwords, self.throttle, self.masking),
        ]
        return [
            entrance_router(log, access, passwords, self.throttle, rendering),
            pages_router(reviews, workshop, log, access, rendering),
            *api,
            _description_router(api, access),
        ]


def _description_router(described: Sequence[APIRouter], access: Access) -> APIRouter:
    router = APIRouter(prefix=PREFIX, include_in_schema=False)

    @cache
    def description() -> dict[str, Any]:
        # It takes a while, and hardly any process is ever asked for it.
        return get_openapi(
            title="Govorun review",
            version="1",
            summary="What operators do, for other tools.",
            description="Send `Authorization: Bearer TOKEN`; operators make tokens on the page *Account*.",
            routes=[route for each in described for route in each.routes],
        )

    @router.get("/openapi.json", dependencies=[Depends(access.of(Role.REVIEWER))])
    async def openapi() -> Response:
        return json_response(description())

    return router
