"""Rows as the model itself reads: transcripts behind their seed, as the worker renders them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from storage.export.material import Material
from storage.export.served import line_of
from storage.records import Author

Row = dict[str, Any]


def transcript(material: Material) -> Iterator[Row]:
    """Yield `{"text": ...}`: a whole dialogue, or each answer of the other kinds, of which all is learned.

    So a dialogue ends with the first reply that had to be corrected, in its corrected form, and before the first one
    that is not to be learned. What follows was said to other words, or learned from wrong ones.
    """
    if not material.kind.keeps_history:
        yield from ({"text": f"{prompt}{completion}{material.end}"} for prompt, completion in material.learned())
        return
    lines, learned = [material.seed.text], 0
    lessons = {lesson.reply.id: lesson for lesson in material.lessons}
    for said in material.talk.kept:
        lesson = lessons.get(said.id)
        if lesson is None or said.author is Author.SEED:
            lines.append(line_of(said.speaker, said.text, material.seed.tags))
            continue
        if not lesson.right:
            break
        lines.append(line_of(said.speaker, lesson.right, material.seed.tags))
        learned = len(lines)
        if not lesson.is_as_said:
            break
    if learned:
        yield {"text": "\n".join(lines[:learned]) + material.end}


def prompt_completion(material: Material) -> Iterator[Row]:
    """Yield `{"prompt": "...User2:", "completion": " reply"}` for each reply that is to be learned.

    The prompt ends without a space and the completion begins with one: so no token reaches over the border.
    """
    for prompt, completion in material.learned():
        yield {"prompt": prompt, "completion": completion + material.end}


def input_output(material: Material) -> Iterator[Row]:
    """Yield `{"segments": [{"label": ..., "text": ...}]}`, Axolotl's own: only what has the label `true` is learned.

    Axolotl makes tokens of each segment alone and adds none: a segment begins with the space, and ends with the line.
    The dialogue as it was said is one row, and so are each reply that was corrected and each answer of the other kinds.
    """
    if not material.kind.keeps_history:
        for prompt, completion in material.learned():
            yield {"segments": [{"label": False, "text": prompt}, {"label": True, "text": completion + material.stop}]}
        return
    tags = material.seed.tags
    segments: list[Row] = []
    text = f"{material.seed.text}\n"
    lessons = {lesson.reply.id: lesson for lesson in material.lessons}
    is_any_learned = False
    for said in material.talk.kept:
        lesson = lessons.get(said.id)
        line = line_of(said.speaker, said.text, tags)
        if lesson is None or not lesson.right:
            text += f"{line}\n"
            continue
        prompt = f"{text}{tags.bot}:"
        if not lesson.is_as_said:
            context = [*segments, {"label": False, "text": prompt}]
            masked = "".join(segment["text"] for segment in context)
            right = {"label": True, "text": material.completion(said, lesson.right) + "\n"}
            yield {"segments": [{"label": False, "text": masked}, right]}
            text += f"{line}\n"
            continue
        reply = {"label": True, "text": material.completion(said, said.text) + "\n"}
        segments += [{"label": False, "text": prompt}, reply]
        is_any_learned = True
        text = ""
    if is_any_learned:
        yield {"segments": segments}
