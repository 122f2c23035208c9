"""What is recorded and when, and what a step of fixed shape is given to read."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from dialogue.engine.slots.buckets import Bucket
from dialogue.engine.slots.recorders import EagerRecorder, Recorder
from dialogue.engine.slots.replay import Inputs, Pending, ReplayedSteps

SPARE = 600
WORDS = 5


class NotingRecorder:
    """Notes how often it is asked to record and how often the recordings are used; it may be unable to record."""

    def __init__(self, refuses: bool = False) -> None:
        self.recorded = self.replayed = self.forgotten = 0
        self._refuses = refuses

    def record(self, step: Callable[[], None]) -> Callable[[], None]:
        self.recorded += 1
        if self._refuses:
            try:
                raise RuntimeError("operation not permitted when stream is capturing\nCompile with ...")
            except RuntimeError:
                # As torch does: that the capture cannot be ended follows from it.
                raise RuntimeError("operation failed due to a previous error during capture")  # noqa: B904

        def replay() -> None:
            self.replayed += 1
            step()

        return replay

    def forget(self) -> None:
        self.forgotten += 1


class NotingStep:
    """Scores words by the token that is read, and notes what it was given."""

    def __init__(self) -> None:
        self.buckets: list[Bucket] = []
        self.inputs: list[Inputs] = []

    def __call__(self, bucket: Bucket, inputs: Inputs) -> Tensor:
        self.buckets.append(bucket)
        self.inputs.append(inputs)
        return inputs.tokens[..., None] + torch.arange(WORDS).bfloat16() / 8


def steps_of(step: NotingStep, recorder: Recorder, slots: int = 6) -> ReplayedSteps:
    return ReplayedSteps(step, recorder, slots, 600, SPARE, torch.device("cpu"))


def test_a_shape_is_recorded_once_and_replayed_from_then_on() -> None:
    recorder, step = NotingRecorder(), NotingStep()
    steps = steps_of(step, recorder)

    for rows, start, names in [(3, 9, 0), (4, 9, 0), (3, 127, 0), (3, 128, 0), (5, 9, 0), (3, 9, 2), (4, 10, 1)]:
        steps.logits([start] * rows, [[7]] * rows, [names] * rows)

    assert (recorder.recorded, recorder.replayed) == (4, 7)
    assert list(dict.fromkeys(step.buckets)) == [
        Bucket(4, 1, 128, False),
        Bucket(4, 1, 256, False),
        Bucket(6, 1, 128, False),
        Bucket(4, 1, 128, True),
    ]


def test_a_step_reads_what_is_asked_for_and_fillers_at_the_spare_place() -> None:
    step = NotingStep()

    steps_of(step, EagerRecorder()).logits([3, 9, 40], [[7], [8, 9, 10], [11, 12]], [0, 2, 1])

    inputs = step.inputs[-1]
    assert inputs.tokens.tolist() == [[0, 0, 0, 7], [0, 8, 9, 10], [0, 0, 11, 12], [0, 0, 0, 0]]
    assert inputs.positions.tolist() == [[0, 0, 0, 3], [0, 9, 10, 11], [0, 0, 40, 41], [0, 0, 0, 0]]
    assert inputs.places.tolist() == [
        [SPARE, SPARE, SPARE, 3],
        [SPARE, 9, 10, 11],
        [SPARE, SPARE, 40, 41],
        [SPARE] * 4,
    ]
    assert inputs.adapters.tolist() == [0, 2, 1, 0]


def test_tokens_that_only_the_device_knows_take_their_places_and_none_is_no_word() -> None:
    step = NotingStep()
    drawn = torch.tensor([11, -1, 13])

    steps_of(step, EagerRecorder()).logits([3, 9, 40], [[7], [8], [9]], [0, 0, 0], Pending(drawn, {0: 2, 2: 1}))

    assert step.inputs[-1].tokens.tolist() == [[13], [8], [0], [0]]


def test_the_inputs_of_a_shape_stay_where_they_are() -> None:
    step = NotingStep()
    steps = steps_of(step, EagerRecorder())

    for token in (7, 8):
        steps.logits([3], [[token]], [0])
    before, after = step.inputs[-2:]

    assert before.tokens.data_ptr() == after.tokens.data_ptr()
    assert before.tokens.tolist() == [[8]]


def test_the_logits_are_those_of_the_rows_and_tokens_that_were_asked_for() -> None:
    logits = steps_of(NotingStep(), EagerRecorder()).logits([3, 9, 40], [[7], [8, 9, 10], [11, 12]], [0] * 3)

    assert logits.dtype == torch.float32
    assert logits.shape == (3, 3, WORDS)
    assert logits[1, :, 0].tolist() == [8, 9, 10]
    assert logits[2, -1].tolist() == [12 + word / 8 for word in range(WORDS)]


def test_what_cannot_be_recorded_is_done_all_the_same_and_complained_of_once(caplog: pytest.LogCaptureFixture) -> None:
    recorder = NotingRecorder(refuses=True)
    steps = steps_of(NotingStep(), recorder)

    with caplog.at_level(logging.WARNING):
        tokens = [steps.logits([3, 3], [[token], [9]], [0, 0])[0, 0, 0].item() for token in (7, 8, 7)]

    assert tokens == [7, 8, 7]
    assert recorder.recorded == 1
    assert len(caplog.messages) == 1
    assert "rows=2" in caplog.messages[0]
    assert caplog.messages[0].endswith("operation not permitted when stream is capturing")


def test_a_model_that_fails_is_no_matter_of_recording() -> None:
    def failing(bucket: Bucket, inputs: Inputs) -> Tensor:
        raise ValueError("no such word")

    recorder = NotingRecorder()

    with pytest.raises(ValueError, match="no such word"):
        ReplayedSteps(failing, recorder, 1, 600, SPARE, torch.device("cpu")).logits([3], [[7]], [0])

    assert recorder.recorded == 0


def test_forgetting_records_anew() -> None:
    recorder = NotingRecorder()
    steps = steps_of(NotingStep(), recorder)
    steps.logits([3], [[7]], [0])

    steps.forget()
    steps.logits([3], [[7]], [0])

    assert (recorder.recorded, recorder.forgotten) == (2, 1)


@pytest.mark.parametrize(("rows", "width", "fits"), [(6, 1, True), (4, 8, True), (2, 16, True), (6, 8, False)])
def test_steps_of_many_rows_and_many_tokens_of_each_are_too_large(rows: int, width: int, fits: bool) -> None:
    assert steps_of(NotingStep(), EagerRecorder()).hold(rows, width) is fits
