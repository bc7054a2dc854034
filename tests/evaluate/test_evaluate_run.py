"""A tiny model on a tiny site, through the stage's own functions."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from stages.core.base.errors import InputError
from stages.core.contracts.cases import CASES
from stages.core.contracts.features import FEATURES
from stages.core.contracts.frames import FRAMES
from stages.core.contracts.regions import REGIONS
from stages.core.contracts.scores import PREDICTIONS, SCORES
from stages.core.methods import build
from stages.core.networks.interface import Spec, Texts
from stages.core.networks.model import ModelCard, save_model
from stages.core.networks.trunk import Frozen
from stages.evaluate.params import Params
from stages.evaluate.run import Cell, score_predictions, write_predictions

SITE, SIDE, GRID, WIDTH, FRAMES_N = "A", 32, 4, 8, 7
IDS = [f"{SITE}/{k}" for k in range(FRAMES_N)]
SPEC = Spec(
    width=WIDTH,
    map_channels={"s4": 6},
    depth=1,
    heads=2,
    residual=True,
    dictionary="text",
    regions="keep",
    head_width=16,
    dropout=0.0,
    dice_weight=0.0,
    lambda_causal=0.5,
    lambda_contrast=0.1,
    temperature=0.5,
    lambda_adversarial=0.5,
    seed=0,
)


def write_masks(folder: Path, masks: np.ndarray) -> None:
    images = np.random.default_rng(1).integers(0, 256, (FRAMES_N, SIDE, SIDE, 3)).astype(np.uint8)
    with FRAMES.write(folder / "frames.h5", IDS, {"site": SITE}) as store:
        store.append(image=images, mask=masks.astype(np.uint8), native_mask=[b"-"] * FRAMES_N)


def write_site(artifacts: Path, fingerprint: str = "f") -> None:
    rng = np.random.default_rng(0)
    kinds = ["polyp", None, "polyp", "polyp", "polyp", None, "polyp"]
    cases = pd.DataFrame(
        {
            "case_id": IDS,
            "site": SITE,
            "group_id": "g",
            "lesion_class": kinds,
            "split": "train",
            "sha256": "-",
            "width_px": np.full(FRAMES_N, SIDE, np.int32),
            "height_px": np.full(FRAMES_N, SIDE, np.int32),
            "lesion_area_px": 0,
        }
    )
    CASES.write(cases, artifacts / "ingest" / SITE / "cases.parquet")
    masks = np.zeros((FRAMES_N, SIDE, SIDE), bool)
    masks[[kind is not None for kind in kinds], 4:20, 6:18] = True
    write_masks(artifacts / "ingest" / SITE, masks)
    attributes = {"site": SITE, "backbone": "x", "fingerprint": fingerprint, "dense_mode": "plain"}
    with FEATURES.write(artifacts / "encode" / f"{SITE}.h5", IDS, attributes) as store:
        store.append(
            dense=rng.normal(size=(FRAMES_N, GRID, GRID, WIDTH)).astype(np.float16),
            image=rng.normal(size=(FRAMES_N, WIDTH)).astype(np.float16),
            maps__s4=rng.normal(size=(FRAMES_N, 8, 8, 6)).astype(np.float16),
            prefix=np.zeros((FRAMES_N, 1), np.float16),
        )
    selected = np.zeros((FRAMES_N, GRID, GRID), bool)
    selected[:, 1, :] = True
    attributes = {"site": SITE, "fingerprint": fingerprint, "dense_mode": "plain", "alpha": "0.25"}
    with REGIONS.write(artifacts / "mine_regions" / "regions" / f"{SITE}.h5", IDS, attributes) as store:
        store.append(
            similarity=np.zeros((FRAMES_N, GRID, GRID), np.float16),
            selected=selected,
            best_class=np.zeros((FRAMES_N, GRID, GRID), np.uint8),
        )


def write_model(artifacts: Path, method: str, fingerprint: str = "f") -> None:
    rng = torch.Generator().manual_seed(0)
    texts = Texts(*(torch.randn(shape, generator=rng) for shape in ((1, WIDTH), (3, WIDTH), (1, 3, WIDTH), (3,))))
    network = build(method, SPEC, Frozen(), texts)
    with torch.no_grad():  # else nearly every probability is the prior's, far below the threshold
        network.head.out.bias.zero_()
        network.head.out.weight.normal_(0, 0.5, generator=rng)
    card = ModelCard(
        variant=method,
        method=method,
        n_weights=1,
        n_trained=1,
        held_out=SITE,
        seed=0,
        sources=["B"],
        backbone="x",
        pretrained="x",
        fingerprint=fingerprint,
        dense_mode="plain",
        mode="frozen",
        size_px=SIDE,
        lesion_classes=["polyp"],
        confounders=["a", "b", "c"],
        alpha=0.25,
        spec=SPEC,
        best_epoch=0,
        val_dice=0.5,
        temperature=1.5,
        flag_below=0.6,
    )
    save_model(artifacts / "train" / method / SITE / "0", network.state_dict(), texts, card)


@pytest.fixture
def cell(tmp_path, request):
    artifacts = tmp_path / "artifacts"
    method = getattr(request, "param", "baseline")
    write_site(artifacts)
    write_model(artifacts, method)
    return Cell(method, SITE, 0, artifacts)


@pytest.mark.parametrize("cell", ["baseline", "mcdrl"], indirect=True)
def test_scores_follow_from_what_is_stored(cell):
    params = Params(batch_size=3)
    write_predictions(cell, IDS, params)
    rows = score_predictions(cell, cell.read_cases(), params)
    SCORES.write(rows, cell.scores)
    stored = SCORES.read(cell.scores)
    with PREDICTIONS.read(cell.predictions) as store, FRAMES.read(cell.ingested / "frames.h5") as frames:
        probability, masks = store.rows("probability", IDS), frames.rows("mask", IDS) > 0
    predicted = probability >= 0.5 * 255
    assert 0.02 < predicted.mean() < 0.98
    assert stored["tp"].tolist() == (predicted & masks).sum(axis=(1, 2)).tolist()
    assert (stored[["tp", "fp", "fn", "tn"]].sum(axis=1) == SIDE * SIDE).all()
    assert stored["dice"].isna().tolist() == [False, True, False, False, False, True, False]
    assert stored["case_id"].tolist() == IDS


def test_predictions_do_not_depend_on_the_batch_size(cell):
    write_predictions(cell, IDS, Params(batch_size=2))
    with PREDICTIONS.read(cell.predictions) as store:
        small = store.rows("probability", IDS).astype(int)
    write_predictions(cell, IDS, Params(batch_size=16))
    with PREDICTIONS.read(cell.predictions) as store:
        assert np.abs(store.rows("probability", IDS).astype(int) - small).max() <= 1


def test_masks_do_not_reach_the_predictions(cell):
    write_predictions(cell, IDS, Params())
    before = cell.predictions.read_bytes()
    write_masks(cell.ingested, np.random.default_rng(9).random((FRAMES_N, SIDE, SIDE)) < 0.5)
    write_predictions(cell, IDS, Params())
    assert cell.predictions.read_bytes() == before


def test_a_lesion_that_vanished_at_working_size_keeps_its_class(cell):
    write_predictions(cell, IDS, Params())
    write_masks(cell.ingested, np.zeros((FRAMES_N, SIDE, SIDE), bool))
    SCORES.write(score_predictions(cell, cell.read_cases(), Params()), cell.scores)
    stored = SCORES.read(cell.scores)
    assert stored["lesion_class"].isna().tolist() == [False, True, False, False, False, True, False]
    assert stored[["dice", "iou", "nsd", "hd95_px"]].isna().all(axis=None)


def test_a_model_of_another_encoder_is_refused(cell):
    write_model(cell.artifacts, "baseline", fingerprint="other")
    with pytest.raises(InputError, match=r"model\.json.*fingerprint.*other"):
        write_predictions(cell, IDS, Params())
    assert not cell.predictions.exists()


def test_a_device_that_is_not_there_is_refused_before_anything_is_written(cell):
    with pytest.raises(InputError, match="--device abacus"):
        write_predictions(cell, IDS, Params(), "abacus")
    assert not cell.predictions.exists()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_predicts_what_the_cpu_does(cell):
    found = []
    for device in ("cpu", "cuda"):
        write_predictions(cell, IDS, Params(), device)
        with PREDICTIONS.read(cell.predictions) as store:
            found.append(store.rows("probability", IDS).astype(int))
    assert np.abs(found[0] - found[1]).max() <= 2


def test_a_missing_model_is_named(cell):
    with pytest.raises(InputError, match="train/mcdrl/A/0"):
        write_predictions(Cell("mcdrl", SITE, 0, cell.artifacts), IDS, Params())
