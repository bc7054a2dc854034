"""Views of frames with a bright lesion: what is moved, where it goes, and what the sum over views says of it."""

import math
from dataclasses import replace

import pytest
import torch

from mcdrl.networks.interface import Output
from mcdrl.networks.views import _looked_at, _summed_views, moved, placed, summed, viewed
from mcdrl.regions.grid import best_places
from tests import stub_sites


def _views(count, zoom=1.0, turn=0.0, shift=(0.0, 0.0), stretch=1.0):
    filled = [torch.full((count,), value) for value in (zoom, turn, stretch)]
    return placed(filled[0], filled[1], torch.tensor(shift).expand(count, 2), filled[2])


def test_the_view_that_changes_nothing_changes_nothing():
    batch = stub_sites.batch()
    same = moved(batch, _views(6))
    torch.testing.assert_close(same.frame, batch.frame, atol=1e-5, rtol=0)
    assert torch.equal(same.mask, batch.mask)
    assert torch.equal(same.selected, best_places(batch.similarity.half().float(), 4))
    torch.testing.assert_close(same.similarity, batch.similarity)
    assert same.site is batch.site
    assert same.lesion_class is batch.lesion_class


def test_a_near_view_enlarges_and_a_far_one_shrinks_what_is_in_the_middle():
    batch = stub_sites.batch(1)
    mask = torch.zeros_like(batch.mask)
    mask[0, 12:20, 12:20] = 1
    for zoom in (0.5, 2.0):
        seen = moved(replace(batch, mask=mask), _views(1, zoom)).mask
        assert int(seen.sum()) == pytest.approx(64 * zoom**2, rel=0.1)
    shown = moved(batch, _views(1, 0.5)).frame[0]
    assert shown[:, :8].max() == shown[:, :, :8].max() == 0  # from outside: black


def test_a_quarter_turn_and_a_shift_go_where_they_say():
    batch = stub_sites.batch(2)
    turned = moved(batch, _views(2, turn=math.pi / 2))
    torch.testing.assert_close(turned.frame, torch.rot90(batch.frame, 1, (2, 3)), atol=1e-4, rtol=0)
    assert torch.equal(turned.mask, torch.rot90(batch.mask, 1, (1, 2)))
    aside = moved(batch, _views(2, shift=(0.5, 0.0)))  # half of a half side
    torch.testing.assert_close(aside.frame[..., :24], batch.frame[..., 8:], atol=1e-5, rtol=0)


def test_the_selection_follows_the_lesion_and_never_leaves_the_frame():
    batch = stub_sites.batch(24)
    for turn, zoom in ((0.4, 0.75), (-0.3, 1.3)):
        seen = moved(batch, _views(24, zoom, turn))
        assert seen.selected.flatten(1).sum(1).tolist() == [4] * 24
        cover = torch.nn.functional.avg_pool2d(seen.mask.float().unsqueeze(1), 8)[:, 0]
        full = cover.flatten(1).max(1)
        for frame in torch.nonzero(full.values > 0.6)[:, 0]:
            assert seen.selected[frame].flatten()[full.indices[frame]]
    outside = moved(batch, _views(24, 0.4)).selected
    assert not outside[:, 0].any()
    assert not outside[:, :, 3].any()


def _by_brightness(batch):
    lesion = 12 * (batch.frame.mean(1, keepdim=True) - 0.6)
    return Output(torch.cat([torch.zeros_like(lesion), lesion], 1), image_embedding=batch.frame.mean((2, 3)))


def test_the_sum_of_an_answer_that_goes_with_the_frame_is_that_answer():
    """A network that looks at single pixels says the same from everywhere, up to what the views blur."""
    batch = stub_sites.batch()
    plain = _by_brightness(batch)
    mirrored = summed(_by_brightness, batch, ["mirror"], zoom=1.2)
    torch.testing.assert_close(mirrored.logits.softmax(1), plain.logits.softmax(1), atol=1e-4, rtol=0)
    assert torch.equal(mirrored.image_embedding, plain.image_embedding)
    far = summed(_by_brightness, batch, ["distance"], zoom=1.2).logits.softmax(1)[:, 1] > 0.5
    truth = batch.mask.bool()
    assert (far & truth).sum() * 2 / (far.sum() + truth.sum()) > 0.9


def test_the_sum_is_the_mean_of_the_answers_each_brought_back():
    """A network that calls the left half lesion is averaged to one half by its mirror image."""

    def left(batch):
        lesion = torch.full_like(batch.frame[:, :1], -20.0)
        lesion[..., :16] = 20.0
        return Output(torch.cat([torch.zeros_like(lesion), lesion], 1))

    found = summed(left, stub_sites.batch(), ["mirror"], zoom=1.2).logits.softmax(1)[:, 1]
    torch.testing.assert_close(found, torch.full_like(found, 0.5), atol=1e-3, rtol=0)


def test_a_pixel_is_averaged_over_the_views_that_show_it():
    def always(batch):
        lesion = torch.full_like(batch.frame[:, :1], 20.0)
        return Output(torch.cat([torch.zeros_like(lesion), lesion], 1))

    found = summed(always, stub_sites.batch(), ["mirror", "distance"], zoom=1.2).logits.softmax(1)[:, 1]
    assert found.min() > 0.999  # the near view doesn't show the rim, which doesn't count as no lesion


def test_no_family_is_no_sum():
    batch = stub_sites.batch()
    torch.testing.assert_close(
        summed(_by_brightness, batch, [], zoom=1.2).logits.softmax(1), _by_brightness(batch).logits.softmax(1)
    )
    assert len(_summed_views(["mirror", "distance"], 1.2, batch.frame)) == 5


def test_the_places_are_those_of_affine_grid_and_autocast_leaves_them_alone():
    views, grid = _views(3, 1.3, 0.4, (0.1, -0.2), 1.1), torch.rand(3, 2, 20, 12)
    expected = torch.nn.functional.affine_grid(views, list(grid.shape), align_corners=False)
    torch.testing.assert_close(_looked_at(grid, views), expected, atol=1e-6, rtol=0)
    batch = stub_sites.batch()
    with torch.autocast("cpu", torch.bfloat16):
        seen = moved(batch, _views(6, 1.3, 0.4))
    assert torch.equal(seen.frame, moved(batch, _views(6, 1.3, 0.4)).frame)
    assert torch.equal(seen.selected, moved(batch, _views(6, 1.3, 0.4)).selected)


def test_regions_stay_with_the_frame_where_its_side_is_no_multiple_of_the_grid():
    similarity = torch.rand(4, 7, 7, generator=torch.Generator().manual_seed(0)).half().float()
    selected = best_places(similarity, 12)
    batch = replace(stub_sites.batch(4), similarity=similarity, selected=selected, kept=12)
    assert torch.equal(moved(batch, _views(4)).selected, selected)
    mirrored = moved(batch, _views(4) * torch.tensor([-1.0, 1.0, 1.0]))
    assert torch.equal(mirrored.selected, selected.flip(2))


def test_places_from_outside_are_mined_last_even_where_a_background_was_subtracted():
    batch = stub_sites.batch(2)
    least = replace(
        batch, similarity=torch.full_like(batch.similarity, -1.5), selected=torch.ones_like(batch.selected), kept=16
    )
    seen = moved(least, _views(2, zoom=0.5))
    inside = viewed(torch.ones_like(seen.similarity).unsqueeze(1), _views(2, zoom=0.5))[:, 0] >= 0.5
    assert seen.similarity[inside].min() > seen.similarity[~inside].max()


def test_ignored_pixels_go_where_the_frame_goes():
    batch = stub_sites.batch(4)
    ignored = torch.zeros(4, 32, 32, dtype=torch.bool)
    ignored[:, 8:16, 4:12] = True
    masked = replace(batch, mask=torch.where(ignored, 255, batch.mask))
    turned = moved(masked, _views(4, turn=math.pi / 2)).mask
    assert torch.equal(turned, torch.rot90(masked.mask, 1, (1, 2)))
    near = moved(masked, _views(4, 1.7, 0.3)).mask
    assert set(near.unique().tolist()) == {0, 1, 255}
    far = moved(masked, _views(4, 0.5)).mask
    assert (far == 255).flatten(1).sum(1).tolist() == [16] * 4  # and outside of the frame nothing is ignored
