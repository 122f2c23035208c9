"""What it is worth that the engine keeps what it has read: dialogues with it, and the same ones without.

`python -m benchmarks.reuse` lets 1 and 16 chats talk behind a seed of some 300 tokens, 12 exchanges each, and has every
prompt written twice: by the engine as it is, and by one that forgets everything after each turn. A reply has 16 tokens,
whatever they say, so that reading matters as much as it ever does; everybody says the next thing at the same time.

- `ttft_ratio`: the time to the first token of the second and later turns, with over without, of their medians.
- `reused_share`: of the tokens that each of these turns has in common, at its beginning, with what was said before in
  its dialogue, the share that was not read again.
- `turns_per_s_ratio`: turns a second of the whole dialogues, with over without.

The engine that forgets has the same weights and the same memory, and a new batch for each turn: only the knowledge of
what is in the memory is gone. Chats that speak at the same time share the reading of the seed even there. What the
prompts say is decided once, by the replies of the engine that does not forget.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks import embedded_model
from benchmarks.results import Row, summary, write_results
from dialogue.engine.models.loading import LoadedModel
from dialogue.engine.slots.batch import Batch
from dialogue.engine.slots.request import Request
from dialogue.engine.slots.rows import common_beginning
from dialogue.engine.slots.slot_model import SlotModel
from dialogue.engine.vocabulary import Vocabulary
from dialogue.seeds import Tags, load_seeds
from dialogue.sentences import whole_sentences
from dialogue.transcript import first_turn, render
from dialogue.turns import Dialogue, Prompt, Sampling, Speaker

CHATS = (1, 16)
NEW_TOKENS = 16
SEED, SEED_TOKENS = "isp-support-ru", 300

# A chat's number makes it another one from the first message on.
SAID = (
    "Здравствуйте, это абонент номер {chat}, со вчерашнего вечера нет интернета",
    "Договор {chat}4417, улица Лесная, дом {chat}",
    "Лампочка на роутере мигает красным",
    "Да, уже перезагружал два раза, не помогло",
    "Кабель на месте, его никто не трогал",
    "У соседей в квартире {chat} всё работает",
    "А когда сможет прийти мастер?",
    "Завтра после шести вечера буду дома",
    "Телефон для связи 555-0{chat}",
    "И ещё вопрос: за эти дни будет перерасчёт?",
    "Хорошо, спасибо. А мастер позвонит заранее?",
    "Понял, спасибо, до свидания",
)

# A row of the cache: seed, twelve exchanges and a reply, and some to spare.
_ROW_TOKENS = 1280
# The worker keeps as many rows for dialogues whose people are typing as for those that are written.
_ROWS_PER_CHAT = 2
_TAGS = Tags()
_CHARS_OF_LINE_BREAK = 1

Advance = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Turn:
    """What was measured of one reply.

    Args:
        reusable_tokens: those at its prompt's beginning that were said in its dialogue before.
    """

    first_token_s: float
    reused_tokens: int
    reusable_tokens: int


@dataclass(frozen=True, slots=True)
class Talk:
    """What was measured of dialogues that were held at the same time.

    Args:
        rounds: for each exchange, the turns of all chats.
    """

    rounds: tuple[tuple[Turn, ...], ...]
    took_s: float

    @property
    def turns_per_s(self) -> float:
        """Of all chats together."""
        return sum(len(turns) for turns in self.rounds) / self.took_s

    @property
    def later(self) -> list[Turn]:
        """The turns before which something was said."""
        return [turn for turns in self.rounds[1:] for turn in turns]

    @property
    def first_token_s(self) -> float:
        """The median time to the first token of later turns."""
        return statistics.median(turn.first_token_s for turn in self.later)


class Talks:
    """Dialogues of many chats with one model, whose prompts are made by the first who holds them.

    Args:
        model: with rows for all chats, and all its memory.
    """

    def __init__(self, model: SlotModel, vocabulary: Vocabulary, seed_text: str, chats: int, exchanges: int) -> None:
        self._model = model
        self._vocabulary = vocabulary
        self._seed_text = seed_text
        self._chats = chats
        self._exchanges = exchanges
        self._dialogues = [Dialogue()] * chats
        self._prompts: list[list[Prompt]] = []

    def hold(self, forgets: bool, advance: Advance) -> Talk:
        """Hold the dialogues once; the first time they decide what is said."""
        batch = Batch(self._model, self._chats)
        requests: list[Request] = []
        rounds, took_s = [], 0.0
        for exchange in range(self._exchanges):
            if exchange == len(self._prompts):
                self._go_on(requests)
            if forgets:
                batch = Batch(self._model, self._chats)
            said = [request.tokens for request in requests] or [[]] * self._chats
            began = time.perf_counter()
            requests, first_token_s = written(batch, self._prompts[exchange], self._vocabulary)
            took_s += time.perf_counter() - began
            rounds.append(tuple(map(_turn, requests, first_token_s, said)))
            advance()
        return Talk(tuple(rounds), took_s)

    def _go_on(self, answers: Sequence[Request]) -> None:
        """Add to each dialogue the bot's turn, if it is not the first, and the person's, and make prompts of them."""
        if answers:
            self._dialogues = [_answered(*each) for each in zip(self._dialogues, answers, strict=True)]
        words = SAID[len(self._prompts) % len(SAID)]
        self._dialogues = [
            dialogue.then(Speaker.PERSON, words.format(chat=chat)) for chat, dialogue in enumerate(self._dialogues)
        ]
        self._prompts.append([self._prompt(dialogue, chat) for chat, dialogue in enumerate(self._dialogues)])

    def _prompt(self, dialogue: Dialogue, chat: int) -> Prompt:
        text = render(self._seed_text, dialogue, _TAGS)
        fixed_chars = len(self._seed_text) + _CHARS_OF_LINE_BREAK
        return Prompt(text, (), Sampling(max_new_tokens=NEW_TOKENS), draw=chat, fixed_chars=fixed_chars)


def written(batch: Batch, prompts: Sequence[Prompt], vocabulary: Vocabulary) -> tuple[list[Request], list[float]]:
    """Write what follows the prompts; return it, and after how many seconds each has its first token."""
    began = time.perf_counter()
    requests = []
    for prompt in prompts:
        seed = vocabulary.encode_prompt(prompt.text[: prompt.fixed_chars])
        tokens = vocabulary.encode_prompt(prompt.text)
        requests.append(Request(prompt, tokens, vocabulary, common_beginning(seed, tokens, len(seed))))
        batch.add(requests[-1])
    first_token_s: dict[Request, float] = {}
    while not batch.is_empty:
        batch.step()
        now_s = time.perf_counter() - began
        for request in requests:
            if request.new_tokens:
                first_token_s.setdefault(request, now_s)
    return requests, [first_token_s[request] for request in requests]


def _turn(request: Request, first_token_s: float, said: Sequence[int]) -> Turn:
    most = min(
        len(said), request.prompt_tokens - 1
    )  # The last one is read in any case: the next word stands behind it.
    return Turn(first_token_s, request.reused_tokens, common_beginning(said, request.tokens, most))


def _answered(dialogue: Dialogue, request: Request) -> Dialogue:
    """Return the dialogue with the bot's turn, cut out of what was written as a worker does."""
    cut = first_turn(request.text, _TAGS)
    return dialogue.then(Speaker.BOT, cut.text if cut.is_finished else whole_sentences(cut.text))


def cut_seed(text: str, tokens: int, vocabulary: Vocabulary) -> str:
    """Return as many whole lines from the beginning of a seed's text as fit into so many tokens."""
    lines = text.splitlines()
    fitting = [
        count for count in range(1, len(lines) + 1) if len(vocabulary.encode_prompt("\n".join(lines[:count]))) <= tokens
    ]
    return "\n".join(lines[: max(fitting, default=0)])


def row(pairs: Sequence[tuple[Talk, Talk]]) -> Row:
    """Return medians and ranges over the repetitions; each is a talk with memory and one without."""
    shares = [
        sum(turn.reused_tokens for turn in kept.later) / sum(turn.reusable_tokens for turn in kept.later)
        for kept, _ in pairs
    ]
    samples = {
        "ttft_ratio": [kept.first_token_s / forgot.first_token_s for kept, forgot in pairs],
        "reused_share": shares,
        "turns_per_s_ratio": [kept.turns_per_s / forgot.turns_per_s for kept, forgot in pairs],
        "ttft_s": [kept.first_token_s for kept, _ in pairs],
        "ttft_forgetting_s": [forgot.first_token_s for _, forgot in pairs],
        "turns_per_s": [kept.turns_per_s for kept, _ in pairs],
        "turns_per_s_forgetting": [forgot.turns_per_s for _, forgot in pairs],
    }
    return summary(samples, digits=3)


def measure(loaded: LoadedModel, chats: int, exchanges: int, repetitions: int, advance: Advance) -> Row:
    """Hold the dialogues with and without memory in turn, so many times; return the row of the result."""
    seed_text = cut_seed(load_seeds().get(SEED).text, SEED_TOKENS, loaded.vocabulary)
    model = SlotModel(loaded.model, _ROWS_PER_CHAT * chats, _ROW_TOKENS, loaded.dtype, loaded.rack)
    # All memory is taken before anything is measured; else only the first dialogues would have to wait for it.
    for start in range(0, _ROW_TOKENS, 256):
        model.read(0, [start], [[0] * 256])
    talks = Talks(model, loaded.vocabulary, seed_text, chats, exchanges)
    pairs = [(talks.hold(False, advance), talks.hold(True, advance)) for _ in range(repetitions)]
    return {
        "chats": chats,
        **row(pairs),
        "seed_tokens": len(loaded.vocabulary.encode_prompt(seed_text)),
        "exchanges": exchanges,
        "new_tokens": NEW_TOKENS,
        "precision": loaded.precision,
        "repetitions": repetitions,
    }


def shown(rows: Sequence[Row]) -> Table:
    """Return the rows as a table of medians."""
    keys = ("ttft_ratio", "reused_share", "turns_per_s_ratio", "ttft_s", "turns_per_s")
    table = Table("chats", *(key.replace("_", " ") for key in keys))
    for each in rows:
        table.add_row(str(each["chats"]), *(f"{each[key]:.3g}" for key in keys))
    return table


def main() -> None:
    """Measure, write the result, show it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--chats", type=int, nargs="+", default=CHATS)
    parser.add_argument("--exchanges", type=int, default=len(SAID), help="messages in each chat, 2 at least")
    parser.add_argument("--out", type=Path, help="the folder of the result, if not benchmarks/results")
    options = parser.parse_args()
    console = Console()
    loaded = embedded_model.load(console=console)
    loaded.vocabulary.ends = frozenset()  # All replies have the same number of tokens.
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} turns"))
    rows = []
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress, torch.inference_mode():
        for chats in options.chats:
            bar = progress.add_task(f"{chats} chats", total=2 * options.repetitions * options.exchanges)
            advance = partial(progress.advance, bar)
            rows.append(measure(loaded, chats, options.exchanges, options.repetitions, advance))
    path = write_results("reuse", rows, *[options.out] if options.out else [])
    console.print(shown(rows))
    console.print(f"written to {path}", highlight=False)


if __name__ == "__main__":
    main()
