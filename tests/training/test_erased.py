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
    assert int(lost.sum()) == int(patched.sum()) == 100
    assert changed[batch.lesion & lost[:, None, None]].all()
    assert not changed[batch.lesion & patched[:, None, None]].any()
    assert sorted(changed[lost].sum((1, 2)).tolist()) == sorted(changed[patched].sum((1, 2)).tolist())
    assert (found.lesion_class[lost] == -1).all()
    assert not found.held[lost].any()
    assert torch.equal(found.lesion_class[~lost], batch.lesion_class[~lost])
    assert torch.equal(found.mask[~lost], batch.mask[~lost])
    assert not changed[~had].any()


@pytest.mark.parametrize(("count", "share", "expected"), [(3, 0.5, 1), (8, 0.25, 2), (8, 0.5, 4), (1, 0.5, 0)])
def test_no_more_than_asked_for_and_each_with_another(count, share, expected):
    batch = _small_lesions(2 * count)
    batch = replace(batch, **{name: getattr(batch, name)[1::2] for name in ("frame", "mask", "lesion_class", "held")})
    found = with_erased_lesions(batch, share, 0)
    assert int((_with_lesion(batch) & ~_with_lesion(found)).sum()) == expected


def test_a_small_share_is_met_in_the_long_run():
    batch = _small_lesions(16)
    lost = [
        int((_with_lesion(batch) & ~_with_lesion(with_erased_lesions(batch, 0.1, seed))).sum()) for seed in range(60)
    ]
    assert set(lost) == {1, 2}
    assert sum(lost) / 60 / 16 == pytest.approx(0.1, abs=0.02)


def test_a_cover_goes_on_as_the_tissue_around_it_does():
    """Where colours change evenly, a patch from anywhere in the frame leaves what would be there without a lesion."""
    batch = _small_lesions()
    batch.frame[:, :, 6, 40:54] = 1.0  # a highlight at the rim, of which nothing spreads
    found = with_erased_lesions(batch, 0.5, 0)
    lost = _with_lesion(batch) & ~_with_lesion(found)
    assert int(lost.sum()) > 50
    assert float((found.frame - _slope())[lost][:, :, 7:].abs().max()) < 0.02
    others = ~lost & _changed(batch, found).flatten(1).any(1)
    beside = (found.frame[others] - batch.frame[others]).abs()
    assert int(others.sum()) > 50
    assert float(beside.max()) < 0.04  # in a corner the tissue goes on from two sides alone


def test_the_rim_of_a_lesion_beyond_its_mask_goes_too():
    batch = _small_lesions(64)
    batch.frame[:, :, 7:15, 43:51] = torch.where(
        _with_lesion(batch)[:, None, None, None], 0.95, batch.frame[:, :, 7:15, 43:51]
    )
    found = with_erased_lesions(batch, 0.5, 0)
    lost = _with_lesion(batch) & ~_with_lesion(found)
    assert int(lost.sum()) > 5
    assert float(found.frame[lost].max()) < 0.7


@pytest.mark.parametrize("side", [64, 68, 224])
def test_lesions_at_the_edge_are_covered_by_nothing_but_when_they_are_erased(side):
    """A patch keeps its shape, wherever it is laid, and its tissue is of the frame."""
    frames, generator = 32, torch.Generator().manual_seed(0)
    batch, px = stub_sites.batch(frames), side // 64
    frame, mask = (
        0.3 + 0.4 * torch.rand(frames, 3, side, side, generator=generator),
        torch.zeros(frames, side, side).long(),
    )
    for at in range(frames):
        low = (at % 8) * 7 * px
        places = [
            (slice(0, 10 * px), slice(low, low + 12 * px)),
            (slice(low, low + 12 * px), slice(side - 10 * px, side)),
        ]
        mask[at][places[at % 2]] = 1
    batch = replace(batch, frame=frame, mask=mask, lesion_class=torch.zeros(frames).long(), held=None)
    found = with_erased_lesions(batch, 0.5, 0)
    changed, lost = _changed(batch, found), ~_with_lesion(found)
    assert int(lost.sum()) > 3
    assert not (changed & batch.lesion)[~lost].any()
    covers, patches = (changed[part].flatten(1).sum(1) for part in (lost, ~lost))
    assert sorted(covers.tolist()) == sorted(patches[patches > 0].tolist())
    alike = (found.frame[..., 1:] - found.frame[..., :-1]).abs().amax(1) < 1e-4  # an edge that is drawn out repeats
    assert not (alike & changed[..., 1:]).any()


def test_texture_comes_from_elsewhere_in_the_frame():
    """What covers a lesion has the grain of the tissue, not the smoothness of what is filled in."""
    batch = _small_lesions(64)
    grain = 0.05 * torch.randn(64, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    found = with_erased_lesions(replace(batch, frame=batch.frame + grain), 0.5, 0)
    lost = _with_lesion(batch) & ~_with_lesion(found)
    inside = (found.frame - _slope())[lost][:, :, 8:14, 44:50]
    assert float(inside.std()) == pytest.approx(0.05, abs=0.012)


def test_a_dark_border_stays_and_gives_nothing():
    batch = _small_lesions(64)
    batch.frame[:, :, :8], batch.frame[:, :, 30:] = 0.02, 0.02
    found = with_erased_lesions(batch, 0.5, 0)
    lost = _with_lesion(batch) & ~_with_lesion(found)
    assert int(lost.sum()) > 5
    assert float(found.frame[lost][:, :, 8:30].min()) > 0.2
    assert float(found.frame[:, :, :8].max()) < 0.03
    assert float(found.frame[:, :, 30:].max()) < 0.03


def test_what_nobody_judged_gives_nothing():
    batch = _small_lesions(64)
    batch.frame[:, :, 24::2] = 0.9
    batch.mask[:, 24:] = 255
    found = with_erased_lesions(batch, 0.5, 0)
    lost = _with_lesion(batch) & ~_with_lesion(found)
    assert int(lost.sum()) > 5
    assert float((found.frame - _slope())[lost][:, :, :23].abs().max()) < 0.02  # no stripes
    assert not _changed(batch, found)[:, 24:].any()


def test_a_lesion_that_was_judged_in_part_stays():
    batch = _small_lesions(64)
    batch.mask[:, :, 47:] = 255
    found = with_erased_lesions(batch, 0.5, 0)
    assert torch.equal(found.mask, batch.mask)
    assert torch.equal(found.lesion_class, batch.lesion_class)


def test_reach_goes_with_the_frame():
    """Frames of four times the side lose the same lesions."""
    small, large = _small_lesions(64), _small_lesions(64)
    frame, mask = (getattr(large, name).repeat_interleave(4, -1).repeat_interleave(4, -2) for name in ("frame", "mask"))
    large = replace(large, frame=frame, mask=mask)
    found = [_with_lesion(with_erased_lesions(batch, 0.5, 0)) for batch in (small, large)]
    assert torch.equal(*found)


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
