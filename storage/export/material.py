"""One dialogue, ready to be written down in any format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dialogue.errors import TranscriptError
from dialogue.kinds.choosing import asked_words, kind_of
from dialogue.seeds import Seed
from dialogue.turns import Ask, Dialogue, Turn
from storage.export.lessons import Lesson, replies_of, right_words
from storage.export.served import Given, found, prompt_of
from storage.export.talks import Said, Talk
from storage.export.wanted import Ending, Wanted
from storage.log.review.chronology import Knowledge


class Material:
    """What is said in a dialogue, with the prompts of its replies.

    Args:
        logged: as the log has it: that is what the hashes of prompts are of.
        talk: the same, as it is written: perhaps without personal data.
        seed: behind which it is written.
        versions: what seeds were like when they served, by version.
        not_in_form: the ids of replies that the seed's form cannot hold, as far as somebody asked for them.
    """

    def __init__(
        self,
        logged: Talk,
        talk: Talk,
        seed: Seed,
        versions: Mapping[str, Seed],
        wanted: Wanted,
        ending: Ending = Ending.EOS,
    ) -> None:
        self.talk, self.seed, self.wanted = talk, seed, wanted
        self._versions = versions
        self._knowledge = Knowledge(logged.said, logged.answers)
        self._logged = {each.id: each for each in logged.said}
        self._written = {each.id: each for each in talk.said}
        self._turns = {each.id: Turn(each.speaker, each.text) for each in logged.said}
        self._written_turns = {each.id: Turn(each.speaker, each.text) for each in talk.said}
        self._given: dict[int, Given] = {}
        self._cut = 0
        self.kind = kind_of(seed)
        self.not_in_form: set[int] = set()
        # The worker stops at the tag, and at the end of text, which trainers add to whatever does not end with it.
        self.end = self.stop if ending is Ending.TAG else ""
        self.lessons = [Lesson(reply, self.given(reply), right_words(reply, wanted)) for reply in replies_of(talk)]

    def given(self, reply: Said) -> Given:
        """Return what a reply, a version of one or a draft answers.

        Where it goes on with an older version of itself, that version is no part of it: the whole reply is learned.
        """
        if reply.id not in self._given:
            logged = self._logged[reply.id]
            ids = [row.id for row in self._knowledge.given(logged, logged.begun_at)]
            is_continuing = logged.asked == Ask.CONTINUE and logged.replaces in self._logged
            turns = [self._turns[id] for id in ids]
            prompt = found(turns, logged.draw, is_continuing, self.seed, self._versions, self._cut)
            self._cut = prompt.cut
            written = tuple(self._written_turns[id] for id in (ids[:-1] if is_continuing else ids))
            self._given[reply.id] = Given(written[prompt.cut :] or written, prompt.proof)
        return self._given[reply.id]

    @property
    def stop(self) -> str:
        """What follows an answer, and ends it."""
        return self.kind.stops(self.seed)[0]

    def prompt(self, reply: Said) -> str:
        """Return what is written before a reply; empty where it answers nothing."""
        return prompt_of(self.given(reply).turns, self.seed)

    def asked(self, reply: Said) -> str:
        """Return the words that a reply answers; empty where there are none, or where it answers the whole dialogue."""
        try:
            return asked_words(self.seed, Dialogue(self.given(reply).turns))
        except TranscriptError:
            return ""

    def completion(self, reply: Said, text: str) -> str:
        """Return a text as the model writes it in the place of a reply; empty where the seed's form cannot hold it."""
        words = self.asked(reply)
        is_answer = words != "" or self.kind.keeps_history
        written = self.kind.written(text, self.seed, words) if is_answer else ""
        if not written:
            self.not_in_form.add(reply.id)
        return written

    def learned(self) -> Iterator[tuple[str, str]]:
        """Yield prompt and completion of each reply that is to be learned."""
        for lesson in self.lessons:
            if lesson.right and (completion := self.completion(lesson.reply, lesson.right)):
                yield self.prompt(lesson.reply), completion

    def heard(self, reply: Said) -> str:
        """Return the words that a reply answers."""
        return "\n".join(self._written[id].text for id in sorted(reply.answers) if self._written[id].text)

    def version_before(self, reply: Said) -> Said | None:
        """Return the turn that a reply stands in for: an older version, or the draft that an operator was proposed."""
        return None if reply.replaces is None else self._written.get(reply.replaces)
