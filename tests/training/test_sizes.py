"""Steps at another side: all that lies on a frame goes with it."""

from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError

from mcdrl.base.errors import InputError
from mcdrl.model.resampling import resized
from mcdrl.networks.trunk import EndToEnd, PixelsOnly
from mcdrl.training.sizes import at_side, check_sides, drawn_side
from tests import stub_sites
from tests.factories import train_params


def test_sides_have_even_chances_and_equal_places_give_equal_ones():
    drawn = [drawn_side(224, [160, 320], "train", 0, step) for step in range(900)]
    assert {side: drawn.count(side) > 250 for side in (160, 224, 320)} == {160: True, 224: True, 320: True}
    assert drawn == [drawn_side(224, [160, 320], "train", 0, step) for step in range(900)]
    assert drawn != [drawn_side(224, [160, 320], "train", 1, step) for step in range(900)]
    assert {drawn_side(224, [], "train", 0, step) for step in range(9)} == {224}


@pytest.mark.parametrize("side_px", [16, 64, 96])
def test_frame_mask_and_regions_go_to_the_side_together(side_px):
    batch = stub_sites.batch()
    batch.mask[:, :4] = 255
    found = at_side(batch, side_px, 0.25)
    torch.testing.assert_close(found.frame, resized(batch.frame, side_px, "bicubic").clamp(0, 1))
    assert found.encoder_px == side_px
    assert found.mask.shape == (6, side_px, side_px)
    assert found.mask.dtype == torch.long
    share = side_px / stub_sites.SIDE
    for value in (0, 1, 255):
        assert int((found.mask == value).sum()) == pytest.approx(share**2 * int((batch.mask == value).sum()), rel=0.15)
    inside = found.frame.mean(1)[found.lesion]
    assert float(inside.mean()) - float(found.frame.mean(1)[found.mask == 0].mean()) > 0.2  # the lesion is bright
    grid = round(stub_sites.GRID * share)
    assert found.similarity.shape == found.selected.shape == (6, grid, grid)
    assert found.selected.flatten(1).sum(1).tolist() == [found.kept] * 6 == [round(0.25 * grid**2)] * 6
    on, off = (found.similarity[found.selected == chosen].mean() for chosen in (True, False))
    assert on > off


def test_a_mask_twice_as_large_repeats_its_pixels():
    batch = stub_sites.batch()
    found = at_side(batch, 2 * stub_sites.SIDE, 0.25).mask
    assert torch.equal(found, batch.mask.repeat_interleave(2, 1).repeat_interleave(2, 2))


def test_at_their_own_side_frames_are_the_same():
    batch = stub_sites.batch()
    assert at_side(batch, stub_sites.SIDE, 0.25) is batch


def _trunk(**given):
    return EndToEnd(stub_sites.StubLowerBlocks(), stub_sites.StubUpperBlocks(), size_px=32, **given)


def test_encoders_that_take_no_other_side_are_refused():
    for trunk in (_trunk(resizes=True), PixelsOnly()):
        check_sides(trunk, 32, [64])
    check_sides(_trunk(), 32, [])
    with pytest.raises(InputError, match=r"at 64, 96 px beside: the backbone takes frames of 32 px alone; write train"):
        check_sides(_trunk(), 32, [64, 96])
    with pytest.raises(InputError, match="the backbone sees frames of 64 px at 32 px"):
        check_sides(_trunk(resizes=True), 64, [96])


@pytest.mark.parametrize("sides", [[100], [0], [2048], [64, 64], [64.0], list(range(32, 320, 32))])
def test_what_fits_no_stride_is_refused(sides):
    with pytest.raises(ValidationError, match="further_sizes_px"):
        train_params(mode="partial", further_sizes_px=sides)


@pytest.mark.parametrize("mode", ["frozen", "adapter", "suffix"])
def test_modes_that_see_no_pixels_have_one_side(mode):
    with pytest.raises(ValidationError, match=rf"further_sizes_px \[64\] takes the .* mode {mode} .* write \[\],"):
        train_params(mode=mode, further_sizes_px=[64])


def test_similarity_stays_what_can_be_stored():
    batch = replace(stub_sites.batch(), similarity=torch.rand(6, 4, 4, generator=torch.Generator().manual_seed(0)))
    found = at_side(batch, 64, 0.25).similarity
    assert torch.equal(found, found.half().float())


def test_a_lesion_that_a_smaller_side_loses_is_known_to_be_there():
    batch = stub_sites.batch(2)
    mask = torch.zeros_like(batch.mask)
    mask[0, 2, 2], mask[1, :16, :16] = 1, 1
    batch = replace(batch, mask=mask, held=torch.tensor([[True], [True]]))
    smaller = at_side(batch, 16, 0.5)
    assert smaller.lesion.flatten(1).any(1).tolist() == [False, True]
    assert smaller.vanished.tolist() == [True, False]
    assert at_side(replace(batch, held=None), 16, 0.5).held is None
