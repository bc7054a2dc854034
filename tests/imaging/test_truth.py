"""Masks of one frame over one another: every lesion stays visible, whatever its class and the order of the files."""

import numpy as np
import pytest
from PIL import Image

from mcdrl.base.issues import RefusedError
from mcdrl.imaging.recipe import ReadingRecipe
from mcdrl.imaging.truth import Truth, read_mask, union


def rows(text):
    """Labels; an x is what nobody judged."""
    return np.array([[255 if cell == "x" else int(cell) for cell in line] for line in text.split()], np.uint8)


def laid(*masks):
    found = union([Truth(Image.fromarray(rows(one))) for one in masks])
    return np.asarray(found.labels), found.overlap_px


SMALL = "00000000 01100000 01100000 00000000"
LARGE = "22220000 22220000 22220000 00000000"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("swap", [False, True])
def test_a_small_lesion_on_a_large_one_stays_visible_in_either_order_of_files_and_classes(order, swap):
    small, large = (one.translate(str.maketrans("12", "21")) if swap else one for one in (SMALL, LARGE))
    labels, overlap_px = laid(*((small, large)[index] for index in order))
    wanted = np.where(rows(SMALL) > 0, rows(small), rows(large))
    assert np.array_equal(labels, wanted)
    assert overlap_px == 4


def test_a_lesion_is_what_hangs_together_not_all_of_its_class():
    """All of class 1 is larger than the lesion of class 2 that one of its lesions lies on."""
    labels, overlap_px = laid("01000111 00000111 00000111 00000111", "22200000 22200000 22200000 00000000")
    assert np.array_equal(labels, rows("21200111 22200111 22200111 00000111"))
    assert overlap_px == 1


def test_lesions_of_one_class_and_what_nobody_judged_do_not_overlap():
    labels, overlap_px = laid("11100000 11100000", "01110000 01110000", "00xxxx00 00xxxx00")
    assert np.array_equal(labels, rows("1111xx00 1111xx00"))
    assert overlap_px == 0


def test_masks_that_leave_no_pixel_judged_are_refused_and_one_pixel_is_enough():
    with pytest.raises(RefusedError, match="mask that judges no pixel") as refused:
        laid("00xx 00xx", "xx00 xx00")
    assert refused.value.detail == "each pixel is to be ignored in one of its masks"
    for one, other, left in (("00xx 00xx", "xxx0 x000", "xxxx x0xx"), ("00xx 00xx", "xx10 xx00", "xx1x xxxx")):
        assert np.array_equal(laid(one, other)[0], rows(left))


@pytest.mark.parametrize(
    ("mask", "fix"),
    [
        ((224, 165), ": enlarge it by nearest neighbour"),
        ((896, 662), ": shrink it by nearest neighbour"),
        ((331, 448), ": it seems to lie on its side, so turn it like the frame"),
        ((400, 331), "; if it is of a part of it, pad it with background, or cut the frame alike"),
        ((448, 400), "; if the frame was cut, cut the mask alike"),
    ],
)
def test_a_mask_of_another_size_is_told_with_what_makes_it_fit(tmp_path, mask, fix):
    Image.new("L", mask).save(tmp_path / "m.png")
    recipe = ReadingRecipe(64, 128, swap=False, view="full", values={})
    with pytest.raises(RefusedError) as refused:
        read_mask(tmp_path / "m.png", (448, 331), 1, recipe, None)
    assert refused.value.detail == f"frame 448x331, mask {mask[0]}x{mask[1]}; draw or save it at the frame's size{fix}"
