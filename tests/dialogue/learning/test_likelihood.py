"""The likelihood of approved replies is what transformers computes for them, whatever is shared between prompts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dialogue.engine.models.adapter_file import read_adapter
from dialogue.learning.held_out import Approved, HeldOut
from dialogue.learning.likelihood import Reader, Surprise
from dialogue.learning.sides import Side, completion_for
from dialogue.transcript import render
from dialogue.turns import Dialogue, Speaker
from tests.dialogue.engine.random_adapters import merged, write_adapter
from tests.dialogue.engine.tiny import tiny_model
from tests.dialogue.learning.talks import SHORT, a_model, held_out, some_dialogues

TWO_ANSWERS = HeldOut(
    tuple(Approved(Dialogue().then(Speaker.PERSON, "hi"), text, SHORT) for text in ("Hi", "Hi!", "Oh"))
)
TALKS = [
    *some_dialogues(3),
    held_out(*["hello internet " * 6, "Hello! " * 6] * 5),  # More than is read in one pass.
    TWO_ANSWERS,
    held_out("две строки?", "Да,\nдве строки.", "и?", "Всё!"),
]


def by_hand(model: object, dialogues: list[HeldOut], seed_text: str = SHORT.text) -> list[list[float]]:
    """Compute each reply's likelihood in a pass of its own."""
    vocabulary = a_model().vocabulary
    found: list[list[float]] = []
    for dialogue in dialogues:
        found.append([])
        for reply in dialogue.replies:
            prompt = render(seed_text, reply.history, reply.seed.tags)
            tokens = vocabulary.encode(prompt + completion_for(reply, Side()))
            start = len(vocabulary.encode(prompt))
            with torch.inference_mode():
                likelihoods = model(torch.tensor([tokens])).logits[0].log_softmax(-1)  # type: ignore[operator]
            found[-1].append(-sum(float(likelihoods[at - 1, tokens[at]]) for at in range(start, len(tokens))))
    return found


def nats(found: list[list[Surprise | None]]) -> list[list[float]]:
    return [[each.nats for each in dialogue if each] for dialogue in found]


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma3_text"])
def test_it_is_what_a_pass_over_each_reply_alone_gives(kind: str) -> None:
    found = nats(Reader(a_model(kind)).surprises(Side(), TALKS))

    for ours, theirs in zip(found, by_hand(tiny_model(kind), TALKS), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)


def test_characters_are_those_of_the_reply_and_tokens_those_of_its_line() -> None:
    first, second = Reader(a_model()).surprises(Side(), TALKS)[-1]

    assert first is not None and second is not None
    assert (first.characters, second.characters) == (len("Да,\nдве строки."), len("Всё!"))
    assert second.tokens == len(a_model().vocabulary.encode(" Всё!"))


def test_another_seed_stands_before_the_same_dialogues() -> None:
    other = replace(SHORT, name="other", text="Quite another chat.")

    found = nats(Reader(a_model()).surprises(Side(seed=other), TALKS))

    assert found[0] == pytest.approx(by_hand(tiny_model("llama"), TALKS, other.text)[0], rel=1e-4)
    assert found[0] != pytest.approx(by_hand(tiny_model("llama"), TALKS)[0], rel=1e-3)


def test_an_adapter_counts_as_if_it_were_in_the_weights(tmp_path: Path) -> None:
    adapter = read_adapter(write_adapter(tmp_path / "adapter", tiny_model("llama")))
    loaded = a_model()
    loaded.rack.add("b", adapter)

    found = nats(Reader(loaded, "b").surprises(Side(), TALKS))

    assert found[0] == pytest.approx(by_hand(merged(tiny_model("llama"), adapter), TALKS)[0], rel=1e-4)


def test_the_same_again_is_the_same_to_the_last_bit() -> None:
    loaded = a_model("gemma3_text")

    assert Reader(loaded).surprises(Side(), TALKS) == Reader(loaded).surprises(Side(), TALKS)


def test_a_dialogue_is_read_in_one_go_and_what_it_shares_with_the_one_before_not_at_all() -> None:
    loaded = a_model()
    read: list[int] = []
    loaded.model.get_input_embeddings().register_forward_hook(lambda _, given, __: read.append(given[0].shape[-1]))
    seed = replace(SHORT, text="A chat. " * 20)

    Reader(loaded).surprises(Side(), some_dialogues(3, seed))

    whole, *rest = read
    assert whole > 120
    assert [each < 60 for each in rest] == [True, True]


def test_a_reply_that_does_not_fit_is_left_out_and_the_oldest_turns_go_first() -> None:
    long = held_out("hello " * 25, "Yes.", "hello " * 25, "No.", "hello " * 300, "Perhaps.")

    first, second, third = Reader(a_model(context_tokens=200)).surprises(Side(), [long])[0]

    assert first is not None and second is not None
    assert third is None
