"""Rows as the model itself reads: transcripts behind their seed, as the worker renders them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
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

    Axolotl makes tokens of each segment alone and adds none: a segment begins with the space, and ends with the line
    or, if that is wanted, with the tag of the turn behind it.
    The dialogue as it was said is one row, and so are each reply that was corrected and each answer of the other kinds.
    """
    if not material.kind.keeps_history:
        for prompt, completion in material.learned():
            yield {"segments": [_segment(False, prompt), _segment(True, completion + material.stop)]}
        return
    tags = material.seed.tags
    segments: list[Row] = []
    text, tag = f"{material.seed.text}\n", ""
    lessons = {lesson.reply.id: lesson for lesson in material.lessons}
    is_any_learned = False
    kept = material.talk.kept
    for said, after in zip_longest(kept, kept[1:]):
        lesson = lessons.get(said.id)
        # The tag may stand at the end of the reply before.
        line = line_of(said.speaker, said.text, tags).removeprefix(tag)
        opening, tag = f"{tags.bot}:".removeprefix(tag), ""
        if lesson is None or not lesson.right:
            text += f"{line}\n"
            continue
        masked = _segment(False, f"{text}{opening}")
        context = [*segments, masked] if masked["text"] else segments
        if not lesson.is_as_said:
            before = "".join(segment["text"] for segment in context)
            right = material.completion(said, lesson.right) + (material.end or "\n")
            yield {"segments": [_segment(False, before), _segment(True, right)]}
            text += f"{line}\n"
            continue
        end = material.end
        if end and after is not None:
            tag = f"{tags.of(after.speaker)}:"
            end = f"\n{tag}"
        segments = [*context, _segment(True, material.completion(said, said.text) + (end or "\n"))]
        is_any_learned = True
        text = ""
    if is_any_learned:
        yield {"segments": segments}


def _segment(is_learned: bool, text: str) -> Row:
    return {"label": is_learned, "text": text}
