"""Lesions covered by tissue of their frame, and patches beside others."""

from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError

from mcdrl.training.erased import with_erased_lesions
from tests import stub_sites
from tests.factories import train_params

MANY = 400
SIDE = 64


def _slope():
    """A frame of tissue that gets brighter from corner to corner, [3, S, S]."""
    along = torch.linspace(0.3, 0.6, SIDE)
    return ((along[:, None] + along[None]) / 2).expand(3, -1, -1) * torch.tensor([1.0, 0.8, 0.7])[:, None, None]


def _small_lesions(frames=MANY):
    """Frames whose lesion is a bright square of 6 px near a corner; every fourth has none; classes 0."""
    batch = stub_sites.batch(frames)
    frame, mask = _slope().repeat(frames, 1, 1, 1), torch.zeros(frames, SIDE, SIDE, dtype=torch.long)
    frame[:, :, 8:14, 44:50] = 0.95
    mask[:, 8:14, 44:50] = 1
    frame[::4], mask[::4] = _slope(), 0
    lesion_class = torch.zeros(frames, dtype=torch.long).index_fill(0, torch.arange(0, frames, 4), -1)
    held = (lesion_class >= 0)[:, None].expand(-1, 254)
    return replace(batch, frame=frame, mask=mask, lesion_class=lesion_class, held=held)


def _changed(before, after):
    return ((before.frame - after.frame).abs() > 0).any(1)


def _with_lesion(batch):
    return batch.lesion.flatten(1).any(1)


def test_it_is_drawn_by_the_seed_and_touches_no_other_random_number():
    batch, state = _small_lesions(), torch.get_rng_state()
    one, again, other = (with_erased_lesions(batch, 0.3, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(one.frame, again.frame)
    assert not torch.equal(one.mask, other.mask)


def test_a_share_loses_its_lesion_and_its_class_and_as_many_get_a_patch_beside_it():
    batch = _small_lesions()
    batch = replace(batch, frame=batch.frame + 0.02 * torch.rand(batch.frame.shape))  # so that a patch shows
    found = with_erased_lesions(batch, 0.25, 0)
    changed, had = _changed(batch, found), _with_lesion(batch)
    lost = had & ~_with_lesion(found)
    patched = changed.flatten(1).any(1) & ~lost
    assert abs(int(lost.sum()) / 300 - 0.25) < 0.07
    assert abs(int(patched.sum()) / 300 - 0.2) < 0.07  # a quarter of their neighbours has no lesion to give a shape
    assert changed[batch.lesion & lost[:, None, None]].all()
    assert not changed[batch.lesion & patched[:, None, None]].any()
    assert (found.lesion_class[lost] == -1).all()
    assert not found.held[lost].any()
    assert torch.equal(found.lesion_class[~lost], batch.lesion_class[~lost])
    assert torch.equal(found.mask[~lost], batch.mask[~lost])
    assert not changed[~had].any()


def test_a_cover_goes_on_as_the_tissue_around_it_does():
    """Where colours change evenly, a patch from anywhere in the frame leaves what would be there without a lesion."""
    batch = _small_lesions()
    found = with_erased_lesions(batch, 0.5, 0)
    lost = _with_lesion(batch) & ~_with_lesion(found)
    assert int(lost.sum()) > 50
    assert float((found.frame[lost] - _slope()).abs().max()) < 0.02
    others = ~lost & _changed(batch, found).flatten(1).any(1)
    beside = (found.frame[others] - batch.frame[others]).abs()
    assert int(others.sum()) > 50
    assert float(beside.max()) < 0.02


def test_texture_comes_from_elsewhere_in_the_frame():
    """What covers a lesion has the grain of the tissue, not the smoothness of what is filled in."""
    batch = _small_lesions(64)
    grain = 0.05 * torch.randn(64, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    found = with_erased_lesions(replace(batch, frame=batch.frame + grain), 0.5, 0)
    lost = _with_lesion(batch) & ~_with_lesion(found)
    inside = (found.frame - _slope())[lost][:, :, 8:14, 44:50]
    assert float(inside.std()) == pytest.approx(0.05, abs=0.012)


def test_nothing_is_taken_from_what_is_dark_or_not_judged():
    batch = _small_lesions(64)
    batch.frame[:, :, 32:] = 0.02
    batch.mask[:, 20:32] = 255
    found = with_erased_lesions(batch, 0.5, 0)
    lost = _with_lesion(batch) & ~_with_lesion(found)
    assert int(lost.sum()) > 5
    assert float(found.frame[lost][:, :, :20].min()) > 0.2


@pytest.mark.parametrize("where", [(slice(0, SIDE), slice(0, 40)), (slice(16, 48), slice(16, 48))])
def test_a_frame_without_room_stays_as_it_is(where):
    batch = _small_lesions(32)
    batch.mask[:, where[0], where[1]] = 1
    found = with_erased_lesions(batch, 0.5, 0)
    assert torch.equal(found.frame, batch.frame)
    assert torch.equal(found.mask, batch.mask)
    assert torch.equal(found.lesion_class, batch.lesion_class)


@pytest.mark.parametrize("share", [0.0, 1e-9])
def test_nobody_is_drawn(share):
    batch = _small_lesions(16)
    found = with_erased_lesions(batch, share, 0)
    assert torch.equal(found.frame, batch.frame)


@pytest.mark.parametrize("mode", ["frozen", "adapter", "suffix"])
def test_modes_that_see_no_pixels_refuse_it(mode):
    with pytest.raises(ValidationError, match=f"takes the pixels in the loop, which mode {mode} hasn't: write 0, or"):
        train_params(mode=mode, erased_share=0.1)
    assert train_params(mode="partial", erased_share=0.1).erased_share == 0.1
