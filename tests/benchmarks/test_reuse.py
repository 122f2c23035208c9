from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from benchmarks.reuse import Talk, Talks, Turn, cut_seed, row
from dialogue.engine.slots.slot_model import SlotModel
from dialogue.engine.vocabulary import Vocabulary
from tests.dialogue.engine.tiny import tiny_model, tiny_tokenizer

SEED_TEXT = "User1: hello\nUser2: Hello! What is the trouble?"


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


def talks(chats: int = 2) -> Talks:
    model = SlotModel(tiny_model("llama"), 2 * chats, 512)
    return Talks(model, Vocabulary(tiny_tokenizer()), SEED_TEXT, chats, exchanges=3)


def held(first_token_s: list[float], took_s: float, reused_tokens: int = 90) -> Talk:
    """A talk of one chat: of later turns, 100 tokens each had been said before."""
    return Talk(tuple((Turn(each, reused_tokens, 100),) for each in first_token_s), took_s)


def test_who_remembers_reads_only_what_is_new() -> None:
    talk = talks().hold(False, lambda: None)

    assert [len(turns) for turns in talk.rounds] == [2, 2, 2]
    for turn in talk.later:
        # All but the last token of the reply, which nothing was written behind.
        assert 0 < turn.reusable_tokens - 1 <= turn.reused_tokens <= turn.reusable_tokens


def test_who_forgets_has_nothing_of_its_own_dialogue_left() -> None:
    both = talks(chats=1)
    kept = both.hold(False, lambda: None)

    forgot = both.hold(True, lambda: None)

    assert [turn.reused_tokens for turn in forgot.later] == [0, 0]
    assert [turn.reusable_tokens for turn in forgot.later] == [turn.reusable_tokens for turn in kept.later]


def test_the_turns_of_all_exchanges_are_told_as_they_are_done() -> None:
    told: list[None] = []

    talks(chats=1).hold(False, lambda: told.append(None))

    assert len(told) == 3


def test_ratios_are_those_of_later_turns_and_of_each_repetition() -> None:
    pairs = [
        (held([9.0, 0.1, 0.2, 0.3], took_s=1.0), held([9.0, 0.4, 0.4, 0.8], took_s=2.0)),
        (held([9.0, 0.1, 0.1, 0.1], took_s=1.0), held([9.0, 0.4, 0.4, 0.4], took_s=4.0)),
        (held([9.0, 0.3, 0.3, 0.3], took_s=2.0, reused_tokens=100), held([9.0, 0.4, 0.4, 0.4], took_s=2.0)),
    ]

    found = row(pairs)

    assert (found["ttft_ratio"], found["ttft_ratio_range"]) == (0.5, [0.25, 0.75])
    assert (found["turns_per_s_ratio"], found["turns_per_s_ratio_range"]) == (2.0, [1.0, 4.0])
    assert (found["reused_share"], found["reused_share_range"]) == (0.9, [0.9, 1.0])


def test_a_seed_is_cut_at_the_last_line_that_fits() -> None:
    vocabulary = Vocabulary(tiny_tokenizer())
    text = "User1: hello\nUser2: Hello!\nUser1: internet"
    fitting = len(vocabulary.encode_prompt("User1: hello\nUser2: Hello!"))

    assert cut_seed(text, fitting, vocabulary) == "User1: hello\nUser2: Hello!"
    assert cut_seed(text, fitting - 1, vocabulary) == "User1: hello"
    assert cut_seed(text, 1000, vocabulary) == text
