"""Text to tokens and back: nothing that people write becomes a special token, and no half character is shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dialogue.engine.plain_text import well_formed

if TYPE_CHECKING:
    from tokenizers import Tokenizer

HALF_CHARACTER = "\ufffd"  # What a tokenizer decodes the first bytes of a character to.

# Many models leave markers such as Qwen's <tool_call> unflagged; words added to a vocabulary have no brackets.
_MARKER = re.compile(r"[<\[{(|].*[>\]})|]", re.DOTALL)

# Decoders look at the tokens before (a leading space is dropped at the very beginning only). A token is at most a
# word, a character at most four of them: eight are plenty.
_TOKENS_BEFORE = 8


class Vocabulary:
    """Encodes prompts and decodes what the model writes.

    Args:
        tokenizer: taken over: its special tokens are switched off for whatever is encoded from now on.
        ends: the tokens with which the model ends its text.
    """

    def __init__(self, tokenizer: Tokenizer, ends: frozenset[int] = frozenset()) -> None:
        self.ends = ends
        self._tokenizer = tokenizer
        self._opening = _opening(tokenizer)
        _switch_off_special_tokens(tokenizer)

    def encode(self, text: str) -> list[int]:
        """Return the tokens of the text, none of them special."""
        return self._tokenizer.encode(well_formed(text), add_special_tokens=False).ids

    def encode_prompt(self, text: str) -> list[int]:
        """Return the tokens that the model is to continue: its own opening token, if it has one, and the text's."""
        return [*self._opening, *self.encode(text)]

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of the tokens, special tokens left out."""
        return self._tokenizer.decode(tokens, skip_special_tokens=True)


class GrowingText:
    """The text of tokens that arrive one by one.

    Args:
        decode: gives the text of a few tokens.
        before: the tokens in front of the first one; they are not part of the text.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], before: Sequence[int]) -> None:
        self.text = ""
        self._decode = decode
        self._window = list(before[-_TOKENS_BEFORE:])
        self._read = len(self._window)

    def with_token(self, token: int) -> str:
        """Return what the text would be with one more token; it may end within a character."""
        return self.text + self._decode([*self._window, token])[len(self._decode(self._window[: self._read])) :]

    def take(self, token: int) -> None:
        """Add the token's text, or keep it back while it ends within a character."""
        self._window.append(token)
        window_text = self._decode(self._window)
        if window_text.endswith(HALF_CHARACTER):
            return
        self.text += window_text[len(self._decode(self._window[: self._read])) :]
        self._window = self._window[-_TOKENS_BEFORE:]
        self._read = len(self._window)


def _opening(tokenizer: Tokenizer) -> list[int]:
    """Return what the tokenizer itself puts in front of a text: `<bos>` for Gemma, nothing for GPT-2."""
    bare = tokenizer.encode("a", add_special_tokens=False).ids
    dressed = tokenizer.encode("a", add_special_tokens=True).ids
    start = next((i for i in range(len(dressed)) if dressed[i : i + len(bare)] == bare), 0)
    return dressed[:start]


def _switch_off_special_tokens(tokenizer: Tokenizer) -> None:
    from tokenizers import AddedToken

    tokenizer.no_truncation()
    tokenizer.no_padding()
    markers = [token.content for token in tokenizer.get_added_tokens_decoder().values() if not token.special]
    tokenizer.add_special_tokens(
        [AddedToken(marker, normalized=False) for marker in markers if _MARKER.fullmatch(marker)]
    )
    tokenizer.encode_special_tokens = True
