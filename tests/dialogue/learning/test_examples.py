"""Replies alone are learned, token by token; what is read before them is what the engine serves."""

from __future__ import annotations

from typing import Any

import pytest

from dialogue.engine.vocabulary import Vocabulary
from dialogue.errors import TrainingError
from dialogue.learning.examples import IGNORED, Example, examples_of
from tests.dialogue.engine.tiny import END, tiny_tokenizer
from tests.dialogue.learning.tiny_training import SEED, segments


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary(tiny_tokenizer(opening=True), frozenset({END}))


def only(vocabulary: Vocabulary, row: dict[str, Any], max_tokens: int = 500) -> Example:
    (example,) = examples_of([row], vocabulary, max_tokens, "x").examples
    return example


def runs(example: Example, vocabulary: Vocabulary) -> list[str]:
    """Return the texts that are learned, each run of tokens for itself."""
    found: list[list[int]] = [[]]
    for label in example.labels:
        if label == IGNORED:
            found.append([])
        else:
            found[-1].append(label)
    return [vocabulary.decode(tokens) for tokens in found if tokens]


def test_of_a_dialogue_the_replies_are_learned_and_nothing_else(vocabulary: Vocabulary) -> None:
    example = only(vocabulary, segments(7))

    assert runs(example, vocabulary) == [" Hello! What is the trouble?\n", " Здравствуйте.\n"]
    assert all(label in (IGNORED, token) for token, label in zip(example.tokens, example.labels, strict=True))


def test_the_tokens_before_each_reply_are_those_that_the_engine_serves(vocabulary: Vocabulary) -> None:
    row = segments(7)
    example = only(vocabulary, row)
    first = f"{SEED}User1: интернет 7\nUser2:"
    second = "".join(segment["text"] for segment in row["segments"][:3])

    for prompt in (first, second):
        served = vocabulary.encode_prompt(prompt)
        assert list(example.tokens[: len(served)]) == served
        assert example.labels[len(served) - 1] == IGNORED
        assert example.labels[len(served)] != IGNORED


def test_of_a_prompt_and_its_completion_the_completion_is_learned_with_the_end_of_text(vocabulary: Vocabulary) -> None:
    example = only(vocabulary, {"prompt": "User1: Hello\nUser2:", "completion": " Hello!"})

    prompt = vocabulary.encode_prompt("User1: Hello\nUser2:")
    reply = [*vocabulary.encode(" Hello!"), END]
    assert example.tokens == (*prompt, *reply)
    assert example.labels == (*[IGNORED] * len(prompt), *reply)


def test_a_completion_that_ends_with_the_next_tag_gets_no_end_of_text(vocabulary: Vocabulary) -> None:
    example = only(vocabulary, {"prompt": "User1: Hello\nUser2:", "completion": " Hello!\nUser1:"})

    assert END not in example.labels
    assert runs(example, vocabulary) == [" Hello!\nUser1:"]


def test_an_answer_whose_last_line_ends_with_a_colon_gets_the_end_of_text(vocabulary: Vocabulary) -> None:
    example = only(vocabulary, {"prompt": "Q: Hello\nA:", "completion": " Hello\nelse:"})

    assert example.labels[-1] == min(vocabulary.ends)


def test_what_people_write_becomes_no_special_token(vocabulary: Vocabulary) -> None:
    example = only(vocabulary, {"prompt": "User1: <|endoftext|>\nUser2:", "completion": " no <|endoftext|> here"})

    assert [at for at, token in enumerate(example.tokens) if token == END] == [0, len(example.tokens) - 1]


def test_where_a_token_reaches_over_a_border_each_reply_is_read_behind_its_own_prompt(vocabulary: Vocabulary) -> None:
    row = {"segments": [{"label": False, "text": "User1: Hel"}, {"label": True, "text": "lo internet\n"}]}

    example = only(vocabulary, row)

    prompt = vocabulary.encode_prompt("User1: Hel")
    assert list(example.tokens) != vocabulary.encode_prompt("User1: Hello internet\n")
    assert list(example.tokens[: len(prompt)]) == prompt
    assert runs(example, vocabulary) == ["lo internet\n"]


def test_replies_behind_the_limit_are_left_out_whole_and_counted(vocabulary: Vocabulary) -> None:
    whole = only(vocabulary, segments(7))

    made = examples_of([segments(7)], vocabulary, len(whole.tokens) - 1, "x")

    assert made.too_long == 1
    assert runs(made.examples[0], vocabulary) == [" Hello! What is the trouble?\n"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"text": "all"}, "it has text; SFT takes"),
        ({"prompt": "a", "completion": "b", "label": True}, "SFT takes"),
        ({"segments": [{"text": "a"}]}, "a segment is not"),
        ({"prompt": "a" * 900, "completion": "b"}, "see --max-tokens"),
    ],
)
def test_rows_that_cannot_be_learned_say_why(row: dict[str, Any], words: str, vocabulary: Vocabulary) -> None:
    with pytest.raises(TrainingError, match=words):
        examples_of([row], vocabulary, 500, "x.jsonl")
