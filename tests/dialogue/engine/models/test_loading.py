"""G33: weights come from safetensors only, and no code but our own is run."""

from __future__ import annotations

import json
import os
import pickle
import socket
from pathlib import Path
from typing import Any

import pytest

from dialogue.engine.models.loading import hash_files, load, load_named
from dialogue.errors import ModelRefused
from tests.dialogue.engine.tiny import random_model, tiny_model, tiny_tokenizer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model as `save_pretrained` writes it."""
    folder = tmp_path / "my-model"
    tiny_model("llama").save_pretrained(folder)
    tiny_tokenizer().save(str(folder / "tokenizer.json"))
    return folder


class Canary:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._path),)


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_folder_is_loaded_without_the_network(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    loaded = load_named(str(folder), "cpu")
    assert (loaded.name, loaded.device, loaded.context_tokens) == ("my-model", "cpu", 512)
    assert loaded.vocabulary.ends == {0}
    assert loaded.revision == hash_files(folder)


def test_the_revision_changes_with_the_weights(folder: Path) -> None:
    before = hash_files(folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert hash_files(folder) != before


def test_pickled_weights_are_refused_and_not_opened(folder: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Canary(canary)))
    with pytest.raises(ModelRefused, match=r"pytorch_model\.bin and no safetensors.*use a safetensors copy"):
        load(folder, "cpu", "evil")
    assert not canary.exists()


def test_a_pickle_beside_safetensors_is_not_opened(folder: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt"):
        (folder / name).write_bytes(pickle.dumps(Canary(canary)))
    load(folder, "cpu", "mine")
    assert not canary.exists()


@pytest.mark.parametrize("file", ["pytorch_model.bin", "../elsewhere.safetensors"])
def test_an_index_that_points_elsewhere_is_refused(folder: Path, tmp_path: Path, file: str) -> None:
    canary = tmp_path / "canary"
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Canary(canary)))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"lm_head.weight": file}}))
    with pytest.raises(ModelRefused):
        load(folder, "cpu", "evil")
    assert not canary.exists()


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_a_model_that_brings_code_is_refused(folder: Path, tmp_path: Path, file: str) -> None:
    canary = tmp_path / "canary"
    (folder / "evil.py").write_text(f"import os; os.mkdir({str(canary)!r})\nclass Evil: pass\n")
    (folder / file).touch()
    (folder / file).write_text((folder / file).read_text() or "{}")
    edit(folder / file, auto_map={"AutoModelForCausalLM": "evil.Evil", "AutoTokenizer": ["evil.Evil", None]})
    with pytest.raises(ModelRefused, match="auto_map"):
        load(folder, "cpu", "evil")
    assert not canary.exists()


def test_weights_that_are_cut_off_are_refused(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelRefused, match="cannot be loaded"):
        load(folder, "cpu", "torn")


def test_a_model_without_the_attention_that_slots_need_is_refused_with_what_to_use_instead(tmp_path: Path) -> None:
    random_model("bloom", vocab_size=32, hidden_size=16, n_layer=1, n_head=2).save_pretrained(tmp_path)
    with pytest.raises(ModelRefused, match="GOVORUN_MODEL=https://host/v1"):
        load(tmp_path, "cpu", "bloom")


def test_an_unknown_architecture_is_refused(folder: Path) -> None:
    edit(folder / "config.json", model_type="no_such_model")
    with pytest.raises(ModelRefused, match="cannot be loaded"):
        load(folder, "cpu", "unknown")


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match=r"no config\.json"):
        load_named(str(tmp_path), "cpu")


@pytest.mark.parametrize("name", ["/no/such/folder", "./nothing", "a/b/c", "../up", ""])
def test_a_name_of_neither_a_folder_nor_the_hub_is_refused(name: str) -> None:
    with pytest.raises(ModelRefused):
        load_named(name, "cpu")
