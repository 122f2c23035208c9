"""The reply flow: what becomes of a job, draw by draw."""

from __future__ import annotations

import pytest

from dialogue.casting import SeedCasting
from dialogue.errors import EngineUnavailable, PromptTooLong
from dialogue.ports import Job
from dialogue.replying import Replier
from dialogue.seed_lint import lint
from dialogue.turns import Ask, Dialogue, Outcome, Reply, StopReason
from tests.fakes import SEED, SEEDS, ScriptedEngine, a_job, counting_draws, said


async def reply_of(engine: ScriptedEngine, job: Job, recalled: Dialogue | None = None) -> Reply:
    replier = Replier(engine, SeedCasting(SEEDS, SEED.name), counting_draws())
    return await replier.reply(job, recalled or Dialogue(), lambda text: None)


async def test_the_reply_is_the_next_turn_cut_at_the_tag() -> None:
    engine = ScriptedEngine([" Hello there.\nUser1: bye\n"])

    reply = await reply_of(engine, a_job("Hi"))

    assert (reply.outcome, reply.text) == (Outcome.ANSWERED, "Hello there.")
    assert engine.prompts[0].text == "A chat.\nUser1: Hi\nUser2:"


async def test_a_burst_is_answered_together() -> None:
    engine = ScriptedEngine([" Both heard.\nUser1:"])

    await reply_of(engine, a_job("Hi", "Are you there?"))

    assert engine.prompts[0].text.endswith("\nUser1: Hi\nUser1: Are you there?\nUser2:")


async def test_an_empty_reply_is_drawn_again() -> None:
    engine = ScriptedEngine(["\nUser1: x", " Now I speak.\nUser1:"])

    reply = await reply_of(engine, a_job("Hi"))

    assert reply.text == "Now I speak."
    assert [generation.draw for generation in reply.generations] == [1, 2]


async def test_three_empty_replies_end_in_a_sentence_that_says_so() -> None:
    reply = await reply_of(ScriptedEngine(["\nUser1:", " \nUser1:", "\nUser1:"]), a_job("Hi"))

    assert reply.outcome is Outcome.EMPTY
    assert len(reply.generations) == 3


async def test_a_reply_like_the_last_one_is_drawn_again() -> None:
    engine = ScriptedEngine([" Please  WAIT.\nUser1:", " It works now.\nUser1:"])

    reply = await reply_of(engine, a_job("And?"), said("Help", "Please wait."))

    assert reply.text == "It works now."


async def test_a_reply_that_parrots_the_person_is_drawn_again() -> None:
    engine = ScriptedEngine([" My line is dead.\nUser1:", " Since when?\nUser1:"])

    reply = await reply_of(engine, a_job("Hello", "my line is dead"))

    assert reply.text == "Since when?"


async def test_a_reply_that_parrots_what_the_person_said_a_while_ago_is_drawn_again() -> None:
    engine = ScriptedEngine([" Yes, it works!\nUser1:", " Goodbye!\nUser1:"])

    reply = await reply_of(engine, a_job("No, thanks"), said("Help", "Restart it.", "Yes, it works!", "Anything else?"))

    assert reply.text == "Goodbye!"


async def test_each_new_draw_is_warmer_and_says_so_in_the_log() -> None:
    engine = ScriptedEngine(["\nUser1:", "\nUser1:", " At last.\nUser1:"])

    reply = await reply_of(engine, a_job("Hi"))

    temperatures = [generation.sampling.temperature for generation in reply.generations]
    assert temperatures == sorted(set(temperatures))


async def test_a_reply_that_stays_the_same_is_better_than_none() -> None:
    engine = ScriptedEngine([" Please wait.\nUser1:", "\nUser1:", "\nUser1:"])

    reply = await reply_of(engine, a_job("And?"), said("Help", "Please wait."))

    assert (reply.outcome, reply.text) == (Outcome.ANSWERED, "Please wait.")


async def test_a_retry_forgets_the_last_reply_and_draws_another() -> None:
    engine = ScriptedEngine([" No.\nUser1:", " Yes.\nUser1:"])

    reply = await reply_of(engine, a_job(ask=Ask.RETRY), said("Do you?", "No."))

    assert engine.prompts[0].text == "A chat.\nUser1: Do you?\nUser2:"
    assert (reply.text, reply.turn_text) == ("Yes.", "Yes.")


async def test_a_retry_after_a_failure_answers_what_was_said() -> None:
    engine = ScriptedEngine([" I am back.\nUser1:"])

    reply = await reply_of(engine, a_job(ask=Ask.RETRY), said("Hi", "Hello.", "Still there?"))

    assert engine.prompts[0].text.endswith("\nUser2: Hello.\nUser1: Still there?\nUser2:")
    assert reply.text == "I am back."


@pytest.mark.parametrize(("ask", "recalled"), [(Ask.RETRY, Dialogue()), (Ask.CONTINUE, said("Hi"))])
async def test_there_may_be_nothing_to_retry_or_continue(ask: Ask, recalled: Dialogue) -> None:
    reply = await reply_of(ScriptedEngine([]), a_job(ask=ask), recalled)

    assert reply.outcome is Outcome.NOTHING_TO_RETRY


async def test_a_continuation_shows_only_what_is_new_and_keeps_the_whole_turn() -> None:
    engine = ScriptedEngine([" and two.\nUser1:"])

    reply = await reply_of(engine, a_job(ask=Ask.CONTINUE), said("Count", "One"))

    assert engine.prompts[0].text == "A chat.\nUser1: Count\nUser2: One"
    assert (reply.text, reply.turn_text) == ("and two.", "One and two.")


async def test_a_reply_cut_by_length_ends_with_a_whole_sentence() -> None:
    engine = ScriptedEngine([" First. Second is cut"], stop=StopReason.LENGTH)

    reply = await reply_of(engine, a_job("Hi"))

    assert reply.text == "First."


async def test_a_message_beyond_the_context_gets_a_sentence() -> None:
    engine = ScriptedEngine([], context_tokens=40)

    reply = await reply_of(engine, a_job("word " * 60))

    assert reply.outcome is Outcome.TOO_LONG


async def test_a_server_that_finds_the_prompt_too_long_gets_the_person_the_same_sentence() -> None:
    reply = await reply_of(ScriptedEngine([PromptTooLong("2049 tokens")]), a_job("Hi"))

    assert reply.outcome is Outcome.TOO_LONG


async def test_a_missing_seed_is_replaced_by_the_default() -> None:
    engine = ScriptedEngine([" Fine.\nUser1:"])
    job = a_job("Hi")

    reply = await Replier(engine, SeedCasting(SEEDS, SEED.name), counting_draws()).reply(
        Job(**{**{name: getattr(job, name) for name in job.__slots__}, "seed": "gone"}), Dialogue(), lambda text: None
    )

    assert reply.generations[0].seed == SEED.name


async def test_drafts_never_show_the_beginning_of_a_tag() -> None:
    drafts: list[str] = []
    engine = ScriptedEngine([" Hello.\nUser1:"])

    await Replier(engine, SeedCasting(SEEDS, SEED.name), counting_draws()).reply(a_job("Hi"), Dialogue(), drafts.append)

    assert drafts[-1] == "Hello."


async def test_an_engine_that_is_down_is_the_callers_to_handle() -> None:
    with pytest.raises(EngineUnavailable):
        await reply_of(ScriptedEngine([EngineUnavailable("down")]), a_job("Hi"))


async def test_a_prompt_is_measured_without_a_draw() -> None:
    engine = ScriptedEngine([])

    reply = await reply_of(engine, a_job("And?", ask=Ask.MEASURE), said("Help", "Please wait."))

    prompt = "A chat.\nUser1: Help\nUser2: Please wait.\nUser1: And?\nUser2:"
    assert (reply.outcome, reply.text, engine.prompts) == (Outcome.ANSWERED, "", [])
    assert reply.result == {
        "prompt": prompt,
        "prompt_tokens": engine.count_tokens(prompt),
        "seed_tokens": engine.count_tokens("A chat."),
        "reply_tokens": SEED.sampling.max_new_tokens,
        "context_tokens": engine.context_tokens,
        "model": "scripted",
        "warnings": lint(SEED, engine.count_tokens, engine.context_tokens),
    }
