"""Near views without a lesion, and as many with one."""

from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError

from mcdrl.networks.views import moved
from mcdrl.training import healthy
from mcdrl.training.healthy import with_healthy_views
from tests import stub_sites
from tests.factories import train_params

ZOOM = [1.5, 3.0]
MANY = 96


def _small_lesions(frames=MANY):
    """Frames of 64 px whose lesion is a bright square of 8 px in a corner; every fourth has none; classes 0."""
    batch = stub_sites.batch(frames)
    frame, mask = torch.full((frames, 3, 64, 64), 0.3), torch.zeros(frames, 64, 64, dtype=torch.long)
    frame[:, :, 4:12, 50:58] = 0.9
    mask[:, 4:12, 50:58] = 1
    frame[::4], mask[::4] = 0.3, 0
    lesion_class = torch.zeros(frames, dtype=torch.long).index_fill(0, torch.arange(0, frames, 4), -1)
    held = (lesion_class >= 0)[:, None].expand(-1, 254)
    return replace(batch, frame=frame, mask=mask, lesion_class=lesion_class, held=held)


def _changed(before, after):
    return (before.frame - after.frame).abs().amax((1, 2, 3)) > 0.05


def test_it_is_drawn_by_the_seed_and_touches_no_other_random_number():
    batch, state = _small_lesions(), torch.get_rng_state()
    one, again, other = (with_healthy_views(batch, 0.3, ZOOM, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(one.frame, again.frame)
    assert not torch.equal(one.mask, other.mask)


def test_a_share_loses_its_lesion_and_its_class_and_as_many_keep_it_nearer():
    batch = _small_lesions(400)
    found = with_healthy_views(batch, 0.15, ZOOM, 0)
    with_lesion = batch.lesion.flatten(1).any(1)
    lost = with_lesion & ~found.lesion.flatten(1).any(1)
    nearer = with_lesion & ~lost & (found.lesion.flatten(1).sum(1) != 64)
    assert int(lost.sum()) == int(nearer.sum()) == 60
    assert (found.lesion_class[lost] == -1).all()
    assert not found.held[lost].any()
    assert (found.lesion_class[with_lesion & ~lost] == 0).all()
    assert found.held[with_lesion & ~lost].all()
    assert float(found.frame[lost].max()) < 0.5  # nothing of the bright square is left
    assert torch.equal(found.mask[~with_lesion], batch.mask[~with_lesion])


def _large_and_small(frames=256):
    """Frames of lesions of many sizes and places; a large one is left behind from very near alone."""
    drawn, batch = torch.Generator().manual_seed(0), _small_lesions(frames)
    side = torch.randint(4, 40, (frames,), generator=drawn)
    left, top = ((torch.rand(frames, generator=drawn) * (64 - side)).long() for _ in range(2))
    place = torch.arange(64)
    across, down = (((place >= at[:, None]) & (place < (at + side)[:, None])) for at in (left, top))
    return replace(batch, mask=(down[:, :, None] & across[:, None, :]).long())


def test_nearness_tells_nothing(monkeypatch):
    """What is seen without a lesion is seen from the same distances as what is seen with one."""
    views = []
    monkeypatch.setattr(healthy, "moved", lambda batch, seen: views.append(seen) or moved(batch, seen))
    batch = _large_and_small()
    found = with_healthy_views(batch, 0.5, ZOOM, 0)
    near = 1 / views[0][:, 0, 0]
    lost = ~found.lesion.flatten(1).any(1)
    kept = ~lost & (near > 1.01)
    assert int(lost.sum()) == int(kept.sum()) > 20
    torch.testing.assert_close(near[lost].sort().values, near[kept].sort().values)
    assert near[lost].max() - near[lost].min() > 0.5


def test_frames_that_are_to_stay_do():
    batch, apart = _small_lesions(), torch.arange(MANY) % 2 == 0
    found = with_healthy_views(batch, 0.5, ZOOM, 0, apart)
    assert not _changed(batch, found)[apart].any()
    assert _changed(batch, found)[~apart].any()


def test_the_lesion_moves_with_its_pixels():
    batch = _small_lesions()
    found = with_healthy_views(batch, 0.5, ZOOM, 3)
    inside = found.frame.mean(1)[found.lesion]
    assert len(inside) > 1000
    assert float((inside > 0.6).float().mean()) > 0.97


def test_nothing_else_is_touched():
    batch = _small_lesions()
    same = with_healthy_views(batch, 0.0, ZOOM, 0)
    torch.testing.assert_close(same.frame, batch.frame, atol=1e-5, rtol=0)
    assert torch.equal(same.mask, batch.mask)
    assert torch.equal(same.lesion_class, batch.lesion_class)


def test_a_frame_without_room_beside_its_lesion_stays_as_it_is():
    batch = _small_lesions(64)
    batch.mask[:, 20:44, 20:44] = 1
    batch.mask[:, :, 30:34] = 1
    found = with_healthy_views(batch, 0.5, [1.5, 1.6], 0)
    assert found.lesion.flatten(1).any(1).all()
    assert (found.lesion_class == batch.lesion_class).all()


def test_no_view_shows_what_nobody_judged():
    batch = _small_lesions()
    batch.mask[:, 16:] = 255
    found = with_healthy_views(batch, 0.5, [1.5, 1.6], 0)
    torch.testing.assert_close(found.frame, batch.frame, atol=1e-5, rtol=0)


def test_a_fitting_view_keeps_its_distance():
    """Sums over squares are those of the pixels, and a view at the lesion's edge is refused for the margin alone."""
    truth = torch.zeros(2, 2, 64, 64, dtype=torch.bool)
    truth[:, 0, :, :16] = True
    truth[:, 1] = True
    middle = torch.tensor([[0.02, 0.0], [0.3, 0.0], [-0.5, 0.0]])  # views from 0.26, 0.4 and 0 of the side on
    without, with_lesion = (
        healthy._fitting(truth, torch.full((2, 3), 2.0), middle.expand(2, -1, -1), lesion=shown)
        for shown in (False, True)
    )
    assert without.tolist() == [[False, True, False]] * 2
    assert with_lesion.tolist() == [[False, False, True]] * 2


@pytest.mark.parametrize("mode", ["frozen", "adapter", "suffix"])
def test_modes_that_see_no_pixels_refuse_healthy_views(mode):
    with pytest.raises(ValidationError, match=f"takes the pixels in the loop, which mode {mode} hasn't: write 0, or"):
        train_params(mode=mode, healthy_share=0.1)
    assert train_params(mode="partial", healthy_share=0.1).healthy_share == 0.1
