"""Seeds of every kind, as small as they can be."""

from __future__ import annotations

from dataclasses import replace

from dialogue.casting import SeedCasting
from dialogue.forms import Form, SeedKind, Until
from dialogue.ports import Job
from dialogue.replying import Replier
from dialogue.seeds import Seed, Seeds
from dialogue.turns import Ask, Dialogue, Reply
from tests.fakes import SEED, ScriptedEngine, a_job, counting_draws

FILM = replace(
    SEED,
    name="film-en",
    kind=SeedKind.COMPLETION,
    form=Form("Who likes {input} should watch", '"', Until.QUOTE),
)
MUSIC = replace(
    SEED,
    name="music-en",
    kind=SeedKind.VOTE,
    form=Form("Who hears {input} will like", "«", variants=16),
)
CODE = replace(SEED, name="code-en", kind=SeedKind.ANSWER, form=Form("Q: {input}\nA:", until=Until.EXAMPLE))
WORD = replace(SEED, name="word-en", kind=SeedKind.LINES, form=Form("{input} —>"))
OBJECT = replace(
    SEED,
    name="object-en",
    kind=SeedKind.JSON,
    form=Form(parameters=(("language", "python"),), schema=(("answer", "text"), ("lines", "number"))),
)
KINDS = (FILM, MUSIC, CODE, WORD, OBJECT)


async def reply_with(
    seed: Seed, engine: ScriptedEngine, text: str = "", ask: Ask = Ask.SAY, recalled: Dialogue | None = None
) -> Reply:
    """Answer a message with a seed."""
    job = a_job(*([text] if ask is Ask.SAY else []), ask=ask)
    job = Job(**{name: getattr(job, name) for name in job.__slots__} | {"seed": seed.name})
    replier = Replier(engine, SeedCasting(Seeds([seed]), seed.name), counting_draws())
    return await replier.reply(job, recalled or Dialogue(), lambda shown: None)
