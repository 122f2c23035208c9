"""What goes over the wire to an OpenAI-compatible completions server, and what comes back."""

from __future__ import annotations

import json
import re
from typing import Any

from dialogue.engine.plain_text import disarmed, well_formed
from dialogue.turns import Prompt, StopReason

# vLLM: "maximum context length"; llama.cpp: "exceeds the available context size"; SGLang: "longer than the model's
# context length"; TGI: "`inputs` tokens + `max_new_tokens` must be <= ..."; others: "prompt is too long".
_TOO_LONG = re.compile(r"context|max_new_tokens|too long|longer than", re.IGNORECASE)

# Whatever goes wrong when JSON of an unknown shape is taken apart.
_MALFORMED = (ValueError, KeyError, TypeError, AttributeError, IndexError)

# No word is drawn that is less likely: vLLM writes -9999 for the logarithm of 0.
_LEAST_LIKELIHOOD = -1000.0


class BadAnswer(Exception):
    """The server sent what is not an answer."""


class Answer:
    """What has come of an answer so far, one server-sent event after the other."""

    def __init__(self, prompt: Prompt) -> None:
        self.text = ""
        self.pieces = 0
        self.prompt_tokens: int | None = None
        self.reused_tokens = 0
        self._new_tokens: int | None = None
        self._likelihoods: list[float] = []
        self._finish: str | None = None
        self._stops = prompt.stops

    @property
    def new_tokens(self) -> int:
        """How many tokens were written; servers that do not count send one with each event."""
        return self._new_tokens or self.pieces

    @property
    def likelihood(self) -> float | None:
        """Mean log-probability of the tokens, among all words; None where the server does not tell it unasked.

        It is not asked for: some servers refuse a field that they do not know.
        """
        return sum(self._likelihoods) / len(self._likelihoods) if self._likelihoods else None

    @property
    def is_finished(self) -> bool:
        """Say that the server ended the text; its counts may still follow."""
        return self._finish is not None

    @property
    def has_stop(self) -> bool:
        """Say that a stop string is complete, whether or not the server noticed."""
        return any(stop in self.text for stop in self._stops)

    @property
    def stop(self) -> StopReason:
        """Why the text ended."""
        if self.has_stop:
            return StopReason.TAG
        return StopReason.LENGTH if self._finish == "length" else StopReason.END_OF_TEXT

    def take(self, data: str) -> None:
        """Add one event.

        Raises:
            BadAnswer: it is not what a completions server sends.
        """
        try:
            event = json.loads(data)
            if "error" in event:
                raise BadAnswer("the server reports an error within the stream")
            if usage := event.get("usage"):
                self.prompt_tokens = int(usage["prompt_tokens"])
                self._new_tokens = int(usage["completion_tokens"])
                self.reused_tokens = int((usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0)
            for choice in event["choices"][:1]:
                self._take_choice(choice)
        except _MALFORMED as error:
            raise BadAnswer("not a completion event") from error  # Its content is private.

    def _take_choice(self, choice: dict[str, Any]) -> None:
        text = _string(choice.get("text") or "")
        self.pieces += bool(text)
        self.text += text
        self._likelihoods += _likelihoods(choice.get("logprobs"))
        if choice.get("finish_reason"):
            self._finish = _string(choice["finish_reason"])
            # vLLM and SGLang name the stop string that they kept back; here it belongs to the raw text.
            if isinstance(choice.get("stop_reason"), str):
                self.text += choice["stop_reason"]


def request_body(model: str, prompt: Prompt) -> dict[str, Any]:
    """Return the body of `POST /completions`.

    Fields that OpenAI's own interface does not know (`top_k`, `min_p`, `repetition_penalty`) are sent only where they
    say something; for `no_repeat_ngram` there is none. The server parses special tokens in the text, so whatever looks
    like one is disarmed.
    """
    sampling = prompt.sampling
    body: dict[str, Any] = {
        "model": model,
        "prompt": disarmed(well_formed(prompt.text)),
        "max_tokens": sampling.max_new_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "stop": list(prompt.stops),
        "seed": prompt.draw % 2**31,  # llama.cpp takes 32 bits, and TGI no negative number.
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if sampling.top_k:
        body["top_k"] = sampling.top_k
    if sampling.min_p:
        body["min_p"] = sampling.min_p
    if sampling.repetition_penalty != 1.0:
        body["repetition_penalty"] = sampling.repetition_penalty
    return body


def read_models(content: bytes) -> tuple[str, int | None]:
    """Return the name of the first model that `GET /models` lists, and its context where the server tells it.

    Raises:
        BadAnswer: it lists none.
    """
    try:
        model = json.loads(content)["data"][0]
        context = model.get("max_model_len")
        return _string(model["id"]), context if isinstance(context, int) else None
    except _MALFORMED as error:
        raise BadAnswer("not a list of models") from error


def is_too_long(status: int, body: str) -> bool:
    """Say whether the server refused a prompt because it does not fit its model."""
    return status in (400, 413, 422) and bool(_TOO_LONG.search(body))


def _likelihoods(logprobs: object) -> list[float]:
    """Return the log-probabilities of an event's tokens; what is none of them is nobody's failure, and left out.

    OpenAI, vLLM and SGLang send `{"token_logprobs": [-0.1]}`, llama.cpp `{"content": [{"logprob": -0.1}]}`.
    """
    if not isinstance(logprobs, dict):
        return []
    told = logprobs.get("token_logprobs")
    if told is None:
        content = logprobs.get("content")
        told = [each.get("logprob") for each in content if isinstance(each, dict)] if isinstance(content, list) else []
    numbers = told if isinstance(told, list) else []
    return [number for number in numbers if type(number) in (int, float) and _LEAST_LIKELIHOOD < number <= 0]


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a string was expected, not {type(value).__name__}")
    return value
