import json

import numpy as np
import pytest
import torch

from mcdrl.clip.lite import LiteEncoder, new_joint, new_tower, obtain
from mcdrl.clip.lite_trunk import LITE0
from mcdrl.clip.words import Vocabulary
from stages.pretrain.check import place_auroc, quality, recall
from stages.pretrain.corpus import Corpus
from stages.pretrain.objectives import OBJECTIVES
from stages.pretrain.phrases import CONCEPTS, DENSE_CONCEPTS, sentences
from stages.pretrain.pretrain import pretrain
from tests.factories import section_params


def test_recall_by_hand():
    score = np.array([[4.0, 3, 2, 1], [1, 2, 3, 4], [1, 2, 3, 4]])
    lesion = np.array([[1, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]], bool)
    assert recall(score, lesion, 0.25) == 0.75  # half of the first frame's, all of the second's
    assert recall(score, lesion, 0.5) == 0.75
    assert recall(score, lesion, 1.0) == 1
    assert recall(score, lesion & False, 0.5) is None


def test_auroc_by_hand():
    score = np.array([[4.0, 3, 2, 1], [1, 2, 3, 4], [1, 2, 3, 4]])
    lesion = np.array([[1, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]], bool)
    assert place_auroc(score, lesion) == 0.875  # 3 of 4 pairs in order, then all; the empty frame is left out
    assert place_auroc(-score, lesion) == pytest.approx(0.125)
    assert place_auroc(score, lesion & False) is None


def test_figures_that_are_undefined_are_none_and_all_fit_into_json():
    frames = 3
    corpus = Corpus(
        torch.randn(frames, LITE0.hypercolumn_channels, 14, 14).half(), None,
        torch.zeros(frames, len(DENSE_CONCEPTS), 14, 14), torch.zeros(frames, len(CONCEPTS)),
    )  # fmt: skip
    vocabulary = Vocabulary.of(sentences())
    found = quality(new_joint().eval(), new_tower(vocabulary).eval(), vocabulary, corpus)
    assert found["frames"] == frames
    assert found["place_auroc"] is None
    assert set(found["confounder_auroc"].values()) == {None}
    assert set(found["confounder_shift"].values()) == {None}
    assert 0 <= found["phrases"]["held_out_accuracy"] <= 1
    json.dumps(found, allow_nan=False)


@pytest.mark.slow
@pytest.mark.parametrize("objective", [name for name in OBJECTIVES if name != "contrastive"])
def test_other_objectives_and_distillation_go_all_the_way(tmp_path, objective):
    small = {"frames": 8, "check_frames": 8, "epochs": 1}
    taught = {"epochs": 1, "content_weight": 1.0, "context_weight": 1.0}
    out, params = tmp_path / "lite0", section_params("pretrain", **small, objective=objective, distillation=taught)
    assert pretrain(params, LITE0, out, 1)["frames"] == 8
    obtain(tmp_path / "backbone", out)
    assert LiteEncoder.from_folder(tmp_path / "backbone", "auto").width == 128


@pytest.mark.slow
def test_a_few_frames_give_a_model_that_loads(tmp_path):
    out = tmp_path / "lite0"
    figures = pretrain(section_params("pretrain", frames=8, check_frames=8, epochs=1), LITE0, out, 1)
    assert sorted(path.name for path in out.iterdir()) == ["quality.json", "tower.safetensors", "words.json"]
    assert json.loads((out / "quality.json").read_text()) == figures
    assert sum(path.stat().st_size for path in out.iterdir()) < 5_000_000
    obtain(tmp_path / "backbone", out)
    encoder = LiteEncoder.from_folder(tmp_path / "backbone", "auto")
    assert encoder.encode_text(["A polyp in an endoscopic image"]).norm().item() == pytest.approx(1, abs=1e-5)
    assert encoder.unknown_words(["a zebra with blood"]) == ["zebra"]
