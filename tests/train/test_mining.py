"""A miner tuned on stub sites, whose lesions are bright: it finds them, at a site that it has never seen, too."""

from dataclasses import replace

import numpy as np
import pytest
import stub_sites
import torch

from stages.core.metrics.regions import Quality
from stages.core.networks.data import open_sites, site_files, to_batch
from stages.core.networks.miner import Miner
from stages.train import mining
from stages.train.mining import tuned_miner


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "artifacts"
    stub_sites.write_study(folder)
    return folder


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(mining, "_STEPS", 150)


def _cases(artifacts, site):
    with open_sites({site: site_files(artifacts, site)}) as reader:
        return list(reader._readers[site]["frames"].case_ids)


def _tuned(artifacts, sites="AB", seed=0):
    with open_sites({site: site_files(artifacts, site) for site in sites}) as reader:
        cases = [case for site in sites for case in _cases(artifacts, site)]
        return tuned_miner(reader, cases, seed, torch.device("cpu"))


def _quality(artifacts, site, miner):
    quality, cases = Quality(), _cases(artifacts, site)
    with open_sites({site: site_files(artifacts, site)}) as reader:
        maps = miner.taps if miner else []
        raw = reader.read(cases, mask=True, prefix=False, features=False, maps=maps)
        batch = to_batch(raw, [-1] * len(cases), torch.device("cpu"), miner=miner)
    quality.add(batch.similarity.numpy(), batch.selected.numpy(), batch.mask.numpy())
    return quality.row()


def test_it_finds_the_lesions_of_an_unseen_site_as_well_as_the_stub_that_looks_for_brightness(artifacts, quick):
    miner = _tuned(artifacts)
    tuned, stored = _quality(artifacts, "C", miner), _quality(artifacts, "C", None)
    assert tuned["recall"] > 0.9
    assert tuned["recall"] == pytest.approx(stored["recall"], abs=0.02)
    assert tuned["auroc"] > 0.9 > 0.1 > tuned["auroc_inverted"]
    assert tuned["recall_random"] == stored["recall_random"] == pytest.approx(0.25)


def test_it_is_frozen_and_drawn_by_the_seed_alone(artifacts, quick, monkeypatch):
    monkeypatch.setattr(mining, "_STEPS", 5)
    before = torch.get_rng_state()
    one, again, other = _tuned(artifacts), _tuned(artifacts), _tuned(artifacts, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert not one.training
    assert not any(weight.requires_grad for weight in one.parameters())
    pairs = [zip(one.state_dict().values(), them.state_dict().values(), strict=True) for them in (again, other)]
    assert all(torch.equal(a, b) for a, b in pairs[0])
    assert not all(torch.equal(a, b) for a, b in pairs[1])


def test_its_statistics_are_those_of_the_places(artifacts, monkeypatch):
    monkeypatch.setattr(mining, "_STEPS", 1)
    miner = _tuned(artifacts)
    cases = _cases(artifacts, "A") + _cases(artifacts, "B")
    with open_sites({site: site_files(artifacts, site) for site in "AB"}) as reader:
        raw = reader.read(cases, mask=False, prefix=False, features=False, maps=miner.taps)
        rows = miner.places(to_batch(raw, [-1] * len(cases), torch.device("cpu")).encoded.maps)
    rows = rows.transpose(0, 1).flatten(1)
    scale = rows.std(1)
    assert (scale == 0).any()  # a channel that never speaks is left as it is, not divided by nothing
    np.testing.assert_allclose(miner.mean, rows.mean(1), atol=0.02)
    np.testing.assert_allclose(miner.std, torch.where(scale > 0, scale, 1.0), rtol=0.1)


def test_it_looks_at_the_maps_near_the_grid_and_brings_them_there(artifacts):
    with open_sites({"A": site_files(artifacts, "A")}) as reader:
        layout = reader.layout
    assert layout.grid == (stub_sites.GRID, stub_sites.GRID)
    found = mining._channels(layout)
    assert set(found) <= set(layout.map_channels)
    assert all(layout.map_sides[tap] <= 2 * stub_sites.GRID for tap in found)
    miner = Miner({"fine": 2, "same": 3, "coarse": 4}, (4, 4), 0.25)
    fine = torch.arange(64.0).view(1, 1, 8, 8).expand(1, 2, 8, 8)
    places = miner.places({"fine": fine, "same": torch.ones(1, 3, 4, 4), "coarse": torch.full((1, 4, 2, 2), 7.0)})
    assert places.shape == (1, 9, 4, 4)
    assert float(places[0, 0, 0, 0]) == (0 + 1 + 8 + 9) / 4
    assert torch.equal(places[0, 5:], torch.full((4, 4, 4), 7.0))
    similarity, selected = miner.regions(
        {"fine": fine, "same": torch.ones(1, 3, 4, 4), "coarse": torch.zeros(1, 4, 2, 2)}
    )
    assert 0 <= float(similarity.min()) <= float(similarity.max()) <= 1
    assert int(selected.sum()) == 4
    assert similarity[selected].min() >= similarity[~selected].max()


def test_the_miner_is_not_asked_about_ignored_pixels():
    """Three places: half ignored, wholly ignored, as it is; lesion is a share of what was judged."""
    batch = stub_sites.batch(1)
    mask = torch.zeros_like(batch.mask)
    mask[0, :8, :4], mask[0, :8, 4:8], mask[0, :8, 8:16], mask[0, :8, 16:20] = 1, 255, 255, 1
    logits = torch.randn(1, 4, 4, requires_grad=True)
    loss = mining._loss(logits, replace(batch, mask=mask))
    (gradient,) = torch.autograd.grad(loss, logits)
    assert gradient[0, 0, 1] == 0
    assert gradient.flatten().count_nonzero() == 15
    share, weight = torch.zeros(1, 4, 4), torch.ones(1, 4, 4)
    share[0, 0, 0], share[0, 0, 2], weight[0, 0, 0], weight[0, 0, 1] = 1, 0.5, 0.5, 0
    said = logits.sigmoid()
    entropy = -(weight * (share * said.log() + (1 - share) * (1 - said).log())).mean()
    dice = 2 * (weight * said * share).sum() / ((weight * said).sum() + (weight * share).sum()).clamp(min=1)
    torch.testing.assert_close(loss, entropy + 1 - dice)


def test_masks_without_ignored_pixels_make_the_loss_that_they_made():
    batch, logits = stub_sites.batch(6), torch.randn(6, 4, 4)
    share = torch.nn.functional.adaptive_avg_pool2d(batch.mask.float().unsqueeze(1), (4, 4))[:, 0]
    said = logits.sigmoid()
    overlap = 2 * (said * share).sum() / (said.sum() + share.sum()).clamp(min=1)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, share)
    assert torch.equal(mining._loss(logits, batch), entropy + 1 - overlap)
