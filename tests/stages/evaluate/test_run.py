"""A tiny model on a tiny site, through the stage's own functions."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from mcdrl.artifacts.cases import CASES, GEOMETRY
from mcdrl.artifacts.features import FEATURES, taps_attribute
from mcdrl.artifacts.frames import FRAMES, to_native
from mcdrl.artifacts.held_out_scores import read_held_out_scores
from mcdrl.artifacts.regions import REGIONS
from mcdrl.artifacts.scores import EVALUATED, PREDICTIONS
from mcdrl.base.errors import InputError
from mcdrl.base.files import sha256
from mcdrl.clip.encoder import Encoded
from mcdrl.methods import build
from mcdrl.metrics.calibration import calibrated, confidence, spectrum
from mcdrl.metrics.detection import match
from mcdrl.metrics.operating_point import OperatingPoint, frame_scores
from mcdrl.model.card import MinedBy
from mcdrl.model.folder import load_model, save_model
from mcdrl.model.network import FurtherSizes, pixels
from mcdrl.model.probability import probability
from mcdrl.model.resampling import resized
from mcdrl.networks.factory import with_presence
from mcdrl.networks.trunk import Frozen
from mcdrl.regions.tuned import Miner
from mcdrl.study.paths import Cell, site_files
from stages.evaluate import run as evaluation
from stages.evaluate.cell import read_cases
from stages.evaluate.interventions import sampled
from stages.evaluate.run import evaluate, write
from tests.factories import (
    make_card,
    make_cases,
    make_geometry,
    make_spec,
    make_texts,
    png,
    section_params,
    small_params,
    write_frames,
)
from tests.stub_encoders import FrameEncoder

SITE, SOURCE, SIDE, GRID, WIDTH, FRAMES_N = "A", "B", 32, 4, 8, 7
NATIVE = (50, 40)  # height and width
PROVENANCE = {"device": "cpu", "precision": "float32"}
CROP = (4, 3, 40, 47)
IDS = [f"{SITE}/{k}" for k in range(FRAMES_N)]
SPEC = make_spec(width=WIDTH, map_channels={"s4": 6}, head_width=16, dice_weight=0.0)

PARAMS = section_params("evaluate")


def write_masks(folder: Path, masks: np.ndarray, site: str = SITE) -> None:
    """Masks [n, 50, 40] at native size; those at working size follow from them."""
    images = np.random.default_rng(1).integers(0, 256, (FRAMES_N, SIDE, SIDE, 3)).astype(np.uint8)
    pictures = [Image.fromarray(mask.astype(np.uint8)) for mask in masks]
    small = [np.asarray(one.crop(CROP).resize((SIDE, SIDE), Image.Resampling.NEAREST)) for one in pictures]
    write_frames(folder, [f"{site}/{k}" for k in range(FRAMES_N)], images, np.stack(small), map(png, masks))


def write_site(artifacts: Path, fingerprint: str = "f", site: str = SITE) -> None:
    rng = np.random.default_rng(ord(site))
    ids = [f"{site}/{k}" for k in range(FRAMES_N)]
    kinds = ["polyp", None, "polyp", "polyp", "polyp", None, "polyp"]
    height, width = NATIVE
    cases = make_cases(ids, group_id="g", lesion_class=kinds, width_px=width, height_px=height)
    folder = artifacts / "ingest" / site
    CASES.write(cases, folder / "cases.parquet")
    GEOMETRY.write(make_geometry(ids, CROP), folder / "geometry.parquet")
    masks = np.zeros((FRAMES_N, height, width), bool)
    masks[[kind is not None for kind in kinds], 8:30, 8:25] = True
    write_masks(folder, masks, site)
    attributes = {"site": site, "backbone": "x", "fingerprint": fingerprint, "dense_mode": "plain", **PROVENANCE}
    attributes["taps"] = taps_attribute({"s4": (8, 8, 6)})
    attributes["prefix_tap"] = ""
    with FEATURES.write(artifacts / "encode" / f"{site}.h5", ids, attributes) as store:
        store.append(
            dense=rng.normal(size=(FRAMES_N, GRID, GRID, WIDTH)).astype(np.float16),
            image=rng.normal(size=(FRAMES_N, WIDTH)).astype(np.float16),
            maps__s4=rng.normal(size=(FRAMES_N, 8, 8, 6)).astype(np.float16),
            prefix=np.zeros((FRAMES_N, 1), np.float16),
        )
    selected = np.zeros((FRAMES_N, GRID, GRID), bool)
    selected[:, 1, :] = True
    attributes = {
        "site": site, "fingerprint": fingerprint, "dense_mode": "plain", "alpha": "0.25", "text_similarity": "cosine",
        **PROVENANCE,
    }  # fmt: skip
    with REGIONS.write(artifacts / "mine_regions" / "regions" / f"{site}.h5", ids, attributes) as store:
        store.append(
            similarity=np.zeros((FRAMES_N, GRID, GRID), np.float16),
            selected=selected,
            best_class=np.zeros((FRAMES_N, GRID, GRID), np.uint8),
        )


def write_model(
    artifacts: Path, method: str, fingerprint: str = "f", held_out: str = SITE, source: str = SOURCE
) -> None:
    rng = torch.Generator().manual_seed(0)
    texts = make_texts(1, 3, WIDTH, rng)
    network = build(method, SPEC, small_params(method), Frozen(), texts)
    with torch.no_grad():  # else nearly every probability is the prior's, far below the threshold
        network.head.out.bias.zero_()
        network.head.out.weight.normal_(0, 0.5, generator=rng)
        for parameter in getattr(network, "intervention", network.head).parameters():  # else it is the identity
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=rng))
    card = make_card(
        method=method, held_out=held_out, sources=[source], fingerprint=fingerprint, spec=SPEC,
        params=small_params(method).model_dump(), size_px=SIDE,
        lesion_classes=["polyp"], confounders=["a", "b", "c"], temperature=1.5,
    )  # fmt: skip
    save_model(artifacts / "train" / method / held_out / "0", network.state_dict(), texts, card)


@dataclass(frozen=True)
class Placed:
    """A cell below its artifacts."""

    names: Cell
    artifacts: Path

    @property
    def model(self):
        return self.names.model(self.artifacts)

    @property
    def parts(self):
        return self.names.parts(self.artifacts)

    @property
    def predictions(self):
        return self.names.predictions(self.artifacts)

    @property
    def ingested(self):
        return site_files(self.artifacts, self.names.held_out).folder


@pytest.fixture
def cell(tmp_path, request):
    artifacts = tmp_path / "artifacts"
    method = getattr(request, "param", "baseline")
    write_site(artifacts)
    write_site(artifacts, site=SOURCE)
    write_model(artifacts, method)
    return Placed(Cell(method, SITE, 0), artifacts)


def run(cell, **params):
    return evaluate(
        cell.names, cell.artifacts, read_cases(cell.names, cell.artifacts), section_params("evaluate", **params)
    )


def stored(cell):
    with PREDICTIONS.read(cell.predictions) as store:
        return store.rows("probability", IDS)


both = pytest.mark.parametrize("cell", ["baseline", "mcdrl"], indirect=True)


@both
def test_every_table_keeps_its_contract(cell):
    tables = run(cell, batch_size=3)
    write(cell.names, cell.artifacts, tables, PARAMS)
    for name in tables:
        read = EVALUATED[name].read(cell.parts / f"{name}.parquet")
        assert (read[["method", "held_out", "seed"]] == [cell.names.variant, SITE, 0]).all(axis=None)
        intervenes = cell.names.variant == "mcdrl"
        assert bool(len(read)) == (intervenes or name not in ("attention", "pooled", "exchanges"))


def test_the_cell_in_a_few_numbers(cell):
    tables = run(cell)
    groups = ["g", "g", "h", "h", "h", "k", "k"]  # frames 1 and 5 have no lesion
    scores = tables["cases"].assign(
        group_id=groups, dice=[0.5, None, 0.25, 0.75, 1.0, None, 0.5], fp=[9, 3, 9, 9, 9, 0, 9]
    )
    write(cell.names, cell.artifacts, tables | {"cases": scores}, section_params("evaluate", threshold=0.4))
    assert set(tables["cases"]["leaked_frames"]) == {0}
    three = read_held_out_scores(cell.parts)
    assert three.weights_sha256 == sha256(cell.model / "model.safetensors")
    assert (three.held_out, three.threshold, three.n_lesion, three.n_groups) == (SITE, 0.4, 5, 3)
    assert (three.dice, three.n_negative, three.false_positive_rate) == (0.6, 2, 0.5)
    assert (three.dice_low, three.dice_high) == (None, None)  # of three groups there is no interval
    write(cell.names, cell.artifacts, tables | {"cases": scores.assign(group_id=list("abcdefg"))}, PARAMS)
    reach = 2.776445 * np.std([0.5, 0.25, 0.75, 1, 0.5], ddof=1) / 5**0.5  # Student's, of five groups
    five = read_held_out_scores(cell.parts)
    assert (five.n_groups, five.dice_low, five.dice_high) == (5, pytest.approx(0.6 - reach), pytest.approx(0.6 + reach))
    write(
        cell.names,
        cell.artifacts,
        tables | {"cases": scores.assign(group_id="g", lesion_class=None, dice=None)},
        PARAMS,
    )
    alone = read_held_out_scores(cell.parts)
    write(cell.names, cell.artifacts, tables | {"cases": scores.assign(group_id=list("abcdefg"), dice=0.0)}, PARAMS)
    nothing = read_held_out_scores(cell.parts)
    assert (nothing.dice, nothing.dice_low) == (0, pytest.approx(0))
    assert nothing.dice_high == pytest.approx(0.434, abs=1e-3)  # Wilson's, of five groups
    assert (alone.n_lesion, alone.dice, alone.dice_low, alone.n_negative) == (0, None, None, 7)


def test_every_table_says_how_many_frames_of_the_site_were_trained_on(cell):
    loaded = load_model(cell.model, cell.artifacts)
    card = loaded.card.model_copy(update={"leaked_frames": 5})
    save_model(cell.model, loaded.method.state_dict(), loaded.texts, card)
    tables = run(cell)
    told = {name: rows["leaked_frames"].unique().tolist() for name, rows in tables.items() if len(rows)}
    every = ("cases", "calibration", "reliability", "trust", "mining", "findings", "alarms")
    assert told == {name: [5] for name in every}
    write(cell.names, cell.artifacts, tables, PARAMS)
    assert read_held_out_scores(cell.parts).leaked_frames == 5


@both
def test_mining_is_judged_by_the_regions_that_were_used(cell):
    """The stored regions are the second row of four, rows 8 to 15 of 32 px; the lesion's pixels there are counted."""
    (row,) = run(cell)["mining"].to_dict("records")
    with FRAMES.read(cell.ingested / "frames.h5") as store:
        masks = store.rows("mask", IDS) > 0
    masks = masks[masks.any((1, 2))]
    inside = masks[:, 8:16].sum((1, 2)) / masks.sum((1, 2))
    assert row["mining"] == "zero_shot"
    assert row["recall"] == pytest.approx(inside.mean())
    assert (row["recall_random"], row["auroc"], row["n_frames"]) == (0.25, 0.5, len(masks))


@pytest.mark.parametrize("cell", ["mcdrl"], indirect=True)
def test_a_models_own_miner_is_judged_as_such(cell):
    loaded = load_model(cell.model, cell.artifacts)
    torch.manual_seed(0)  # some draws answer the same everywhere
    miner = Miner({"s4": 6}, (GRID, GRID), 0.25, hidden=8)
    mined_by = MinedBy(channels={"s4": 6}, grid=[GRID, GRID], hidden=8)
    card = loaded.card.model_copy(update={"mined_by": mined_by})
    save_model(cell.model, loaded.method.state_dict(), loaded.texts, card, miner)
    (row,) = run(cell)["mining"].to_dict("records")
    assert row["mining"] == "source_tuned"
    assert row["auroc"] != 0.5  # the stored similarity is the same everywhere


@both
def test_counts_are_those_of_the_mask_that_predict_would_write(cell):
    rows = run(cell, batch_size=3)["cases"]
    probability = stored(cell).astype(np.float32) / 255
    truth = np.zeros(NATIVE, bool)
    truth[8:30, 8:25] = True
    predicted = [to_native(p, CROP, NATIVE[1], NATIVE[0]) >= 0.5 for p in probability]
    assert 0.02 < np.mean(predicted) < 0.98
    expected = [(mask & truth).sum() for mask in predicted] * rows["lesion_class"].notna()
    assert rows["tp"].tolist() == pytest.approx(expected.tolist(), abs=4)  # stored as bytes
    assert (rows[["tp", "fp", "fn", "tn"]].sum(axis=1) == NATIVE[0] * NATIVE[1]).all()
    assert rows["dice"].isna().tolist() == [False, True, False, False, False, True, False]
    assert rows["case_id"].tolist() == IDS


def test_what_the_crop_left_out_is_missed_lesion_and_right_background(cell):
    outside = np.zeros((FRAMES_N, *NATIVE), bool)
    outside[:, :3] = True  # above the crop
    write_masks(cell.ingested, outside)
    rows = run(cell)["cases"]
    assert (rows["tp"] == 0).all()
    assert (rows["fn"] == 3 * NATIVE[1]).all()
    assert rows["nsd"].isna().all()  # nothing of it at working size
    assert (rows["dice"] == 0).all()


def test_predictions_do_not_depend_on_the_batch_size(cell):
    run(cell, batch_size=2)
    small = stored(cell).astype(int)
    run(cell, batch_size=16)
    assert np.abs(stored(cell).astype(int) - small).max() <= 1


@both
def test_masks_reach_scores_and_calibration_and_nothing_else(cell):
    before = run(cell)
    bytes_before = cell.predictions.read_bytes()
    write_masks(cell.ingested, np.random.default_rng(9).random((FRAMES_N, *NATIVE)) < 0.5)
    after = run(cell)
    assert cell.predictions.read_bytes() == bytes_before
    for name in ("trust", "attention", "pooled", "alarms"):
        pd.testing.assert_frame_equal(before[name], after[name])
    assert not before["cases"].equals(after["cases"])
    assert before["calibration"]["temperature"].equals(after["calibration"]["temperature"])


def test_calibration_and_trust_follow_from_the_probabilities(cell):
    tables = run(cell, batch_size=3)
    probability = stored(cell).astype(np.float32) / 255
    trust = tables["trust"].set_index("case_id").loc[IDS]
    assert trust["confidence"].to_numpy() == pytest.approx(confidence(spectrum(probability), 1.5), abs=0.02)
    assert trust["flagged"].tolist() == (trust["confidence"] < 0.6).tolist()
    bins = tables["reliability"]
    assert bins.groupby("calibrated")["n_px"].sum().tolist() == [FRAMES_N * SIDE * SIDE] * 2
    for after, values in ((False, probability), (True, calibrated(probability, 1.5))):
        own = bins[bins["calibrated"] == after]
        mean = (own["n_px"] * own["mean_probability"].fillna(0)).sum() / own["n_px"].sum()
        assert mean == pytest.approx(values.mean(), abs=0.01)
        gap = ((own["mean_probability"] - own["lesion_share"]).abs().fillna(0) * own["n_px"]).sum() / own["n_px"].sum()
        end = "after" if after else "before"
        assert tables["calibration"][f"ece_{end}"][0] == pytest.approx(gap)
        assert tables["calibration"][f"ece_called_{end}"][0] >= 0
    assert tables["calibration"][["temperature", "n_frames"]].values.tolist() == [[1.5, FRAMES_N]]


def test_lesions_and_alarms_are_those_of_the_mask_that_predict_would_write(cell):
    """The lesion is one box; what is called is compared at the frame's own size, the view being the crop."""
    loaded = load_model(cell.model, cell.artifacts)
    card = loaded.card.model_copy(update={"no_lesion_below": 0.6, "least_area_share": 0.01})
    save_model(cell.model, loaded.method.state_dict(), loaded.texts, card)
    tables = run(cell, batch_size=3)
    probability = stored(cell).astype(np.float32) / 255
    truth = np.zeros(NATIVE, bool)
    truth[8:30, 8:25] = True
    view_px = (CROP[2] - CROP[0]) * (CROP[3] - CROP[1])
    scores = frame_scores(spectrum(probability))
    alarms = tables["alarms"].set_index("case_id").loc[IDS]
    assert alarms["frame_score"].to_numpy() == pytest.approx(scores, abs=0.01)
    for k, case in enumerate(IDS):
        found = tables["findings"][tables["findings"]["case_id"] == case]
        lesions, false = (found[found["kind"] == kind] for kind in ("lesion", "false"))
        has = k not in (1, 5)
        assert lesions["area_share"].tolist() == [truth.sum() / view_px] * has
        called = to_native(probability[k], CROP, NATIVE[1], NATIVE[0]) >= 0.5
        expected = match(called.astype(np.float32), called, truth & has)
        assert len(false) == pytest.approx(expected.false.sum(), abs=1)  # stored as bytes
        assert lesions["best_iou"].tolist() == pytest.approx(expected.iou.max(axis=0).tolist(), abs=0.02)
        left = OperatingPoint(0.6, 0.01).kept(called, view_px, scores[k])
        assert alarms["kept_px"].iloc[k] == pytest.approx(left.sum(), abs=4)
    assert (alarms["kept_px"] > 0).tolist() == alarms["alarm"].tolist()
    assert set(tables["findings"]["kept"]) == {True, False}


@pytest.mark.parametrize("cell", ["baseline"], indirect=True)
def test_where_there_is_a_presence_head_it_says_the_frames_score(cell):
    loaded = load_model(cell.model, cell.artifacts)
    spec = replace(loaded.card.spec, presence=True)
    network = with_presence(loaded.method, spec)
    with torch.no_grad():
        network.presence.out.weight.zero_()
        network.presence.out.bias.fill_(0.5)
    for limit, alarm in ((0.6, True), (0.7, False)):
        card = loaded.card.model_copy(update={"spec": spec, "no_lesion_below": limit})
        save_model(cell.model, network.state_dict(), loaded.texts, card)
        alarms = run(cell, batch_size=3)["alarms"]
        assert alarms["frame_score"].to_numpy() == pytest.approx(torch.tensor(0.5).sigmoid().item())
        assert alarms["alarm"].any() == alarm


@pytest.mark.parametrize("cell", ["mcdrl"], indirect=True)
def test_attention_is_a_share_and_pooled_features_are_those_of_the_network(cell):
    tables = run(cell, batch_size=3, source_frames=4)
    attention = tables["attention"]
    assert attention.groupby("case_id")["weight"].sum().to_numpy() == pytest.approx(1, abs=1e-5)
    assert attention["confounder"].tolist() == ["a", "b", "c"] * FRAMES_N
    pooled = tables["pooled"].set_index("case_id")
    assert [case for case in pooled.index if case.startswith(f"{SITE}/")] == IDS
    assert sum(case.startswith(f"{SOURCE}/") for case in pooled.index) == 4
    with FEATURES.read(cell.artifacts / "encode" / f"{SITE}.h5") as store:
        expected = store.rows("dense", IDS).astype(np.float32)[:, 1].mean(1)  # the second row of the grid is selected
    np.testing.assert_allclose(np.stack(pooled.loc[IDS, "before"]), expected, atol=1e-5)
    assert not np.allclose(np.stack(pooled["before"]), np.stack(pooled["after"]), atol=1e-3)


@pytest.mark.parametrize("cell", ["mcdrl"], indirect=True)
def test_of_a_large_site_some_frames_features_are_kept_and_all_else_is(cell, monkeypatch):
    whole = run(cell, batch_size=3)
    monkeypatch.setattr(evaluation, "POOLED_FRAMES", 4)
    some = run(cell, batch_size=3)
    rows, kept = (found["pooled"].set_index("case_id") for found in (whole, some))
    own = [case for case in kept.index if case.startswith(f"{SITE}/")]
    assert own == sampled(IDS, 4)
    pd.testing.assert_frame_equal(kept, rows.loc[kept.index])
    for name in {*whole} - {"pooled"}:
        pd.testing.assert_frame_equal(some[name], whole[name])


@pytest.mark.parametrize("cell", ["mcdrl"], indirect=True)
def test_source_frames_without_the_head_are_what_they_are_with_it(cell):
    own = run(cell)["pooled"].set_index("case_id")["after"]
    write_model(cell.artifacts, "mcdrl", held_out=SOURCE, source=SITE)
    other = run(Placed(Cell("mcdrl", SOURCE, 0), cell.artifacts))["pooled"].set_index("case_id")["after"]
    for case in own.index:
        np.testing.assert_array_equal(own[case], other[case])


def test_a_method_without_an_intervention_opens_no_source_site(cell):
    (cell.artifacts / "encode" / f"{SOURCE}.h5").unlink()
    assert run(cell)["pooled"].empty


def test_a_model_of_another_encoder_is_refused(cell):
    write_model(cell.artifacts, "baseline", fingerprint="other")
    with pytest.raises(InputError, match=r"model\.json.*fingerprint.*other"):
        run(cell)
    assert not cell.predictions.exists()


def test_features_of_another_device_than_the_training_s_are_refused(cell):
    write_model(cell.artifacts, "baseline")
    path = cell.model / "model.json"
    text = path.read_text()
    assert '"provenance": ""' in text  # nobody has noted it
    path.write_text(text.replace('"provenance": ""', '"provenance": "cuda, bfloat16"'))
    sentence = (
        r"site 'A' were made with cpu, float32, those of the sites that the model.* with cuda, bfloat16;.*encode@A"
    )
    with pytest.raises(InputError, match=sentence):
        evaluate(cell.names, cell.artifacts, read_cases(cell.names, cell.artifacts), PARAMS)
    path.write_text(text.replace('"provenance": ""', '"provenance": "cpu, float32"'))
    evaluate(cell.names, cell.artifacts, read_cases(cell.names, cell.artifacts), PARAMS)


def test_a_device_that_is_not_there_is_refused_before_anything_is_written(cell):
    with pytest.raises(InputError, match="--device abacus"):
        evaluate(cell.names, cell.artifacts, read_cases(cell.names, cell.artifacts), PARAMS, "abacus")
    assert not cell.predictions.exists()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_predicts_what_the_cpu_does(cell):
    found = []
    for device in ("cpu", "cuda"):
        evaluate(cell.names, cell.artifacts, read_cases(cell.names, cell.artifacts), PARAMS, device)
        found.append(stored(cell).astype(int))
    assert np.abs(found[0] - found[1]).max() <= 2


def test_a_missing_model_is_named(cell):
    with pytest.raises(InputError, match="train/mcdrl/A/0"):
        run(Placed(Cell("mcdrl", SITE, 0), cell.artifacts))


def test_pixels_that_nobody_judged_count_nowhere(cell):
    labels = np.zeros((FRAMES_N, *NATIVE), np.uint8)
    labels[:5, 8:30, 8:25] = 1
    labels[:, 20:40, 10:30] = 255
    write_masks(cell.ingested, labels)
    tables = run(cell, batch_size=3)
    rows, probability = tables["cases"], stored(cell).astype(np.float32) / 255
    predicted = np.stack([to_native(p, CROP, NATIVE[1], NATIVE[0]) >= 0.5 for p in probability])
    for name, said, value in (("tp", True, 1), ("fp", True, 0), ("fn", False, 1), ("tn", False, 0)):
        where = (predicted == said) & (labels == value)
        assert rows[name].tolist() == pytest.approx(where.sum((1, 2)).tolist(), abs=4)  # stored as bytes
    assert (rows[["tp", "fp", "fn", "tn"]].sum(axis=1) == (labels[0] != 255).sum()).all()
    assert rows["dice"].isna().tolist() == [False] * 5 + [True] * 2  # nothing but ignored pixels: a negative
    with FRAMES.read(cell.ingested / "frames.h5") as store:
        small = store.rows("mask", IDS)
    bins = tables["reliability"]
    lesion = (bins["lesion_share"].fillna(0) * bins["n_px"]).groupby(bins["calibrated"]).sum()
    assert bins.groupby("calibrated")["n_px"].sum().tolist() == [(small != 255).sum()] * 2
    assert lesion.tolist() == pytest.approx([(small == 1).sum()] * 2)
    (row,) = tables["mining"].to_dict("records")
    inside = [(mask[8:16] == 1).sum() / (mask == 1).sum() for mask in small[:5]]
    assert (row["recall"], row["n_frames"]) == (pytest.approx(np.mean(inside)), 5)


class Colours(FrameEncoder):
    """Features of any size that follow from the colours of the places."""

    resizes = True

    def __init__(self):
        super().__init__()
        self.width, self.size_px, self.fingerprint, self.dense_mode = WIDTH, SIDE, "f", "plain"
        self.scale = torch.nn.Parameter(torch.ones(()))

    def encode(self, frames):
        pool = torch.nn.functional.avg_pool2d
        dense = pool(frames, 8).repeat(1, 3, 1, 1)[:, :WIDTH]
        return Encoded(dense, dense.mean((2, 3)), {"s4": pool(frames, 4).repeat(1, 2, 1, 1)}, frames[:, :1])


@both
def test_further_sizes_move_the_answer_but_not_what_is_said_of_the_intervention(cell, monkeypatch):
    given = []

    def load(folder, dense_mode):
        given.append((folder, dense_mode))
        return Colours()

    monkeypatch.setattr("stages.evaluate.run.load_encoder", load)
    alone, before = run(cell), stored(cell)
    assert given == []
    tables, params = run(cell, further_sizes_px=[64]), section_params("evaluate", further_sizes_px=[64])
    assert given == [(cell.artifacts / "backbone", "plain")]
    with FRAMES.read(cell.ingested / "frames.h5") as frames:
        frame = pixels(torch.from_numpy(frames.rows("image", IDS)))
    model = load_model(cell.model, cell.artifacts)
    at_64 = FurtherSizes(model, Colours(), [64]).at(frame, 64)
    there = resized(probability(model.method, at_64)[:, None], SIDE, "bilinear")[:, 0].numpy()
    assert np.abs(255 * there - before).max() > 5
    np.testing.assert_allclose(stored(cell), (before / 255 + there) / 2 * 255, atol=1.1)
    for name in ("attention", "pooled", "mining", "exchanges"):
        pd.testing.assert_frame_equal(tables[name], alone[name])
    write(cell.names, cell.artifacts, tables, params)
    assert read_held_out_scores(cell.parts).further_sizes_px == [64]
    with PREDICTIONS.read(cell.predictions) as store:
        assert store.attributes["sizes_px"] == "32 64"


def test_networks_are_asked_at_further_sizes_in_the_precision_of_their_training(cell, monkeypatch):
    lowered, mean = [], FurtherSizes.mean

    def asked(*given):
        lowered.append(torch.is_autocast_enabled("cpu"))
        return mean(*given)

    monkeypatch.setattr("stages.evaluate.run.load_encoder", lambda *_: Colours())
    monkeypatch.setattr(FurtherSizes, "mean", asked)
    path = cell.model / "model.json"
    for precision in ("bf16-mixed", "32-true"):
        card = {**json.loads(path.read_text()), "parameters": {"precision": precision}}
        path.write_text(json.dumps(card))
        run(cell, further_sizes_px=[64], batch_size=FRAMES_N)
    assert lowered == [True, False]
