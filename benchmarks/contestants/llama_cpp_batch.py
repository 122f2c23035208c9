"""The contestant from outside: llama.cpp on the 4-bit file, with a sequence for each chat, as its server has slots.

`PYTHON -m benchmarks.contestants.llama_cpp_batch FILE`, where PYTHON is of any environment that has llama-cpp-python,
built on this machine for its processor: `pip install --no-binary llama-cpp-python llama-cpp-python`.

What all prompts begin with is read once, for all sequences, which is what one cache for all (`kv_unified`) is for. Its
own samplers draw the tokens: numpy on the logits takes five times as long.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Sequence
from typing import Any

import llama_cpp

from benchmarks.contestants.answering import Measure, answer
from benchmarks.contestants.transcript import TEMPERATURE, TOP_K, TOP_P, prompts
from benchmarks.results import usable_cores

# Of a prompt and what is written behind it: 171, and some to spare.
_TOKENS_PER_CHAT = 320
# The most that is handed over at once: the unread parts of all prompts. It is computed in pieces of 512, the default.
_TOKENS_PER_BATCH = 4096
_ERROR = 4


def prepare() -> tuple[Measure, dict[str, Any]]:
    """Load the model and warm up."""
    llama_cpp.llama_log_set(_complain, ctypes.c_void_p())
    model = llama_cpp.llama_model_load_from_file(sys.argv[1].encode(), llama_cpp.llama_model_default_params())
    assert model, f"{sys.argv[1]} cannot be loaded"

    def measure(chats: int, new_tokens: int, draw: int) -> dict[str, Any]:
        context = llama_cpp.llama_init_from_model(model, _options(chats))
        sequences = _Sequences(model, context, chats, draw)
        try:
            began = time.perf_counter()
            sequences.write(prompts(chats), new_tokens)
            return {"took_s": time.perf_counter() - began}
        finally:
            sequences.close()
            llama_cpp.llama_free(context)

    measure(chats=2, new_tokens=4, draw=0)
    return measure, {"llama_cpp_python": llama_cpp.__version__}


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]  # it has no types where it is not installed
def _complain(level: int, text: bytes, _: object) -> None:
    if level == _ERROR:
        sys.stderr.write(text.decode("utf-8", "replace"))


def _options(chats: int) -> Any:
    options = llama_cpp.llama_context_default_params()
    options.n_ctx = _TOKENS_PER_CHAT * chats
    options.n_batch = _TOKENS_PER_BATCH
    options.n_seq_max = chats
    options.n_threads = options.n_threads_batch = usable_cores()
    options.kv_unified = True
    return options


class _Sequences:
    """Texts that are written at the same time; each has a sampler of its own, and with it its own draw."""

    def __init__(self, model: Any, context: Any, chats: int, draw: int) -> None:
        self._vocabulary = llama_cpp.llama_model_get_vocab(model)
        self._context = context
        self._batch = llama_cpp.llama_batch_init(_TOKENS_PER_BATCH, 0, chats)
        self._samplers = [_sampler(draw + chat) for chat in range(chats)]

    def write(self, texts: Sequence[str], new_tokens: int) -> None:
        """Write so many tokens behind each of the texts, whatever they are."""
        asked = [self._tokens(text) for text in texts]
        shared = _common_beginning(asked)
        for position, token in enumerate(asked[0][:shared]):
            self._add(token, position, range(len(asked)))
        places = []
        for chat, tokens in enumerate(asked):
            for position, token in enumerate(tokens[shared:], shared):
                place = self._add(token, position, [chat], is_last=position == len(tokens) - 1)
            places.append(place)
        drawn = self._draw(places)
        for step in range(new_tokens - 1):
            places = [
                self._add(token, len(asked[chat]) + step, [chat], is_last=True) for chat, token in enumerate(drawn)
            ]
            drawn = self._draw(places)

    def close(self) -> None:
        """Give the memory back."""
        for sampler in self._samplers:
            llama_cpp.llama_sampler_free(sampler)
        llama_cpp.llama_batch_free(self._batch)

    def _tokens(self, text: str) -> list[int]:
        content = text.encode()
        room = (llama_cpp.llama_token * (len(content) + 1))()
        count = llama_cpp.llama_tokenize(self._vocabulary, content, len(content), room, len(room), True, False)
        return list(room[:count])

    def _add(self, token: int, position: int, chats: Sequence[int], is_last: bool = False) -> int:
        """Add a token to the batch; return its place there."""
        batch = self._batch
        place: int = batch.n_tokens
        batch.token[place] = token
        batch.pos[place] = position
        batch.n_seq_id[place] = len(chats)
        for index, chat in enumerate(chats):
            batch.seq_id[place][index] = chat
        batch.logits[place] = is_last
        batch.n_tokens += 1
        return place

    def _draw(self, places: Sequence[int]) -> list[int]:
        """Compute the batch, and draw the next token of each chat behind its place."""
        failed = llama_cpp.llama_decode(self._context, self._batch)
        assert not failed, f"llama_decode returned {failed}"
        self._batch.n_tokens = 0
        return [
            llama_cpp.llama_sampler_sample(sampler, self._context, place)
            for sampler, place in zip(self._samplers, places, strict=True)
        ]


def _sampler(draw: int) -> Any:
    chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
    for sampler in (
        llama_cpp.llama_sampler_init_top_k(TOP_K),
        llama_cpp.llama_sampler_init_temp(TEMPERATURE),
        llama_cpp.llama_sampler_init_top_p(TOP_P, 1),
        llama_cpp.llama_sampler_init_dist(draw),
    ):
        llama_cpp.llama_sampler_chain_add(chain, sampler)
    return chain


def _common_beginning(asked: Sequence[Sequence[int]]) -> int:
    """Return how many tokens all begin with; the last of a prompt is read by its own sequence."""
    most = min(len(tokens) for tokens in asked) - 1
    return next((index for index in range(most) if len({tokens[index] for tokens in asked}) > 1), most)


if __name__ == "__main__":
    answer(prepare)
