"""Temperature and the limit of confidence, from validation frames of the source sites."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from scipy.optimize import minimize_scalar
from torch import nn

from mcdrl.artifacts.cases import CASES
from mcdrl.artifacts.frames import FRAMES
from mcdrl.metrics.auroc import auroc
from mcdrl.metrics.calibration import confidence, spectrum
from mcdrl.metrics.detection import match
from mcdrl.metrics.operating_point import Judged, OperatingPoint, choose, frame_scores
from mcdrl.model.folder import load_model
from mcdrl.model.probability import probabilities
from mcdrl.networks.inputs import open_sites, to_batch
from mcdrl.networks.interface import Output
from mcdrl.study.paths import site_files
from mcdrl.training.cell import TrainingJob
from mcdrl.training.loop import Training
from mcdrl.training.run import train
from mcdrl.training.trust import Trust, measure_trust
from tests import stub_sites
from tests.factories import method_params, train_params


def _trained(folder, **changes):
    """Train a model; return its card, and what it says of its validation frames beside their masks, read otherwise."""
    stub_sites.write_study(folder / "artifacts", count=40)
    numbers = {"epochs": 6, "batch_size": 8, "head_width": 16, "intervene_from": 1, "lr": 0.01, "flag_share": 0.25}
    params = train_params(**{**numbers, **changes})
    own = method_params("mcdrl", heads=4, depth=1)
    cell = TrainingJob("mcdrl", "mcdrl", "C", 0, ["A", "B"], folder / "artifacts", stub_sites.LESIONS, params, own)
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    train(cell, fabric, folder / "out")
    model = load_model(folder / "out", folder / "artifacts" / "backbone")
    found, masks = [], []
    for site in ("A", "B"):
        files = site_files(folder / "artifacts", site)
        cases = CASES.read(files.cases).query("split == 'val'")["case_id"].tolist()
        with open_sites({site: files}) as reader, FRAMES.read(files.frames) as frames:
            batch = to_batch(
                reader.read(cases, mask=False, cached=reader.layout.cached), [-1] * len(cases), torch.device("cpu")
            )
            found.append(probabilities(model.method, batch))
            masks.append(frames.rows("mask", cases) > 0)
    return json.loads((folder / "out" / "model.json").read_text()), found, np.concatenate(masks)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A trained model, and the probabilities and masks of its validation frames."""
    card, found, masks = _trained(tmp_path_factory.mktemp("trust"))
    return card, np.concatenate([one.lesion.numpy() for one in found]), masks


@pytest.fixture(scope="module")
def with_presence(tmp_path_factory):
    """A model with a presence head, and its validation frames with that head's scores."""
    card, found, masks = _trained(tmp_path_factory.mktemp("presence"), presence_weight=1.0, epochs=3)
    p, there = (np.concatenate([getattr(one, name).numpy() for one in found]) for name in ("lesion", "presence"))
    matches = [match(one, one >= 0.5, truth) for one, truth in zip(p, masks, strict=True)]
    return card, [Judged(one, p[0].size, float(score)) for one, score in zip(matches, there, strict=True)]


def test_the_temperature_has_the_lowest_cross_entropy_on_validation_frames(trained):
    card, p, lesion = trained
    odds = np.log(p.astype(float)) - np.log1p(-p.astype(float))

    def entropy(temperature):
        return np.logaddexp(0, np.where(lesion, -odds, odds) / temperature).mean()

    best = minimize_scalar(entropy, bounds=(0.25, 12), method="bounded").x
    assert card["temperature"] == pytest.approx(best, rel=0.02)
    assert card["temperature"] != pytest.approx(1, abs=0.02)


def test_the_stated_share_of_the_validation_frames_is_flagged(trained):
    card, p, _ = trained
    trusted = confidence(spectrum(p), card["temperature"])
    assert (trusted < card["flag_below"]).mean() == pytest.approx(0.25, abs=1 / len(p))


def test_where_there_is_a_presence_head_the_operating_point_is_of_what_it_says(with_presence):
    card, judged = with_presence
    point = choose(judged, 0.95)
    assert (card["no_lesion_below"], card["least_area_share"]) == pytest.approx((point.frame_score, point.area_share))
    assert card["no_lesion_below"] in [pytest.approx(frame.frame_score) for frame in judged]  # something is called
    assert card["spec"]["presence"] is True
    with_lesion = [bool(frame.match.lesion_area_px.size) for frame in judged]
    scores = [frame.frame_score for frame in judged]
    assert auroc(np.array(scores), np.array(with_lesion))[0] > 0.9  # it learned to tell


def test_the_operating_point_is_chosen_on_validation_frames(trained):
    card, p, lesion = trained
    frames = [match(one, one >= 0.5, there) for one, there in zip(p, lesion, strict=True)]
    scores = frame_scores(spectrum(p)).tolist()
    judged = [Judged(one, p[0].size, score) for one, score in zip(frames, scores, strict=True)]
    point = choose(judged, 0.95)
    assert (card["no_lesion_below"], card["least_area_share"]) == pytest.approx((point.frame_score, point.area_share))
    assert point != OperatingPoint()
    found = [one for one in judged if one.match.hits.any()]
    kept = [point.keeps(one.match.area_px, one.view_px, one.frame_score) for one in found]
    assert np.mean([(one.match.hits.any(1) & left).any() for one, left in zip(found, kept, strict=True)]) >= 0.95


class Says(nn.Module):
    """A method that has one answer."""

    presence = None

    def __init__(self, probability):
        super().__init__()
        self.logits = torch.stack([torch.zeros_like(probability), probability.logit()], 1)

    def forward(self, _batch, **_):
        return Output(self.logits)

    single_pass = forward


def training_of(method, batch, fabric):
    training = Training.__new__(Training)
    training.fabric, training.method, training.params = fabric, method, train_params(batch_size=2)

    def shown(*_):
        yield batch

    training.feed = SimpleNamespace(frames=SimpleNamespace(val=["A/0", "A/1"]), read=shown, validation=shown)
    return training


def test_ignored_pixels_choose_neither_epoch_nor_temperature():
    """Two frames, half of each ignored; what is said there changes neither Dice nor temperature."""
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    judged = (torch.arange(32) < 16).expand(2, 32, 32)
    noise = torch.rand(2, 32, 32, generator=torch.Generator().manual_seed(0))
    batch = stub_sites.batch(2)
    batch = replace(batch, mask=torch.where(judged, (noise < 0.4).long(), 255))
    found = []
    for value in (0.01, 0.99):
        training = training_of(Says(torch.where(judged, 0.9 - 0.8 * noise, value)), batch, fabric)
        trust = measure_trust(training, {})
        found.append((trust.temperature, training.validate(""), trust.operating_point.area_share))
    assert found[0] == found[1]
    called, lesion = (0.9 - 0.8 * noise >= 0.5) & judged, batch.mask == 1
    dice = 2 * (called & lesion).flatten(1).sum(1) / (called.flatten(1).sum(1) + lesion.flatten(1).sum(1))
    assert found[0][1] == pytest.approx(float(dice.mean()))


def test_a_validation_frame_whose_lesion_vanishes_chooses_nothing():
    """Of two frames with a class one has no pixel of its lesion left; what is called in it is no false positive."""
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    p = torch.full((3, 32, 32), 0.01)
    p[0, 4:12, 4:12], p[1, 4:10, 4:10], p[2, 4:6, 4:6] = 0.8, 0.9, 0.7
    mask = torch.zeros(3, 32, 32, dtype=torch.long)
    mask[0, 4:12, 4:12] = 1
    held = mask.flatten(1).any(1, keepdim=True)
    batch = replace(stub_sites.batch(3), mask=mask, lesion_class=torch.tensor([0, 0, -1]), held=held)
    trust = measure_trust(training_of(Says(p), batch, fabric), {})
    without = replace(batch, mask=mask[[0, 2]], lesion_class=batch.lesion_class[[0, 2]], held=held[[0, 2]])
    assert trust == measure_trust(training_of(Says(p[[0, 2]]), without, fabric), {})
    healthy = replace(batch, lesion_class=torch.tensor([0, -1, -1]))
    assert trust != measure_trust(training_of(Says(p), healthy, fabric), {})


def test_where_every_validation_frame_vanishes_nothing_is_flagged_or_suppressed():
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    nothing = torch.zeros(2, 32, 32, dtype=torch.long)
    batch = replace(stub_sites.batch(2), mask=nothing, held=nothing.flatten(1).any(1, keepdim=True))
    trust = measure_trust(training_of(Says(torch.full((2, 32, 32), 0.7)), batch, fabric), {})
    assert trust == Trust(1.0, 0.0, OperatingPoint())
