"""Rows with adapters of their own get what a model gets whose weights were merged; what cannot be served is refused."""

from __future__ import annotations

import copy
import json
import math
import os
import pickle
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.testing import assert_close
from transformers import DynamicCache

from dialogue.engine.models.adapter_file import Adapter, LowRank, read_adapter
from dialogue.engine.models.adapters import AdaptedProjection, Part, Rack, adaptable, install
from dialogue.errors import ModelRefused
from tests.dialogue.engine.random_adapters import key, merged, write_adapter
from tests.dialogue.engine.tiny import tiny_model

KINDS = ("llama", "gemma3_text", "gpt2")
ROWS = (None, "a", "b", "a")
PROMPT = torch.randint(1, 320, (4, 7), generator=torch.Generator().manual_seed(7))
Q = "model.layers.0.self_attn.q_proj"
K = "model.layers.0.self_attn.k_proj"


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An adapter of the tiny llama, as PEFT writes it."""
    return write_adapter(tmp_path / "adapter", tiny_model("llama"))


def two_adapters(folder: Path, model: Any) -> dict[str | None, Adapter]:
    """Two adapters of different ranks; the second one leaves some projections alone and has rules for others."""
    b = {"r": 6, "lora_alpha": 3, "use_rslora": True, "rank_pattern": {"c_attn": 2, "v_proj": 9}}
    return {
        "a": read_adapter(write_adapter(folder / "a", model, seed=1)),
        "b": read_adapter(write_adapter(folder / "b", model, seed=2, only="attn", **b)),
    }


def racked(model: Any, adapters: Mapping[str | None, Adapter]) -> tuple[Any, Rack]:
    """Return an adapted copy of the model, and its rack."""
    model = copy.deepcopy(model)
    rack = install(model)
    for name, adapter in adapters.items():
        rack.add(str(name), adapter)
    return model, rack


def logits(model: Any, tokens: Tensor = PROMPT) -> Tensor:
    result: Tensor = model(input_ids=tokens, use_cache=False).logits
    return result


def low_rank(size_in: int, size_out: int, rank: int, seed: int, scale: float = 0.5) -> LowRank:
    chance = torch.Generator().manual_seed(seed)
    return LowRank(
        torch.randn(rank, size_in, generator=chance), torch.randn(size_out, rank, generator=chance), scale=scale
    )


def projection(size_in: int, parts: Sequence[Part], dtype: torch.dtype = torch.float32) -> tuple[nn.Module, Rack]:
    torch.manual_seed(0)
    rack = Rack(dtype, torch.device("cpu"))
    base = nn.Linear(size_in, sum(part.size for part in parts), dtype=dtype)
    return AdaptedProjection(base, parts, rack), rack


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_of_a_batch_gets_what_the_model_with_its_adapter_merged_gives(kind: str, tmp_path: Path) -> None:
    adapters = two_adapters(tmp_path, tiny_model(kind))
    model, rack = racked(tiny_model(kind), adapters)

    rack.aim(ROWS, tokens=PROMPT.shape[1])
    mixed = logits(model)

    for row, name in enumerate(ROWS):
        expected = logits(merged(tiny_model(kind), adapters.get(name)))
        assert_close(mixed[row], expected[row], rtol=1e-4, atol=1e-3)
        if name:
            assert not torch.allclose(mixed[row], logits(tiny_model(kind))[row], rtol=0.01, atol=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_keep_their_adapters_token_by_token(kind: str, tmp_path: Path) -> None:
    adapters = two_adapters(tmp_path, tiny_model(kind))
    model, rack = racked(tiny_model(kind), adapters)
    cache = DynamicCache(config=model.config)

    rack.aim(ROWS, tokens=6)
    model(input_ids=PROMPT[:, :6], past_key_values=cache)
    rack.aim(ROWS)
    last = model(input_ids=PROMPT[:, 6:], past_key_values=cache).logits[:, -1]

    for row, name in enumerate(ROWS):
        expected = logits(merged(tiny_model(kind), adapters.get(name)))
        assert_close(last[row], expected[row, -1], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", ["a", "b"])
def test_a_batch_with_one_adapter_gets_what_the_merged_model_gives(name: str, tmp_path: Path) -> None:
    adapters = two_adapters(tmp_path, tiny_model("llama"))
    model, rack = racked(tiny_model("llama"), adapters)

    rack.aim([name] * 4, tokens=PROMPT.shape[1])

    assert_close(logits(model), logits(merged(tiny_model("llama"), adapters[name])), rtol=1e-4, atol=1e-3)


def test_a_batch_without_adapters_gets_exactly_what_the_base_gives(tmp_path: Path) -> None:
    model, rack = racked(tiny_model("llama"), two_adapters(tmp_path, tiny_model("llama")))
    rack.aim(ROWS, tokens=PROMPT.shape[1])

    rack.aim([None] * 4, tokens=PROMPT.shape[1])

    assert torch.equal(logits(model), logits(tiny_model("llama")))


def test_a_row_does_not_change_when_its_neighbour_gets_another_adapter(tmp_path: Path) -> None:
    model, rack = racked(tiny_model("llama"), two_adapters(tmp_path, tiny_model("llama")))

    results = []
    for neighbour in ("a", "b", None):
        rack.aim([None, "a", "b", neighbour], tokens=PROMPT.shape[1])
        results.append(logits(model))

    for result in results[1:]:
        assert torch.equal(result[:3], results[0][:3])
        assert not torch.allclose(result[3], results[0][3])


def test_an_adapter_that_overflows_spoils_its_own_rows_only() -> None:
    adapted, rack = projection(8, [Part("q", 0, 4)])
    tame, wild = low_rank(8, 4, 2, seed=1), low_rank(8, 4, 2, seed=2)
    rack.add("tame", Adapter({"q": tame}, "", ""))
    rack.add("wild", Adapter({"q": LowRank(wild.down * 1e38, wild.up, 1.0)}, "", ""))
    x = torch.full((2, 8), 100.0)

    rack.aim(["tame", "wild"])
    mixed = adapted(x)

    assert not mixed[1].isfinite().all()
    assert_close(mixed[0], adapted.base(x)[0] + tame.scale * tame.up @ tame.down @ x[0])  # type: ignore[operator]


def test_a_fused_projection_gives_what_its_parts_give_apart() -> None:
    parts = [Part("q", 0, 12), Part("k", 12, 4), Part("v", 16, 4)]
    fused, rack = projection(8, parts)
    adapters = {
        "a": {"q": low_rank(8, 12, 3, seed=1), "k": low_rank(8, 4, 2, seed=2), "v": low_rank(8, 4, 5, seed=3)},
        "b": {"v": low_rank(8, 4, 1, seed=4)},
    }
    apart = [AdaptedProjection(columns(fused, part), [Part(part.module, 0, part.size)], rack) for part in parts]
    for name, matrices in adapters.items():
        rack.add(name, Adapter(matrices, "", ""))
    x = torch.randn(4, 3, 8)

    for rows in (ROWS, ["a"] * 4, ["b"] * 4):
        rack.aim(rows, tokens=3)
        assert_close(fused(x), torch.cat([each(x) for each in apart], dim=-1))
        assert not torch.allclose(fused(x), fused.base(x))  # type: ignore[operator]


def columns(fused: Any, part: Part) -> nn.Module:
    """Return the part as a projection of its own."""
    alone = nn.Linear(fused.in_features, part.size)
    alone.weight.copy_(fused.weight[part.start : part.start + part.size])
    alone.bias.copy_(fused.bias[part.start : part.start + part.size])
    return alone


def test_rows_and_tokens_may_be_one_axis() -> None:
    adapted, rack = projection(8, [Part("q", 0, 6)])
    rack.add("a", Adapter({"q": low_rank(8, 6, 2, seed=1)}, "", ""))
    rack.add("b", Adapter({"q": low_rank(8, 6, 5, seed=2)}, "", ""))
    x = torch.randn(4, 3, 8)

    rack.aim(ROWS, tokens=3)

    assert_close(adapted(x.flatten(0, 1)).view(4, 3, 6), adapted(x))


@pytest.mark.parametrize("rows", [["a", "b"], ["a", "a"]])
def test_activations_keep_their_dtype(rows: list[str]) -> None:
    exact, exact_rack = projection(8, [Part("q", 0, 6)])
    adapted, rack = projection(8, [Part("q", 0, 6)], dtype=torch.bfloat16)
    adapted.load_state_dict(exact.state_dict())
    for each in (exact_rack, rack):
        each.add("a", Adapter({"q": low_rank(8, 6, 2, seed=1)}, "", ""))
        each.add("b", Adapter({"q": low_rank(8, 6, 5, seed=2)}, "", ""))
        each.aim(rows)
    x = torch.randn(2, 8)

    result = adapted(x.bfloat16())

    assert result.dtype == torch.bfloat16
    assert_close(result.float(), exact(x), rtol=0.05, atol=0.2)


def test_a_removed_adapter_is_gone_and_the_others_stay(tmp_path: Path) -> None:
    adapters = two_adapters(tmp_path, tiny_model("llama"))
    model, rack = racked(tiny_model("llama"), adapters)
    rack.aim(ROWS, tokens=PROMPT.shape[1])

    rack.remove("a")

    assert rack.names == ["b"]
    assert torch.equal(logits(model), logits(tiny_model("llama")))  # Nothing is left of where it was aimed.
    rack.aim([None, "b", None, "b"], tokens=PROMPT.shape[1])
    expected = logits(merged(tiny_model("llama"), adapters["b"]))
    assert_close(logits(model)[1::2], expected[1::2], rtol=1e-4, atol=1e-3)
    with pytest.raises(ModelRefused, match="no adapter 'a', loaded are: b"):
        rack.aim(["a"])


@pytest.mark.parametrize("name", ["a", "b"])
def test_a_name_is_free_again_once_its_adapter_is_removed(name: str, tmp_path: Path) -> None:
    wide, narrow = two_adapters(tmp_path, tiny_model("llama")).values()
    adapters: dict[str | None, Adapter] = {"a": narrow, "b": wide}
    model, rack = racked(tiny_model("llama"), adapters)
    with pytest.raises(ModelRefused, match=f"an adapter '{name}' already"):
        rack.add(name, narrow)

    rack.remove(name)
    rack.add(name, narrow)

    rack.aim(ROWS, tokens=PROMPT.shape[1])
    mixed = logits(model)
    adapters[name] = narrow
    for row, each in enumerate(ROWS):
        expected = logits(merged(tiny_model("llama"), adapters.get(each)))
        assert_close(mixed[row], expected[row], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_projections_of_the_layers_are_adaptable_and_nothing_else(kind: str) -> None:
    paths = adaptable(tiny_model(kind))

    assert "lm_head" not in paths
    assert len(paths) == len({id(module) for module in paths.values()})
    assert len(paths) == tiny_model(kind).config.num_hidden_layers * (4 if kind == "gpt2" else 7)


def test_an_adapted_projection_shows_the_weight_that_models_look_at() -> None:
    model, _ = racked(tiny_model("gpt2"), {})

    attention = model.transformer.h[0].attn

    assert attention.c_attn.weight is attention.c_attn.base.weight
    assert attention.c_attn.bias is attention.c_attn.base.bias


def test_an_adapter_of_another_model_is_refused_and_nothing_is_left_of_it(tmp_path: Path) -> None:
    model, rack = racked(tiny_model("llama"), {})
    foreign = read_adapter(write_adapter(tmp_path / "gpt2", tiny_model("gpt2"), base_model_name_or_path="ru/gpt"))

    with pytest.raises(ModelRefused, match=r"has 'transformer\.h\.\S+', accepted are.*made for ru/gpt"):
        rack.add("a", foreign)

    assert rack.names == []


def test_an_adapter_of_another_shape_is_refused_and_none_of_it_is_used() -> None:
    model, rack = racked(tiny_model("llama"), {})
    narrow = Adapter({Q: low_rank(64, 64, 2, seed=1), K: low_rank(64, 64, 2, seed=1)}, "", "")
    right = Adapter({K: low_rank(64, 32, 2, seed=1)}, "", "")

    with pytest.raises(ModelRefused, match=r"k_proj' as \(out, in\) = \(64, 64\), accepted is \(32, 64\)"):
        rack.add("a", narrow)

    rack.add("a", right)
    rack.aim(["a"] * 4)
    assert_close(logits(model), logits(merged(tiny_model("llama"), right)), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("settings", "scale"),
    [
        ({}, 8 / 4),
        ({"use_rslora": True}, 8 / math.sqrt(4)),
        ({"fan_in_fan_out": True}, 8 / 4),
        ({"alpha_pattern": {"q_proj": 3}}, 3 / 4),
        ({"alpha_pattern": {"k_proj": 3, "proj": 5}}, 8 / 4),  # A pattern begins where a name does,
        ({"alpha_pattern": {"q_pro": 3, "self_attn": 5}}, 8 / 4),  # and ends where the path does.
        ({"alpha_pattern": {r"layers\.[0-2]\.self_attn\..*": 6, "q_proj": 3}}, 6 / 4),  # The first one counts.
        ({"alpha_pattern": {Q: 3.5}}, 3.5 / 4),
        ({"rank_pattern": {"q_proj": 2}}, 8 / 2),
        ({"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"q_proj": 5}, "use_rslora": True}, 5 / math.sqrt(2)),
        ({"r": 1, "lora_alpha": 1}, 1),
    ],
)
def test_the_scale_is_that_of_peft(settings: dict[str, Any], scale: float, tmp_path: Path) -> None:
    adapter = read_adapter(write_adapter(tmp_path / "adapter", tiny_model("llama"), **settings))

    assert adapter.matrices[Q].scale == pytest.approx(scale)


def test_an_adapter_is_read_with_its_base_and_a_revision_of_both_files(folder: Path, tmp_path: Path) -> None:
    named = read_adapter(write_adapter(tmp_path / "named", tiny_model("llama"), base_model_name_or_path="google/g"))
    other = read_adapter(write_adapter(tmp_path / "other", tiny_model("llama"), seed=2))
    again = read_adapter(folder)
    first = read_adapter(folder)

    assert (named.base_model, first.base_model) == ("google/g", "")
    assert again.revision == first.revision
    assert len({first.revision, named.revision, other.revision}) == 3
    assert first.matrices.keys() == adaptable(tiny_model("llama")).keys()
    assert torch.equal(first.matrices[Q].down, load_file(folder / "adapter_model.safetensors")[key(Q, "A")])


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"peft_type": "IA3"}, "`peft_type` is 'IA3', accepted is 'LORA'"),
        ({"peft_type": None}, "`peft_type` is None, accepted is 'LORA'"),
        ({"bias": "all"}, "`bias` is 'all', accepted is 'none'"),
        ({"bias": "lora_only"}, "`bias` is 'lora_only', accepted is 'none'"),
        ({"init_lora_weights": "pissa"}, "`init_lora_weights` is 'pissa', accepted is True or False or 'gaussian'"),
        ({"use_dora": True}, "`use_dora` is True, accepted is null, false"),
        ({"use_qalora": True}, "`use_qalora` is True"),
        ({"use_bdlora": {"nblocks": 2}}, "`use_bdlora` is {'nblocks': 2}"),
        ({"lora_bias": True}, "`lora_bias` is True"),
        ({"modules_to_save": ["lm_head"]}, "`modules_to_save` is ['lm_head'], accepted is null"),
        ({"trainable_token_indices": [3]}, "`trainable_token_indices` is [3]"),
        ({"target_parameters": ["experts.down_proj"]}, "`target_parameters` is ['experts.down_proj']"),
        ({"layer_replication": [[0, 2], [1, 3]]}, "`layer_replication` is [[0, 2], [1, 3]]"),
        ({"alora_invocation_tokens": [5]}, "`alora_invocation_tokens` is [5]"),
        ({"arrow_config": {"top_k": 3}}, "`arrow_config` is {'top_k': 3}"),
        ({"monteclora_config": {"n": 1}}, "`monteclora_config` is {'n': 1}"),
        ({"r": 0}, "`r` is 0, accepted is whole numbers from 1"),
        ({"r": "4"}, "`r` is '4', accepted is whole numbers from 1"),
        ({"r": True}, "`r` is True, accepted is whole numbers from 1"),
        ({"r": 5}, "lora_A.weight' is (4, 128), accepted is (5, in) for a rank of 5"),
        ({"rank_pattern": {"q_proj": 3}}, f"'{key(Q, 'A')}' is (4, 64), accepted is (3, in)"),
        ({"rank_pattern": [8]}, "`rank_pattern` is [8], accepted is an object"),
        ({"lora_alpha": math.nan}, "`lora_alpha` is nan, accepted is finite numbers"),
        ({"lora_alpha": 10**400}, "accepted is finite numbers"),
        ({"lora_alpha": None}, "`lora_alpha` is None, accepted is finite numbers"),
        ({"alpha_pattern": {"q_proj": "8"}}, "`alpha_pattern` is {'q_proj': '8'}, accepted is finite numbers"),
        ({"alpha_pattern": {"(": 8}}, "`alpha_pattern` is {'(': 8}, accepted is regular expressions"),
    ],
)
def test_a_setting_that_is_not_served_is_refused(settings: dict[str, Any], complaint: str, folder: Path) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))

    with pytest.raises(ModelRefused, match=re.escape(complaint)) as refusal:
        read_adapter(folder)

    assert str(folder) in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "tensor", "complaint"),
    [
        ("base_model.model.model.embed_tokens.lora_embedding_A", torch.ones(4, 320), "no matrix of a projection"),
        (f"base_model.model.{Q}.lora_magnitude_vector", torch.ones(64), "no matrix of a projection"),
        (f"base_model.model.{Q}.lora_B.bias", torch.ones(64), "accepted are base_model.model.<module>.lora_A.weight"),
        (f"{Q}.lora_A.weight", torch.ones(4, 64), "no matrix of a projection"),
        (key(Q, "A"), torch.ones(4, 64, 1), "is (4, 64, 1), accepted is (4, in)"),
        (key(Q, "B"), torch.ones(64, 5), "is (64, 5), accepted is (out, 4)"),
        (key(Q, "B"), torch.full((64, 4), math.nan), "has NaN or infinity in it"),
        (key(Q, "A"), torch.full((4, 64), math.inf), "has NaN or infinity in it"),
        (key(Q, "A"), torch.ones(4, 64, dtype=torch.int8), "is of torch.int8, accepted are float32, bfloat16, float16"),
        (key("lone", "A"), torch.ones(4, 64), f"'{key('lone', 'B')}' is missing"),
        (key("lone", "B"), torch.ones(64, 4), f"'{key('lone', 'A')}' is missing"),
    ],
)
def test_a_tensor_that_is_not_served_is_refused(name: str, tensor: Tensor, complaint: str, folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    save_file({**load_file(path), name: tensor}, path)

    with pytest.raises(ModelRefused, match=re.escape(complaint)) as refusal:
        read_adapter(folder)

    assert str(path) in str(refusal.value)


class Canary:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._path),)


def test_a_pickled_adapter_is_refused_and_not_opened(folder: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    (folder / "adapter_model.safetensors").unlink()
    (folder / "adapter_model.bin").write_bytes(pickle.dumps(Canary(canary)))

    with pytest.raises(ModelRefused, match=r"has adapter_model\.bin and no adapter_model\.safetensors.*any code"):
        read_adapter(folder)

    assert not canary.exists()


def test_a_pickle_beside_the_adapter_is_not_opened(folder: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    for name in ("adapter_model.bin", "training_args.bin", "optimizer.pt"):
        (folder / name).write_bytes(pickle.dumps(Canary(canary)))

    read_adapter(folder)

    assert not canary.exists()


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("adapter_config.json", b"{", "is not JSON"),
        ("adapter_config.json", b"[]", "is not a JSON object"),
        ("adapter_model.safetensors", b"", "is not a whole safetensors file"),
        ("adapter_model.safetensors", b"\x02\0\0\0\0\0\0\0{}", "is empty"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_refused(
    name: str, content: bytes, complaint: str, folder: Path
) -> None:
    (folder / name).write_bytes(content)

    with pytest.raises(ModelRefused, match=complaint):
        read_adapter(folder)


def test_weights_that_are_cut_off_are_refused(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(ModelRefused, match="is not a whole safetensors file"):
        read_adapter(folder)


def test_a_folder_without_an_adapter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match=r"has no adapter_config\.json: it is not an adapter of PEFT"):
        read_adapter(tmp_path)
