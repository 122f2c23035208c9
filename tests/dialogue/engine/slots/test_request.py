"""G23 at the engine's side: a text ends with the step in which a stop string is complete, wherever tokens are split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from dialogue.engine.slots.request import Request
from dialogue.engine.vocabulary import Vocabulary
from dialogue.turns import Sampling, StopReason
from tests.dialogue.engine.tiny import END, prompt, tiny_tokenizer

TOKENIZER = tiny_tokenizer()
STOPS = ("\nUser1:", "\nUser2:")


class PieceVocabulary(Vocabulary):
    """A vocabulary whose n-th token is the n-th piece of a text."""

    def __init__(self, pieces: Sequence[str]) -> None:
        super().__init__(TOKENIZER)
        self._pieces = pieces

    def decode(self, tokens: Sequence[int]) -> str:
        return "".join(self._pieces[token] for token in tokens)


def splits(text: str) -> Iterator[list[str]]:
    """Give every way to cut the text into pieces."""
    for count in range(len(text)):
        for cuts in combinations(range(1, len(text)), count):
            yield [text[start:end] for start, end in zip((0, *cuts), (*cuts, len(text)), strict=True)]


def test_a_text_ends_when_its_stop_is_complete_over_every_split() -> None:
    text = "Hi\nUser1: x"
    complete_at = text.index(":")
    for pieces in splits(text):
        request = Request(prompt("", stops=STOPS), [], PieceVocabulary(pieces))
        written = 0
        for token, piece in enumerate(pieces):
            request.take(token, -1.0)
            written += len(piece)
            assert (request.stop is StopReason.TAG) == (written > complete_at), pieces
            if request.stop:
                break
        assert request.text == text[:written]


def test_a_tag_within_a_line_ends_nothing() -> None:
    pieces = ["Write", " User1:", " like", " that"]
    request = Request(prompt("", Sampling(max_new_tokens=9), stops=STOPS), [], PieceVocabulary(pieces))
    for token in range(len(pieces)):
        request.take(token, -1.0)
    assert request.stop is None


def test_a_text_ends_with_the_models_own_end() -> None:
    vocabulary = Vocabulary(TOKENIZER, frozenset({END}))
    request = Request(prompt("", stops=STOPS), [], vocabulary)
    for token in (*vocabulary.encode("ok"), END):
        request.take(token, -1.0)
    assert (request.stop, request.text) == (StopReason.END_OF_TEXT, "ok")


def test_a_text_ends_at_its_length() -> None:
    request = Request(prompt("", Sampling(max_new_tokens=2)), [], PieceVocabulary(["a", "b"]))
    request.take(0, -1.0)
    assert request.stop is None
    request.take(1, -1.0)
    assert request.stop is StopReason.LENGTH


def test_the_same_draw_has_the_same_luck_whatever_number_it_is() -> None:
    vocabulary = PieceVocabulary([])
    for draw in (0, 7, 2**64 + 3, -1):
        first, second = (Request(prompt("", draw=draw), [], vocabulary) for _ in range(2))
        assert [first.luck(ahead) for ahead in range(3)] == [second.luck(ahead) for ahead in range(3)]


def test_luck_belongs_to_the_number_of_the_draw_however_far_one_looked_ahead() -> None:
    request = Request(prompt(""), [], PieceVocabulary(["a", "b"]))
    ahead = [request.luck(number) for number in (0, 1, 2)]
    request.take(0, -1.0)
    assert [request.luck(), request.luck(1)] == ahead[1:]


def test_what_is_guessed_never_goes_beyond_the_length() -> None:
    request = Request(prompt("", Sampling(max_new_tokens=3)), [1, 2, 3, 4, 1], PieceVocabulary(["a"] * 9))
    assert request.guess(9) == [2, 3]
    request.take(5, -1.0)
    request.take(1, -1.0)
    assert request.guess(9) == []
