"""One dialogue, ready to be written down in any format."""

from __future__ import annotations

from collections.abc import Mapping

from dialogue.seeds import Seed
from storage.export.lessons import Lesson, replies_of, right_words
from storage.export.served import Given, found, given
from storage.export.talks import Said, Talk
from storage.export.wanted import Ending, Wanted


class Material:
    """What is said in a dialogue, with the prompts of its replies.

    Args:
        logged: as the log has it: that is what the hashes of prompts are of.
        talk: the same, as it is written: perhaps without personal data.
        versions: what seeds were like when they served, by version.
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
        self._logged = {each.id: each for each in logged.said}
        self._logged_talk = logged
        self._written = {each.id: each for each in talk.said}
        self._given: dict[int, Given] = {}
        self._cut = 0
        # The worker stops at the tag, and at the end of text, which trainers add to whatever does not end with it.
        self.end = f"\n{seed.tags.person}:" if ending is Ending.TAG else ""
        self.lessons = [Lesson(reply, self.given(reply), right_words(reply, wanted)) for reply in replies_of(talk)]

    def given(self, reply: Said) -> Given:
        """Return what a reply, a version of one or a draft answers."""
        if reply.id not in self._given:
            prompt = found(self._logged_talk, self._logged[reply.id], self.seed, self._versions, self._cut)
            self._cut = prompt.cut
            turns = given(self.talk, self._written[reply.id])
            self._given[reply.id] = Given(turns[prompt.cut :] or turns, prompt.proof)
        return self._given[reply.id]

    def heard(self, reply: Said) -> str:
        """Return the words that a reply answers."""
        return "\n".join(self._written[id].text for id in sorted(reply.answers) if self._written[id].text)

    def version_before(self, reply: Said) -> Said | None:
        """Return the turn that a reply stands in for: an older version, or the draft that an operator was proposed."""
        return None if reply.replaces is None else self._written.get(reply.replaces)
