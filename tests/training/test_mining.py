"""A miner tuned on stub sites, whose lesions are bright: it finds them, at a site that it has never seen, too."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mcdrl.artifacts.cases import CASES
from mcdrl.artifacts.frames import FRAMES
from mcdrl.base.errors import InputError
from mcdrl.networks.inputs import open_sites, read_cases, to_batch
from mcdrl.regions.quality import Quality
from mcdrl.regions.tuned import Miner
from mcdrl.study.paths import site_files
from mcdrl.training import mining
from mcdrl.training.data import Frames, split
from mcdrl.training.mining import cross_fit_folds, tuned_miners
from tests import stub_sites
from tests.factories import train_params, write_frames


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "artifacts"
    stub_sites.write_study(folder)
    return folder


def _cases(artifacts, site):
    with open_sites({site: site_files(artifacts, site)}) as reader:
        return list(reader._readers[site]["frames"].case_ids)


def _frames(artifacts, sites):
    return split(read_cases({site: site_files(artifacts, site) for site in sites}, stub_sites.LESIONS))


def _miners(artifacts, sites="AB", seed=0, **params):
    miner = train_params(miner={"steps": 6, "statistics": 3, **params}).miner
    with open_sites({site: site_files(artifacts, site) for site in sites}) as reader:
        return tuned_miners(reader, _frames(artifacts, sites), miner, seed, torch.device("cpu"))


def _tuned(artifacts, sites="AB", seed=0, **params):
    return _miners(artifacts, sites, seed, **params).whole


def _quality(artifacts, site, miner):
    quality, cases = Quality(), _cases(artifacts, site)
    with open_sites({site: site_files(artifacts, site)}) as reader:
        maps = miner.taps if miner else []
        raw = reader.read(cases, mask=True, cached=[], maps=maps)
        batch = to_batch(raw, [-1] * len(cases), torch.device("cpu"), miner=miner)
    quality.add(batch.similarity.numpy(), batch.selected.numpy(), batch.mask.numpy())
    return quality.row()


def test_it_finds_the_lesions_of_an_unseen_site_as_well_as_the_stub_that_looks_for_brightness(artifacts):
    miner = _tuned(artifacts, steps=150, statistics=50)
    tuned, stored = _quality(artifacts, "C", miner), _quality(artifacts, "C", None)
    assert tuned["recall"] > 0.9
    assert tuned["recall"] == pytest.approx(stored["recall"], abs=0.02)
    assert tuned["auroc"] > 0.9 > 0.1 > tuned["auroc_inverted"]
    assert tuned["recall_random"] == stored["recall_random"] == pytest.approx(0.25)


def test_it_is_frozen_and_drawn_by_the_seed_alone(artifacts):
    before = torch.get_rng_state()
    one, again, other = _tuned(artifacts), _tuned(artifacts), _tuned(artifacts, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert not one.training
    assert not any(weight.requires_grad for weight in one.parameters())
    pairs = [zip(one.state_dict().values(), them.state_dict().values(), strict=True) for them in (again, other)]
    assert all(torch.equal(a, b) for a, b in pairs[0])
    assert not all(torch.equal(a, b) for a, b in pairs[1])


def test_its_statistics_are_those_of_the_places(artifacts):
    miner = _tuned(artifacts, steps=1, statistics=50)
    cases = _frames(artifacts, "AB").train
    with open_sites({site: site_files(artifacts, site) for site in "AB"}) as reader:
        raw = reader.read(cases, mask=False, cached=[], maps=miner.taps)
        rows = miner.hypercolumns(to_batch(raw, [-1] * len(cases), torch.device("cpu")).encoded.maps)
    rows = rows.transpose(0, 1).flatten(1)
    scale = rows.std(1)
    assert (scale == 0).any()  # a channel that never speaks is left as it is, not divided by nothing
    np.testing.assert_allclose(miner.mean, rows.mean(1), atol=0.02)
    np.testing.assert_allclose(miner.std, torch.where(scale > 0, scale, 1.0), rtol=0.1)


def test_it_looks_at_the_maps_near_the_grid_and_brings_them_there(artifacts):
    with open_sites({"A": site_files(artifacts, "A")}) as reader:
        layout = reader.layout
    assert layout.grid == (stub_sites.GRID, stub_sites.GRID)
    found = mining._channels(layout, 2)
    assert set(found) <= set(layout.map_channels)
    assert all(layout.map_sides[tap] <= 2 * stub_sites.GRID for tap in found)
    miner = Miner({"fine": 2, "same": 3, "coarse": 4}, (4, 4), 0.25, hidden=8)
    fine = torch.arange(64.0).view(1, 1, 8, 8).expand(1, 2, 8, 8)
    places = miner.hypercolumns({"fine": fine, "same": torch.ones(1, 3, 4, 4), "coarse": torch.full((1, 4, 2, 2), 7.0)})
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
    judged = replace(batch, mask=mask)
    loss = mining._loss(logits, judged.lesion, judged.judged)
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
    assert torch.equal(mining._loss(logits, batch.lesion, batch.judged), entropy + 1 - overlap)


def _regions(artifacts, miners, sites, cases):
    """Return the similarity and the places that each of the frames is mined by."""
    with open_sites({site: site_files(artifacts, site) for site in sites}) as reader:
        raw = reader.read(cases, mask=False, cached=[], maps=miners.taps)
    batch = to_batch(raw, [-1] * len(cases), torch.device("cpu"), miner=miners.of(cases))
    return batch.similarity, batch.selected


def _poisoned(artifacts, cases):
    """Swap lesion and background in the masks of some frames of a site."""
    place = site_files(artifacts, cases[0].partition("/")[0])
    rows = CASES.read(place.cases)
    with FRAMES.read(place.frames) as store:
        images, masks = (store.rows(name, store.case_ids) for name in ("image", "mask"))
    chosen = rows["case_id"].isin(cases).to_numpy()
    masks[chosen] = masks[chosen] == 0
    write_frames(place.frames.parent, list(rows["case_id"]), images, masks)


def test_a_site_s_own_masks_do_not_touch_the_regions_of_its_own_frames(tmp_path):
    stub_sites.write_study(tmp_path)
    frames = _frames(tmp_path, "ABC")
    of = {site: [case for case in (*frames.train, *frames.val) if case.startswith(site)] for site in "ABC"}
    before = _miners(tmp_path, "ABC")
    _poisoned(tmp_path, [case for case in of["A"] if case in frames.train])
    after = _miners(tmp_path, "ABC")
    for site in "ABC":
        (one, chosen), (other, others) = (_regions(tmp_path, miners, "ABC", of[site]) for miners in (before, after))
        assert (torch.equal(one, other) and torch.equal(chosen, others)) == (site == "A")
    assert not torch.equal(before.whole.layers[0].weight, after.whole.layers[0].weight)


def test_masks_of_validation_frames_are_not_mined_by(tmp_path):
    stub_sites.write_study(tmp_path)
    frames = _frames(tmp_path, "AB")
    before = _miners(tmp_path, "AB")
    _poisoned(tmp_path, [case for case in frames.val if case.startswith("A")])
    after = _miners(tmp_path, "AB")
    pairs = zip(before.whole.state_dict().values(), after.whole.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_each_frame_of_a_batch_is_mined_by_its_own_miner(artifacts):
    miners = _miners(artifacts, "AB")
    assert set(miners.without) == {"A", "B"}
    cases = ["B/000", "A/002", "B/004", "A/000", "C/000"]
    mixed = _regions(artifacts, miners, "ABC", cases)
    for place, (case, miner) in enumerate(zip(cases, [*map(miners.without.get, "BABA"), miners.whole], strict=True)):
        with open_sites({site: site_files(artifacts, site) for site in "ABC"}) as reader:
            raw = reader.read([case], mask=False, cached=[], maps=miners.taps)
        alone = to_batch(raw, [-1], torch.device("cpu"), miner=miner)
        torch.testing.assert_close(mixed[0][place], alone.similarity[0], rtol=0, atol=1e-3)
        assert torch.equal(mixed[1][place], alone.selected[0])


def _listed(train, val=(), lesions=()):
    """Return frames named <site>/<group><number>, of which those listed have a lesion."""
    cases = [*train, *val]
    return Frames(
        list(train), list(val), {case: 0 if case in lesions else -1 for case in cases}, {},
        {case: case[:3] for case in cases},
    )  # fmt: skip


def test_folds_are_sites_where_two_have_lesions_and_groups_where_one_has():
    two = _listed(["A/a1", "A/b1", "B/a1"], ["B/c1"], lesions=["A/a1", "B/a1"])
    assert cross_fit_folds(two, 4) == {"A/a1": "A", "A/b1": "A", "B/a1": "B", "B/c1": "B"}
    assert cross_fit_folds(replace(two, unlabelled=["B/d1"]), 4)["B/d1"] == "B"
    one = _listed(["A/a1", "A/a2", "A/b1", "A/c1", "B/a1"], ["A/d1"], lesions=["A/a1", "A/c1", "A/d1"])
    folds = cross_fit_folds(one, 4)
    assert "A/d1" not in folds  # nothing of its group is fitted on
    assert folds["A/a1"] == folds["A/a2"] != folds["A/c1"]
    assert len(set(folds.values())) == 2
    many = _listed([f"A/{letter}1" for letter in "abcdefgh"], lesions=[f"A/{letter}1" for letter in "abcdefgh"])
    assert sorted(cross_fit_folds(many, 4).values()) == [f"fold {number}" for number in (0, 0, 1, 1, 2, 2, 3, 3)]


def test_a_single_group_with_lesions_is_refused():
    frames = _listed(["A/a1", "A/a2", "B/a1"], lesions=["A/a1", "A/a2"])
    with pytest.raises(InputError, match=r"source_tuned, but all .* one group of one site.*use zero_shot"):
        cross_fit_folds(frames, 4)


def test_a_single_site_is_mined_across_its_groups(tmp_path):
    stub_sites.write_study(tmp_path)
    miners, frames = _miners(tmp_path, "A"), _frames(tmp_path, "A")
    fold = miners.fold[frames.train[0]]
    own = [case for case in frames.train if miners.fold[case] == fold]
    before = _regions(tmp_path, miners, "A", own)
    _poisoned(tmp_path, own)
    after = _regions(tmp_path, _miners(tmp_path, "A"), "A", own)
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert miners.of(frames.val).miners == [miners.whole] * len(frames.val)


@pytest.mark.parametrize("small", ["A", "B"])
def test_a_miner_beside_a_site_with_nearly_all_frames_sees_as_many_batches_as_half(small):
    large = "AB".replace(small, "")
    cases = [f"{large}/{number}" for number in range(20_000)] + [f"{small}/0", f"{small}/1"]
    fold = {case: case[0] for case in cases}
    drawn = mining._ordered(cases, fold, 16, 0, 50)
    shared, own = drawn[:50], drawn[50:]
    assert [one.cases for one in shared] == mining._batches(cases, 16, 0, 50)
    assert all(one.alone is None for one in shared)
    assert {one.alone for one in own} == {large}
    seen = {left_out: sum(bool(_sees(left_out, one)) for one in drawn) for left_out in ("A", "B", None)}
    assert seen == {large: 25, small: 50, None: 50}
    assert all(set(one.folds) == {small} for one in own)


def _sees(left_out, drawn):
    return mining._Fit(None, None, left_out).sees(drawn)


def test_sites_of_like_size_need_no_further_batches():
    cases = [f"{site}/{number}" for site in "ABC" for number in range(100)]
    assert len(mining._ordered(cases, {case: case[0] for case in cases}, 16, 0, 50)) == 50


def test_a_tiny_site_beside_a_large_one_gives_finite_statistics(tmp_path):
    params = train_params(miner={"steps": 2, "statistics": 2, "batch_size": 1}).miner
    stub_sites.write_study(tmp_path)
    whole = _frames(tmp_path, "AB")
    rare = next(case for case in whole.train if case.startswith("B") and whole.class_index[case] >= 0)
    frames = replace(whole, train=[case for case in whole.train if case.startswith("A") or case == rare])
    with open_sites({site: site_files(tmp_path, site) for site in "AB"}) as reader:
        for seed in range(4):
            miners = tuned_miners(reader, frames, params, seed, torch.device("cpu"))
            for miner in (miners.whole, *miners.without.values()):
                assert miner.mean.isfinite().all()
                assert miner.std.isfinite().all()


def test_maps_that_are_not_finite_are_refused(artifacts, monkeypatch):
    columns = Miner.hypercolumns
    monkeypatch.setattr(Miner, "hypercolumns", lambda miner, maps: columns(miner, maps) * float("nan"))
    with pytest.raises(InputError, match=r"source_tuned, but maps .* hold infinity or NaN; run `dvc repro -f encode`"):
        _miners(artifacts)
