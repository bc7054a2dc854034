from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError

from mcdrl.training import augment
from mcdrl.training.augment import augmented
from tests import stub_sites
from tests.factories import train_params

BOTH = ["viewpoint", "colour"]
PARAMS = train_params().augment


def test_it_is_drawn_by_the_seed_and_touches_no_other_random_number():
    batch = stub_sites.batch()
    before = torch.get_rng_state()
    one, again, other = (augmented(batch, BOTH, seed, PARAMS) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one.frame, again.frame)
    assert torch.equal(one.mask, again.mask)
    assert not torch.equal(one.frame, other.frame)
    assert not torch.equal(one.frame, batch.frame)


def test_frames_stay_in_range_and_masks_stay_masks():
    for seed in range(5):
        found = augmented(stub_sites.batch(), BOTH, seed, PARAMS)
        assert 0 <= float(found.frame.min()) <= float(found.frame.max()) <= 1
        assert set(found.mask.unique().tolist()) <= {0, 1}
        assert found.mask.dtype == torch.long
        assert found.selected.flatten(1).sum(1).tolist() == [4] * 6


def test_the_mask_moves_with_the_frame():
    """The lesion is the bright square: where the moved mask is, the moved frame is bright."""
    batch = stub_sites.batch(24)
    moved = augmented(batch, ["viewpoint"], 3, PARAMS)
    changed = (moved.mask != batch.mask).flatten(1).any(1)
    assert 10 < changed.sum() < 24  # one frame in eight stays as it is, and some have no lesion
    grey = moved.frame.mean(1)
    seen = [frame for frame in range(24) if moved.mask[frame].sum() > 20]
    assert len(seen) > 10
    for frame in seen:
        lesion, rest = moved.mask[frame] == 1, (moved.mask[frame] == 0) & (grey[frame] > 0.05)
        assert grey[frame][lesion].mean() - grey[frame][rest].mean() > 0.2


def test_a_family_varies_what_it_is_named_for_alone():
    batch = stub_sites.batch()
    still = augmented(batch, [], 0, PARAMS)
    assert torch.equal(still.frame, batch.frame)
    coloured = augmented(batch, ["colour"], 0, PARAMS)
    assert torch.equal(coloured.mask, batch.mask)
    assert torch.equal(coloured.selected, batch.selected)
    assert not torch.equal(coloured.frame, batch.frame)


def test_colours_of_another_site_go_to_a_share_of_the_frames_and_to_no_mask():
    batch = stub_sites.batch(64)
    batch = replace(batch, site=torch.arange(64) % 2)
    dark = torch.where(batch.site[:, None, None, None] == 1, 0.4, 1.0)
    batch = replace(batch, frame=batch.frame * dark)
    found = augmented(batch, ["site_colours"], 3, train_params(augment={"site_colours_share": 0.5}).augment)
    changed = (found.frame != batch.frame).flatten(1).any(1)
    assert 20 < int(changed.sum()) < 44
    assert torch.equal(found.mask, batch.mask)
    brighter = (found.frame.mean((1, 2, 3)) > batch.frame.mean((1, 2, 3)))[changed]
    assert torch.equal(brighter, batch.site[changed] == 1)  # the dark site's frames take the bright one's colours
    same = augmented(batch, ["site_colours"], 3, train_params(augment={"site_colours_share": 0.0}).augment)
    assert torch.equal(same.frame, batch.frame)


@pytest.mark.parametrize("site", [None, torch.zeros(6, dtype=torch.long)])
def test_where_there_is_no_other_site_colours_stay(site):
    batch = replace(stub_sites.batch(), site=site)
    assert torch.equal(augmented(batch, ["site_colours"], 0, PARAMS).frame, batch.frame)


def test_other_families_are_drawn_as_without_it():
    batch = replace(stub_sites.batch(), site=torch.arange(6) % 2)
    one, other = (augmented(batch, [*more, "viewpoint"], 1, PARAMS) for more in ([], ["site_colours"]))
    assert torch.equal(one.mask, other.mask)


def test_the_drawn_views_keep_their_limits_and_use_them():
    torch.manual_seed(0)
    views = augment._drawn_views(4000, PARAMS)
    same = (views == torch.eye(2, 3)).flatten(1).all(1)
    assert abs(float(same.float().mean()) - 0.125) < 0.02
    there = views[~same]
    area = there[:, :, :2].det()
    assert abs(float((area < 0).float().mean()) - 0.5) < 0.05  # mirrored along one axis
    assert 0.38 < area.abs().min() < 0.5  # 1 / 1.45^2 and a stretch
    assert 2.0 < area.abs().max() < 2.5
    assert 0.145 < there[:, :, 2].abs().max() <= 0.15
    nearer = area.abs() < 1
    assert 0.4 < float(nearer.float().mean()) < 0.6


@pytest.mark.parametrize(
    "change",
    [
        {"view_share": 0.1}, {"zoom": [1.0, 1.1]}, {"turn": 0.0}, {"shift": 0.0}, {"stretch": 0.0},
        {"colour_share": 0.0}, {"brightness": 0.0}, {"contrast": 0.0}, {"saturation": 0.0}, {"hue": 0.0},
    ],
)  # fmt: skip
def test_every_limit_counts(change):
    batch = stub_sites.batch()
    other = train_params(augment=change).augment
    assert not torch.equal(augmented(batch, BOTH, 1, other).frame, augmented(batch, BOTH, 1, PARAMS).frame)


def test_a_zoom_that_falls_is_refused():
    with pytest.raises(ValidationError, match="write the least zoom first"):
        train_params(augment={"zoom": [1.4, 0.7]})
    with pytest.raises(ValidationError, match="write the least zoom first"):
        train_params(augment={"healthy_zoom": [3.0, 1.5]})
