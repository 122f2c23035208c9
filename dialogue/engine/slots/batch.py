"""The texts that are being written at the same time, one step after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dialogue.engine.slots.pattern import keep_to
from dialogue.engine.slots.replay import Pending
from dialogue.engine.slots.request import Request
from dialogue.engine.slots.rows import Rows, common_beginning
from dialogue.engine.slots.sampling import Draws, choose, penalise
from dialogue.engine.slots.shelf import Shelf
from dialogue.errors import EngineUnavailable

if TYPE_CHECKING:
    from torch import Tensor

    from dialogue.engine.slots.slot_model import SlotModel

# Of four guesses in a row the last is right in a tenth of the cases.
_GUESSES = 4

# It pays to wait for somebody else to read a common beginning of at least so many tokens, and to copy it then.
_WORTH_WAITING_FOR = 16


@dataclass(frozen=True, slots=True)
class StepSize:
    """How much a device does in one step.

    Args:
        prompt_tokens: so much of new prompts is read between two steps at most: somebody's long history does not make
            the others wait much longer than that takes.
        cheap_tokens: so many tokens cost a step little more than one, as it is the weights that take the time. Guesses
            are read along up to that.
        works_aside: whether it does a step while Python does something else.
    """

    prompt_tokens: int
    cheap_tokens: int
    works_aside: bool = False


# A quarter of a second on two CPU cores with the embedded model.
CPU_STEP = StepSize(prompt_tokens=256, cheap_tokens=8)

# Three hundredths of a second on an H100 with 760 million weights. There 32 dialogues get 9,879 tokens/s one step
# ahead, 8,061 where Python waits for each step. Guesses bring more where few are written: 1.4 tokens a step, or more.
GPU_STEP = StepSize(prompt_tokens=4096, cheap_tokens=32, works_aside=True)


@dataclass(frozen=True, slots=True)
class _Ahead:
    """A step that the device was told to do before Python knew what came of the step before it.

    Args:
        requests: whose next tokens are to be drawn, in the order of the rows.
        logits: (requests, words).
    """

    requests: list[Request]
    logits: Tensor


class Batch:
    """Gives each request a row, reads its prompt piece by piece, and writes one token per step for all of them.

    What a row still holds of an earlier text is not read again where the prompt begins with it. Requests beyond
    `places` wait in order. It is not safe for threads: one of them owns it.

    Where the device works aside, and too many are written to guess anything, it is one step ahead: it reads the tokens
    that it has drawn before Python knows them, so that neither waits for the other. Who turns out to have come to an
    end was read once too often, which does no harm.

    Args:
        places: how many texts are written at the same time, at most as many as the model has slots.
        size: what suits the device.
        guesses: how many tokens of each text are guessed at a step while few are written.
    """

    def __init__(
        self, model: SlotModel, places: int | None = None, size: StepSize = CPU_STEP, guesses: int = _GUESSES
    ) -> None:
        self._model = model
        self._places = places or model.slots
        self._size = size
        self._guesses = guesses
        self._waiting: deque[Request] = deque()
        self._seated: dict[int, Request] = {}  # By row.
        self._in_line: deque[Request] = deque()  # Who is seated, in the order in which prompts are read.
        self._rows = Rows(model.slots)
        self._shelf = Shelf()
        self._ahead: _Ahead | None = None

    @property
    def is_empty(self) -> bool:
        """Say that there is nothing to write."""
        return not self._seated and not self._waiting

    @property
    def slots_in_use(self) -> int:
        """How many requests have a slot."""
        return len(self._seated)

    def add(self, request: Request) -> None:
        """Let the request wait for a slot."""
        self._waiting.append(request)

    def step(self) -> None:
        """Read on in the prompts that are not read, and write the next token of every text whose prompt is.

        Whatever is raised leaves the batch unfit for more until `recover` is called.
        """
        self._free_slots()
        self._fill_slots()
        self._read()
        self._write()
        self._free_slots()

    def recover(self, error: EngineUnavailable) -> None:
        """Start again with an empty cache after a step has failed.

        Nobody knows whose fault it was. So everybody who took part goes on alone until one token further; who fails
        alone ends with the error.
        """
        self._ahead = None
        taking_part = self._taking_part()
        if len(taking_part) == 1 and taking_part[0].is_suspect:
            taking_part[0].error = error
        for request in self._seated.values():
            if request in taking_part:
                request.suspect()
            else:
                request.read_tokens = 0
        self._rows.clear(self._seated)
        self._shelf.clear()
        self._model.reset()

    def forget(self, adapter: str, error: EngineUnavailable) -> None:
        """End what is written with an adapter with the error, and forget what was read with it."""
        for request in (*self._seated.values(), *self._waiting):
            if request.adapter == adapter:
                request.error = error
        self._free_slots()
        self._rows.forget(adapter)
        self._shelf.forget(adapter)

    def abandon(self, error: EngineUnavailable) -> None:
        """End everything, the waiting requests as well, with the error."""
        for request in (*self._seated.values(), *self._waiting):
            request.error = error
        self._ahead = None
        self._seated.clear()
        self._in_line.clear()
        self._waiting.clear()

    def _taking_part(self) -> list[Request]:
        """Return who is read and written: the first who is suspected of making steps fail alone, else everybody."""
        return [request for request in self._in_line if request.is_suspect][:1] or list(self._in_line)

    def _free_slots(self) -> None:
        self._seated = {row: request for row, request in self._seated.items() if not request.is_over}
        self._in_line = deque(request for request in self._in_line if not request.is_over)
        self._waiting = deque(request for request in self._waiting if not request.is_over)
        if self._ahead is not None and all(request.is_over for request in self._ahead.requests):
            self._ahead = None

    def _fill_slots(self) -> None:
        while self._waiting and len(self._seated) < self._places:
            free = [row for row in range(self._model.slots) if row not in self._seated]
            request = self._waiting.popleft()
            self._seated[self._rows.take(request, free)] = request
            self._in_line.append(request)

    def _read(self) -> None:
        """Read a piece of the prompts that are not read yet, whoever was read last at the end."""
        writing = sum(request.is_read for request in self._taking_part())
        pieces: dict[Request, int] = {}
        for request in self._to_be_read():
            piece = min(request.unread - 1, self._size.prompt_tokens)
            width = max(piece, *pieces.values()) if pieces else piece
            if width * (len(pieces) + 1) > self._size.prompt_tokens:
                break
            pieces[request] = piece
        if not pieces:
            return
        readers = self._line_up(pieces, first=writing)
        self._model.read(
            writing,
            [request.read_tokens for request in readers],
            [request.tokens[request.read_tokens : request.read_tokens + pieces[request]] for request in readers],
            [request.adapter for request in readers],
        )
        for row, request in enumerate(readers, writing):
            request.read_tokens += pieces[request]
            self._in_line.remove(request)
            self._in_line.append(request)
            if self._shelf.lacks(request):
                self._shelf.put(request, self._model.keep(row, request.seed_tokens))

    def _to_be_read(self) -> Iterator[Request]:
        """Yield whose prompts are to be read, each after taking over what others have read already.

        Who begins as somebody does who is being read lets him go ahead.
        """
        ahead: list[Request] = []
        for request in self._taking_part():
            if request.is_read:
                continue
            self._take_over(request)
            if request.unread == 1:
                continue
            most = len(request.tokens) - 1
            gain = max((self._gain(request, other, most) for other in ahead), default=0)
            if gain < _WORTH_WAITING_FOR:
                ahead.append(request)
                yield request

    def _gain(self, request: Request, other: Request, most: int) -> int:
        if other.adapter != request.adapter:
            return 0
        return common_beginning(other.tokens, request.tokens, min(most, len(other.tokens))) - request.read_tokens

    def _take_over(self, request: Request) -> None:
        """Copy the keys of the prompt's beginning from the row or the seed that has most of them, if one has more."""
        row = self._row_of(request)
        donor, tokens = self._rows.donor(request)
        seed = self._shelf.find(request)
        if seed is not None and request.seed_tokens > max(tokens, request.read_tokens):
            self._model.restore(seed, row, request.seed_tokens)
            request.reuse(request.seed_tokens)
        elif tokens > request.read_tokens:
            self._model.copy(donor, row, tokens)
            request.reuse(tokens)

    def _write(self) -> None:
        """Write the next token of every text whose prompt is read, and further ones where they were guessed right."""
        if self._ahead is not None:
            self._write_ahead(self._ahead)
            return
        writing = [request for request in self._taking_part() if request.is_read]
        if not writing:
            return
        most = self._most_guesses(len(writing))
        if self._size.works_aside and most == 0:
            self._ahead = self._begun(writing)
            return
        writing = self._line_up(writing, first=0)
        guessed = [request.guess(most) for request in writing] if most else [[]] * len(writing)
        starts = [request.read_tokens for request in writing]
        adapters = [request.adapter for request in writing]
        if any(guessed):
            read = [[request.tokens[-1], *guess] for request, guess in zip(writing, guessed, strict=True)]
            logits = self._model.guessed_logits(0, starts, read, adapters)
        else:
            logits = self._model.next_logits(0, starts, [request.tokens[-1] for request in writing], adapters)[:, None]
        drawn = zip(*_drawn(writing, guessed, logits).known(), strict=True)
        for request, guess in zip(writing, guessed, strict=True):
            own = [next(drawn) for _ in range(len(guess) + 1)]
            for (token, likelihood), expected in zip(own, [*guess, None], strict=True):
                request.read_tokens += 1
                request.take(token, likelihood)
                if request.is_over or token != expected:
                    break

    def _write_ahead(self, ahead: _Ahead) -> None:
        """Write the tokens that the step ahead is for, and begin the next one before it is known which they are."""
        draws = _drawn(ahead.requests, [[]] * len(ahead.requests), ahead.logits[:, None])
        on_their_way = set(ahead.requests)
        going_on = [
            request
            for request in self._taking_part()
            if request.is_read and not (request in on_their_way and request.is_about_to_end)
        ]
        self._ahead = None
        if going_on and self._most_guesses(len(going_on)) == 0:
            self._ahead = self._begun(going_on, ahead.requests, draws)
        for request, token, likelihood in zip(ahead.requests, *draws.known(), strict=True):
            if not request.is_over:
                request.take(token, likelihood)

    def _begun(self, writing: list[Request], drawn_for: Sequence[Request] = (), draws: Draws | None = None) -> _Ahead:
        """Have the device read the last token of every text, whether or not it is known by now."""
        writing = self._line_up(writing, first=0)
        draw_of = {request: place for place, request in enumerate(drawn_for)}
        places = {row: draw_of[request] for row, request in enumerate(writing) if request in draw_of}
        logits = self._model.logits_ahead(
            [request.read_tokens for request in writing],
            [request.tokens[-1] for request in writing],
            [request.adapter for request in writing],
            Pending(draws.tokens, places) if draws and places else None,
        )
        for request in writing:
            request.read_tokens += 1
        return _Ahead(writing, logits)

    def _most_guesses(self, writing: int) -> int:
        """Return how many tokens of each text may be guessed where so many are written."""
        return max(0, min(self._guesses, self._size.cheap_tokens // writing - 1))

    def _line_up(self, requests: Sequence[Request] | dict[Request, int], first: int) -> list[Request]:
        """Bring the requests into neighbouring rows from `first` on; return them in the order of their rows."""
        row_of = {request: row for row, request in self._seated.items()}
        rows = {row_of[request] for request in requests}
        places = range(first, first + len(rows))
        holes = [place for place in places if place not in rows]
        strays = [row for row in rows if row not in places]
        for row, place in zip(strays, holes, strict=True):
            self._swap(row, place)
        return [self._seated[place] for place in places]

    def _swap(self, one: int, other: int) -> None:
        self._model.swap(one, other, max(self._rows.held_tokens(one), self._rows.held_tokens(other)))
        self._rows.swap(one, other)
        moved = {other: self._seated.pop(one, None), one: self._seated.pop(other, None)}
        self._seated.update({row: request for row, request in moved.items() if request is not None})

    def _row_of(self, request: Request) -> int:
        return next(row for row, seated in self._seated.items() if seated is request)


def _drawn(requests: Sequence[Request], guessed: Sequence[Sequence[int]], logits: Tensor) -> Draws:
    """Draw the next token of each request and those that come after it if its guesses are right.

    Args:
        logits: (requests, tokens, words); the last ones of a request stand behind its last token and its guesses.
    """
    width = logits.shape[1]
    draws = [(row, ahead) for row, guess in enumerate(guessed) for ahead in range(len(guess) + 1)]
    behind = [row * width + width - 1 - len(guessed[row]) + ahead for row, ahead in draws]
    scores = logits.flatten(0, 1)
    if len(behind) < len(scores):
        scores = scores[behind]
    samplings = [requests[row].sampling for row, _ in draws]
    penalise(scores, [[*requests[row].tokens, *guessed[row][:ahead]] for row, ahead in draws], samplings)
    for place, (row, _) in enumerate(draws):
        if requests[row].is_bound:
            keep_to(scores[place], requests[row].fits)
    return choose(scores, samplings, [requests[row].luck(ahead) for row, ahead in draws])
