"""What goes through Redis comes back the same, whatever a person types."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogue.turns import (
    Ask,
    Completion,
    Generation,
    Outcome,
    Reply,
    Sampling,
    Speaker,
    StopReason,
    Turn,
)
from storage.live.wire import (
    UnreadableRecord,
    decode_asked,
    decode_finished,
    decode_turn,
    encode_asked,
    encode_finished,
    encode_turn,
)
from storage.records import Asked, Finished

anything = st.text(st.characters(codec=None, exclude_categories=()))


@given(anything)
def test_a_message_comes_back_the_same(text: str) -> None:
    asked = Asked("1", "test", "7", 2, "plain-en", {"length": "short"}, Ask.SAY, text, "r1", 12.5)

    assert decode_asked("7", encode_asked(asked)) == asked


@given(anything)
def test_a_turn_comes_back_the_same(text: str) -> None:
    assert decode_turn(encode_turn(Turn(Speaker.BOT, text), "r1")) == (Turn(Speaker.BOT, text), "r1")


@given(anything)
def test_a_reply_comes_back_the_same(text: str) -> None:
    completion = Completion(text, StopReason.TAG, 100, 80, 5, 0.1, 0.5)
    generation = Generation("plain-en", "ab", "cd", "model", "1", Sampling(), 42, completion, 0.01)
    result = {"answer": text, "votes": [{"name": text, "votes": 3}]}
    reply = Reply(Outcome.ANSWERED, Ask.RETRY, text, text, (generation,), result)
    finished = Finished("r1", "test", "7", 3, ("1", "2"), reply, ticket="5-0")

    assert decode_finished(encode_finished(finished), "5-0") == finished


def test_a_reply_written_before_sampling_had_min_p_and_no_repeat_ngram_is_read() -> None:
    completion = Completion("Hi", StopReason.TAG, 100, 80, 5, 0.1, 0.5)
    generation = Generation("plain-en", "ab", "cd", "model", "1", Sampling(top_k=5), 42, completion, 0.01)
    finished = Finished("r1", "test", "7", 3, ("1",), Reply(Outcome.ANSWERED, generations=(generation,)), ticket="5-0")
    fields = json.loads(encode_finished(finished))
    for key in ("min_p", "no_repeat_ngram"):
        del fields["reply"]["generations"][0]["sampling"][key]

    assert decode_finished(json.dumps(fields), "5-0") == finished


@given(anything)
def test_the_wire_is_plain_ascii_json(text: str) -> None:
    line = encode_turn(Turn(Speaker.PERSON, text), "1")

    assert line.isascii()
    assert json.loads(line)["v"] == 1


@pytest.mark.parametrize("data", ["", "{", "[]", "1", '{"v":2}', "\x80\x04cos\nsystem\n"])
def test_what_another_version_or_a_forger_wrote_is_refused(data: str) -> None:
    with pytest.raises(UnreadableRecord):
        decode_turn(data)
