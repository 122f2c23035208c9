"""Rows for models that talk in messages: the seed is the system's, people and the bot take turns strictly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from dialogue.turns import Speaker
from storage.export.material import Material
from storage.export.served import line_of

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """All that one speaker said before the other did.

    Args:
        right: what is to be learned of it; empty for nothing.
    """

    speaker: Speaker
    text: str
    right: str = ""

    @property
    def is_of_bot(self) -> bool:
        """Whether the bot said it."""
        return self.speaker is Speaker.BOT


def conversation(material: Material) -> tuple[str, list[Message]]:
    """Return what the system says, and the messages: the first is a person's, and then they take turns.

    People write in bursts, and trainers skip dialogues in which somebody speaks twice running: bursts are one message.
    What the bot said first, its greeting, goes to the system's words.
    """
    right = {lesson.reply.id: lesson.right for lesson in material.lessons}
    system = material.seed.text
    messages: list[Message] = []
    for speaker, burst in groupby(material.talk.kept, key=lambda said: said.speaker):
        turns = list(burst)
        if speaker is Speaker.BOT and not messages:
            lines = [line_of(speaker, said.text, material.seed.tags) for said in turns]
            system = "\n".join([system, *lines])
            continue
        rights = [right.get(said.id, "") for said in turns]
        learned = "\n".join(rights) if all(rights) else ""
        messages.append(Message(speaker, "\n".join(said.text for said in turns), learned))
    return system, messages


def all_right(messages: list[Message]) -> list[Message]:
    """Return the beginning of a conversation of which all may be learned; see `transcripts.transcript`."""
    taken: list[Message] = []
    for message in messages:
        if message.is_of_bot:
            if not message.right:
                break
            taken.append(Message(message.speaker, message.right, message.right))
            if message.right != message.text:
                break
        else:
            taken.append(message)
    return taken if not taken or taken[-1].is_of_bot else taken[:-1]


def messages(material: Material) -> Iterator[Row]:
    """Yield `{"messages": [{"role": ..., "content": ...}]}`, as TRL takes it: all that the assistant says counts."""
    system, said = conversation(material)
    if taken := all_right(said):
        yield {"messages": [_openai("system", system), *(_openai(_role(each), each.text) for each in taken)]}


def openai(material: Material) -> Iterator[Row]:
    """Yield `{"messages": [...]}` with OpenAI's `weight`: only what the assistant says with weight 1 is learned.

    The dialogue as it was said is one row, and so is each reply that was corrected.
    """
    system, said = conversation(material)
    rows = [_openai("system", system)]
    is_any_learned, end = False, 1
    for message in said:
        if not message.is_of_bot:
            rows.append(_openai("user", message.text))
            continue
        if message.right and message.right != message.text:
            context = [{**row, "weight": 0} if "weight" in row else row for row in rows]
            yield {"messages": [*context, _openai("assistant", message.right) | {"weight": 1}]}
        is_learned = message.right != "" and message.right == message.text
        rows.append(_openai("assistant", message.text) | {"weight": int(is_learned)})
        if is_learned:
            is_any_learned, end = True, len(rows)
    if is_any_learned:
        # What follows the last reply that is learned teaches nothing, and the last message has to be the assistant's.
        yield {"messages": rows[:end]}


def sharegpt(material: Material) -> Iterator[Row]:
    """Yield `{"conversations": [{"from": ..., "value": ...}], "system": ...}`: all that `gpt` says is learned."""
    system, said = conversation(material)
    if taken := all_right(said):
        turns = [{"from": "gpt" if each.is_of_bot else "human", "value": each.text} for each in taken]
        yield {"conversations": turns, "system": system}


def alpaca(material: Material) -> Iterator[Row]:
    """Yield `{"instruction", "input", "output", "system", "history"}`: the answers in the history count too."""
    system, said = conversation(material)
    if taken := all_right(said):
        texts = [each.text for each in taken]
        pairs = [list(pair) for pair in zip(texts[::2], texts[1::2], strict=True)]
        question, answer = pairs.pop()
        yield {"instruction": question, "input": "", "output": answer, "system": system, "history": pairs}


def question_answer(material: Material) -> Iterator[Row]:
    """Yield `{"prompt": "Q: ...\\nA:", "completion": " ..."}`: the first question and its answer, without a seed.

    Of the kinds that answer each message by itself, every question is a first one.
    """
    for question, answer in _first_answers(material):
        yield {"prompt": f"Q: {question}\nA:", "completion": f" {answer}"}


def json_question_answer(material: Material) -> Iterator[Row]:
    """Yield `{"question": ..., "answer": ...}`."""
    for question, answer in _first_answers(material):
        yield {"question": question, "answer": answer}


def _first_answers(material: Material) -> Iterator[tuple[str, str]]:
    if not material.kind.keeps_history:
        questions = ((material.asked(lesson.reply), lesson.right) for lesson in material.lessons if lesson.right)
        yield from ((question, answer) for question, answer in questions if question)
        return
    # Later questions cannot be understood without what was said before them.
    _, said = conversation(material)
    if len(said) > 1 and said[1].right:
        yield said[0].text, said[1].right


def _role(message: Message) -> str:
    return "assistant" if message.is_of_bot else "user"


def _openai(role: str, content: str) -> Row:
    return {"role": role, "content": content}
