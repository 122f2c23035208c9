"""Messages and replies as rows of the log, with what people and operators think of the replies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from random import Random

from benchmarks.bulk import NewRows, Row
from benchmarks.support_talk import Talk
from dialogue.kinds.choosing import kind_of
from dialogue.seeds import Seeds
from dialogue.turns import Ask, Completion, Dialogue, Generation, Outcome, Reply, Sampling, Speaker, StopReason, Turn
from storage.export.served import hashed
from storage.log.outbox import outgoing_row
from storage.log.recording import generation_rows
from storage.log.tables import answers, audit, generations, outbox, outbox_parts, replies, thumbs, turns, verdicts
from storage.log.turn_rows import asked_row, reply_row
from storage.operators import Operator
from storage.records import Author, Person, SendState, TurnState
from storage.reviewed import Rating

# How common things are: each of them is to be found, and most are rare.
_RETRIED, _FAILED, _JUDGED, _CORRECTED, _THUMBED, _LIKED = 0.03, 0.003, 0.1, 0.3, 0.05, 0.6
_JUDGED_AFTER_S = 600.0


class Exchanges:
    """Adds exchanges to dialogues, and keeps what the inbox knows of these up to date.

    Args:
        seeds: behind which the model writes; it gets its prompts as they are served, so their hashes are true.
    """

    def __init__(self, rows: NewRows, operators: Sequence[Operator], seeds: Seeds, random: Random) -> None:
        self._rows, self._operators, self._seeds, self._random = rows, operators, seeds, random
        self._said: defaultdict[str, tuple[Turn, ...]] = defaultdict(tuple)

    def add(self, dialogue: Row, person: Person, talk: Talk, at: float) -> None:
        """Have a person say something, and the model answer it."""
        asked = self._ask(dialogue, person, Ask.SAY, talk.says(4, 16), at)
        self._said[dialogue["id"]] += (Turn(Speaker.PERSON, asked["text"]),)
        dialogue["messages"] += 1
        asked["position"] = 2 * dialogue["messages"] - 1
        if self._is_so(_FAILED):
            asked["state"] = TurnState.FAILED
            dialogue["failures"] += 1
            self._add_reply(dialogue, [asked], Reply(Outcome.ENGINE_DOWN), at + 1)
            _touch(dialogue, asked)
            return
        turn = self._answer(dialogue, [asked], talk, at + 1)
        if self._is_so(_RETRIED):
            wish = self._ask(dialogue, person, Ask.RETRY, "", at + 5)
            turn["dropped_at"] = at + 6
            turn = self._answer(dialogue, [asked, wish], talk, at + 6, turn)
            dialogue["retries"] += 1
        self._said[dialogue["id"]] += (Turn(Speaker.BOT, turn["text"]),)
        _touch(dialogue, turn)
        self._judge(dialogue, turn, person)

    def note_deed(
        self, operator: Operator, at: float, action: str, dialogue: Row, turn: Row | None, after: str
    ) -> None:
        """Note what an operator decided, of a turn or of the whole dialogue; before, it was empty."""
        who = {"operator_id": operator.id, "operator": operator.name}
        what = {"action": action, "batch": self._random.randbytes(8).hex(), "dialogue_id": dialogue["id"]}
        self._rows.add(audit, who, what, at=at, turn_id=turn and turn["id"], before="", after=after)

    def _ask(self, dialogue: Row, person: Person, ask: Ask, text: str, at: float) -> Row:
        row = asked_row(dialogue["id"], person, ask, text, self._random.randbytes(4).hex(), at)
        return self._rows.add(turns, row, state=TurnState.ANSWERED)

    def _answer(self, dialogue: Row, asked: Sequence[Row], talk: Talk, at: float, replaced: Row | None = None) -> Row:
        text = talk.says(8, 25)
        reply = Reply(Outcome.ANSWERED, Ask(asked[-1]["ask"]), text, text, (self._drawn(dialogue, f" {text}\nUser1:"),))
        reply_id = self._add_reply(dialogue, asked, reply, at)
        version, replaces = (replaced["version"] + 1, replaced["id"]) if replaced else (1, None)
        place = 2 * dialogue["messages"]
        row = reply_row(dialogue["id"], Author.MODEL, text, reply_id, at, place, version, replaces)
        turn = self._rows.add(turns, row)
        sent = outgoing_row(dialogue["id"], turn["id"], text, "", Outcome.ANSWERED, at)
        sent = self._rows.add(outbox, sent, state=SendState.SENT, sent_parts=1, sent_at=at)
        self._rows.add(outbox_parts, outbox_id=sent["id"], part=1, external_id=str(sent["id"]))
        return turn

    def _drawn(self, dialogue: Row, text: str) -> Generation:
        first_token_s, tokens = self._random.uniform(0.05, 0.4), len(text) // 3
        likelihood = -abs(self._random.gauss(1.2, 0.5))
        seed = self._seeds.get(dialogue["seed"])
        prompt = kind_of(seed).render(seed, Dialogue(self._said[dialogue["id"]]), False)
        dialogue["likelihood"] = min(dialogue["likelihood"] or 0.0, likelihood)
        return Generation(
            seed=seed.name,
            seed_hash=seed.version,
            prompt_hash=hashed(prompt),
            model=dialogue["model"],
            revision="1",
            sampling=Sampling(),
            draw=self._random.getrandbits(31),
            completion=Completion(
                text, StopReason.TAG, 400, 380, tokens, first_token_s, first_token_s + tokens / 50, likelihood
            ),
            queued_s=self._random.expovariate(2),
        )

    def _add_reply(self, dialogue: Row, asked: Sequence[Row], reply: Reply, at: float) -> str:
        id = self._random.randbytes(16).hex()
        about = {"ask": reply.ask, "outcome": reply.outcome, "is_stale": False, "created_at": at}
        self._rows.add(replies, about, id=id, dialogue_id=dialogue["id"])
        for turn in asked:
            self._rows.add(answers, reply_id=id, turn_id=turn["id"])
        for row in generation_rows(reply, id):
            self._rows.add(generations, row)
        return id

    def _judge(self, dialogue: Row, turn: Row, person: Person) -> None:
        at = turn["created_at"] + _JUDGED_AFTER_S
        if self._is_so(_JUDGED):
            operator, rating = self._random.choice(self._operators), self._random.choice((Rating.GOOD, Rating.BAD))
            correction = turn["text"] if self._is_so(_CORRECTED) else ""
            verdict = {"turn_id": turn["id"], "operator_id": operator.id, "rating": rating, "correction": correction}
            self._rows.add(verdicts, verdict, reasons=[], labels=[], note="", updated_at=at)
            self.note_deed(operator, at, "rating", dialogue, turn, rating)
        if self._is_so(_THUMBED):
            is_up = self._is_so(_LIKED)
            thumb = {"turn_id": turn["id"], "person_id": person.id, "is_up": is_up}
            self._rows.add(thumbs, thumb, source="button", created_at=at)
            dialogue["dislikes"] += not is_up

    def _is_so(self, share: float) -> bool:
        return self._random.random() < share


def _touch(dialogue: Row, last: Row) -> None:
    dialogue["last_turn_id"], dialogue["last_at"] = last["id"], last["created_at"]
    dialogue["touched_at"] = last["created_at"]
