"""Half precision in the file, single precision in the network."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from mcdrl.artifacts.held_out_scores import HeldOutScores, write_held_out_scores
from mcdrl.base.errors import InputError
from mcdrl.base.files import read_json, sha256, write_json
from mcdrl.model.folder import load_model
from mcdrl.model.half import halve
from mcdrl.model.held_out import held_out_scores
from tests import lite_model
from tests.factories import bytes_of

WEIGHTS = "model.safetensors"


@pytest.fixture
def model(tmp_path):
    return lite_model.write_model(tmp_path)


def test_weights_are_rounded_once_and_texts_stay(model):
    before = load_file(model / WEIGHTS)
    halve(model)
    after = load_file(model / WEIGHTS)
    assert set(after) == set(before)
    for name, value in before.items():
        kept = name.startswith("texts.") or value.dtype != torch.float32
        assert torch.equal(after[name], value if kept else value.half())
    assert (model / WEIGHTS).stat().st_size < 0.6 * sum(4 * value.numel() for value in before.values())
    loaded = load_model(model, model / "backbone").method.state_dict()
    for name, value in loaded.items():
        wanted = before[f"method.{name}"]
        assert torch.equal(value, wanted.half().float() if wanted.dtype == torch.float32 else wanted)


def test_card_and_scores_name_the_new_file(model):
    scores = HeldOutScores(
        weights_sha256=sha256(model / WEIGHTS), held_out="A", threshold=0.4, n_lesion=12, n_groups=6, dice=0.75,
        dice_low=0.7, dice_high=0.8, n_negative=4, false_positive_rate=0.25,
    )  # fmt: skip
    write_held_out_scores(scores, model)
    before = read_json(model / "model.json")
    halve(model)
    digest = sha256(model / WEIGHTS)
    assert digest != before["weights_sha256"]
    assert read_json(model / "model.json") == {**before, "weights_sha256": digest}
    assert held_out_scores(model) == scores.model_copy(update={"weights_sha256": digest})


def test_equal_models_give_equal_bytes_and_once_is_enough(model, tmp_path):
    other = lite_model.write_model(tmp_path / "other")
    halve(model)
    halve(other)
    assert bytes_of(model) == bytes_of(other)
    halve(other)
    assert bytes_of(model) == bytes_of(other)


def test_a_weight_that_half_precision_can_not_hold_is_refused(model):
    tensors = load_file(model / WEIGHTS)
    name = next(name for name in tensors if name.startswith("method.head"))
    tensors[name].view(-1)[0] = 70000.0
    save_file(tensors, model / WEIGHTS)
    write_json({**read_json(model / "model.json"), "weights_sha256": ""}, model / "model.json")
    before = bytes_of(model)
    with pytest.raises(InputError, match=rf"{name} is too large for half precision; pack the model without --small"):
        halve(model)
    assert bytes_of(model) == before
