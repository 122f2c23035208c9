"""Whoever touches any link of the lineage cannot promote any more."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.promotion.proof import Proven, proven_adapter, proven_stand_in
from dialogue.errors import GovorunError
from dialogue.seeds import Seed
from tests.bot.promotion.workshop import OTHER, SEED, Workshop


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def proven(workshop: Workshop, seed: Seed = SEED) -> Proven:
    return proven_adapter(workshop.adapter, workshop.data, workshop.report.parent, workshop.held_out, seed)


def test_what_is_whole_and_better_is_proven(workshop: Workshop) -> None:
    found = proven(workshop)

    assert found.adapter == workshop.revision()
    assert found.files == {path.name: path.read_bytes() for path in workshop.adapter.iterdir()}
    assert found.facts["improvement"] == {"value": 0.2, "low": 0.1, "high": 0.3}
    assert found.facts["lineage"] == json.loads(workshop.lineage.read_text())
    assert str(workshop.folder) not in json.dumps(found.facts)


def change(path: str) -> Callable[[Workshop], None]:
    """Return what changes one byte of a file."""

    def act(workshop: Workshop) -> None:
        content = bytearray((workshop.folder / path).read_bytes())
        content[len(content) // 2] ^= 1
        (workshop.folder / path).write_bytes(content)

    return act


def reword(path: str, old: str, new: str) -> Callable[[Workshop], None]:
    """Return what puts other words into a file, which stays JSON."""

    def act(workshop: Workshop) -> None:
        text = (workshop.folder / path).read_text()
        assert old in text
        (workshop.folder / path).write_text(text.replace(old, new, 1))

    return act


TAMPERED: dict[str, tuple[Callable[[Workshop], object], str]] = {
    "the weights": (change("adapter/adapter_model.safetensors"), "was changed after the training"),
    "the configuration": (reword("adapter/adapter_config.json", '"r": 4', '"r": 8'), "was changed after the training"),
    "a file is added": (
        lambda workshop: (workshop.adapter / "more.bin").write_text("x"),
        "is not in the lineage",
    ),
    "a file is gone": (lambda workshop: (workshop.adapter / "adapter_config.json").unlink(), "is missing"),
    "the lineage": (reword("adapter/lineage.json", '"name": "tiny"', '"name": "tidy"'), "not as it is now"),
    "no lineage": (lambda workshop: workshop.lineage.unlink(), "cannot be read"),
    "the lineage is no JSON": (lambda workshop: workshop.lineage.write_text("{"), "is no lineage"),
    "what was learned": (change("data.train.jsonl"), "its SHA-256 is another"),
    "what was held out": (change("data.test.jsonl"), "its SHA-256 is another"),
    "the manifest": (reword("data.jsonl.manifest.json", '"rows": 2', '"rows": 3'), "is not what"),
    "a figure of the report": (reword("report/report.json", "0.2", "0.9"), "was changed after the evaluation"),
    "no report": (lambda workshop: workshop.report.unlink(), "make it with `govorun evaluate`"),
    "the report is no JSON": (lambda workshop: workshop.report.write_text("[]"), "is no report"),
}


@pytest.mark.parametrize("link", TAMPERED)
def test_a_link_that_was_tampered_with_stops_it(link: str, workshop: Workshop) -> None:
    act, words = TAMPERED[link]
    act(workshop)

    with pytest.raises(GovorunError, match=words):
        proven(workshop)


def test_a_report_that_says_no_stops_it(workshop: Workshop) -> None:
    workshop.evaluate(passes=False, reasons=["B leaks a speaker's tag more often than A"])

    with pytest.raises(GovorunError, match="it did not pass: B leaks a speaker's tag more often"):
        proven(workshop)


def test_a_report_that_was_made_to_say_yes_stops_it(workshop: Workshop) -> None:
    workshop.evaluate(passes=False, reasons=["B leaks"])
    reword("report/report.json", "false", "true")(workshop)

    with pytest.raises(GovorunError, match="was changed after the evaluation"):
        proven(workshop)


def test_the_report_of_another_adapter_stops_it(workshop: Workshop) -> None:
    workshop.train(made_at="later")

    with pytest.raises(GovorunError, match="is not the adapter in"):
        proven(workshop)


def test_who_was_learned_from_may_not_judge(workshop: Workshop) -> None:
    held_out = json.loads(workshop.manifest.read_text())["dialogues"][workshop.held_out.name]
    learned = json.loads(workshop.lineage.read_text())["data"]
    workshop.train(data={**learned, "dialogues": [*learned["dialogues"], *held_out]})
    workshop.evaluate()

    with pytest.raises(GovorunError, match=r"1 dialogues of .*data.test.jsonl are among those"):
        proven(workshop)


def test_a_whole_model_is_no_adapter(workshop: Workshop) -> None:
    workshop.train(kind="model")

    with pytest.raises(GovorunError, match="is a whole model"):
        proven(workshop)


def test_sides_of_another_model_prove_nothing(workshop: Workshop) -> None:
    workshop.train(base_model={"name": "tiny", "revision": "2"})
    workshop.evaluate()

    with pytest.raises(GovorunError, match="are not of the model that the adapter was trained beside"):
        proven(workshop)


def test_for_a_seed_without_evaluation_it_is_not_proven(workshop: Workshop) -> None:
    with pytest.raises(GovorunError, match=f"has no dialogues of the seed {OTHER.name}"):
        proven(workshop, OTHER)


def test_for_a_seed_that_has_changed_since_it_is_not_proven(workshop: Workshop) -> None:
    workshop.train(seeds={SEED.name: {"version": "0"}})
    workshop.evaluate()

    with pytest.raises(GovorunError, match=f"did not learn behind the seed {SEED.name} as it is now"):
        proven(workshop)


def test_a_seed_that_is_better_stands_in(workshop: Workshop) -> None:
    workshop.compare_seeds()

    found = proven_stand_in(OTHER, workshop.report.parent, workshop.held_out, SEED)

    assert found.adapter == ""
    assert found.files == {}
    assert found.facts["stand_in"] == OTHER.version


def test_an_adapter_is_proven_behind_the_seed_that_it_was_evaluated_with(workshop: Workshop) -> None:
    folders = (workshop.adapter, workshop.data, workshop.report.parent, workshop.held_out, SEED)
    with pytest.raises(GovorunError, match="side B has another seed or sampling besides"):
        proven_adapter(*folders, OTHER)
    workshop.evaluate_behind_the_other()

    assert proven_adapter(*folders, OTHER).adapter == workshop.revision()
    with pytest.raises(GovorunError, match="side B has another seed or sampling besides"):
        proven_adapter(*folders)
    workshop.train(seeds={SEED.name: {"version": SEED.version}})
    workshop.evaluate()
    workshop.evaluate_behind_the_other()
    with pytest.raises(GovorunError, match=f"did not learn behind the seed {OTHER.name}"):
        proven_adapter(*folders, OTHER)


def test_the_evaluation_of_an_adapter_proves_no_seed(workshop: Workshop) -> None:
    with pytest.raises(GovorunError, match=f"side B is not the seed {OTHER.name}"):
        proven_stand_in(OTHER, workshop.report.parent, workshop.held_out, SEED)
