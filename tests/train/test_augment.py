from dataclasses import replace

import pytest
import stub_sites
import torch

from stages.core.clip.encoder import Encoded
from stages.core.networks.interface import Batch
from stages.train import augment
from stages.train.augment import augmented


def _batch(frames=6):
    images, masks, _ = stub_sites.draw("A", frames)
    frame = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    mask = torch.from_numpy(masks).long()
    similarity = torch.nn.functional.avg_pool2d(mask.float().unsqueeze(1), 8)[:, 0]
    kept = torch.zeros(frames, 16, dtype=torch.bool).scatter(1, similarity.flatten(1).topk(4).indices, True)
    empty = frame.new_zeros(frames, 0)
    encoded = Encoded(frame.new_zeros(frames, 0, 0, 0), empty, {}, empty)
    return Batch(frame, encoded, similarity, kept.view(frames, 4, 4), mask, torch.zeros(frames, dtype=torch.long))


def test_it_is_drawn_by_the_seed_and_touches_no_other_random_number():
    batch = _batch()
    before = torch.get_rng_state()
    one, again, other = (augmented(batch, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one.frame, again.frame)
    assert torch.equal(one.mask, again.mask)
    assert not torch.equal(one.frame, other.frame)
    assert not torch.equal(one.frame, batch.frame)


def test_frames_stay_in_range_and_masks_stay_masks():
    for seed in range(5):
        found = augmented(_batch(), seed)
        assert 0 <= float(found.frame.min()) <= float(found.frame.max()) <= 1
        assert set(found.mask.unique().tolist()) <= {0, 1}
        assert found.mask.dtype == torch.long
        assert found.selected.flatten(1).sum(1).tolist() == [4] * 6


def test_the_mask_moves_with_the_frame(monkeypatch):
    """The lesion is the bright square: where the moved mask is, the moved frame is bright."""
    monkeypatch.setattr(augment, "_COLOUR", (0.0, 0.0, 0.0, 0.0))
    augment._sequence.cache_clear()
    batch = _batch(24)
    moved = augmented(batch, 3)
    augment._sequence.cache_clear()
    changed = (moved.mask != batch.mask).flatten(1).any(1)
    assert changed.any()
    grey = moved.frame.mean(1)
    seen = [frame for frame in range(24) if moved.mask[frame].sum() > 20]
    assert len(seen) > 10
    for frame in seen:
        lesion, rest = moved.mask[frame] == 1, (moved.mask[frame] == 0) & (grey[frame] > 0.05)
        assert grey[frame][lesion].mean() - grey[frame][rest].mean() > 0.2


def test_the_selection_moves_with_the_mask_and_never_outside(monkeypatch):
    batch = _batch(24)
    for seed in range(4):
        moved = augmented(batch, seed)
        cover = torch.nn.functional.avg_pool2d(moved.mask.float().unsqueeze(1), 8)[:, 0]
        for frame in range(24):
            if cover[frame].max() > 0.6:
                fullest = cover[frame].flatten().argmax()
                assert moved.selected[frame].flatten()[fullest]


@pytest.mark.parametrize("share", [0.0])
def test_without_a_draw_everything_stays(monkeypatch, share):
    monkeypatch.setattr(augment, "_SHARE", share)
    augment._sequence.cache_clear()
    batch = _batch()
    found = augmented(batch, 0)
    augment._sequence.cache_clear()
    torch.testing.assert_close(found.frame, batch.frame)
    assert torch.equal(found.mask, batch.mask)
    torch.testing.assert_close(found.similarity, batch.similarity)
    assert found.site is batch.site
    assert replace(found, frame=batch.frame, similarity=batch.similarity).lesion_class is batch.lesion_class
