"""What a person reads of a site."""

import numpy as np
from PIL import Image

from mcdrl.sites.summary import about_frames, summary
from tests.factories import pass_gate
from tests.sites.site_folder import box_mask, noise, smooth_disc


def beside(folder, pixels):
    """The lines on two frames that show these pixels, but for a corner of their own."""
    for number in range(2):
        frame = pixels.copy()
        frame[60:64, 100:104] = 90 + 60 * number
        folder.frame(f"f{number}.png", Image.fromarray(frame))
        folder.mask(f"f{number}.png", box_mask(224, 224))
    result, _ = pass_gate("A", folder.site(view="full"), ["polyp"])
    return about_frames(result)


def test_what_lies_in_another_share_is_called_a_part_of_it(folder):
    """Black bars left and right are outside the view once, not panels beside borders."""
    pixels = np.zeros((224, 224, 3), np.uint8)
    pixels[:, 40:184] = (180, 90, 80)
    assert beside(folder, pixels) == [
        "outside the view: in 100% of the frames, 35.7% of their area",
        "of that, strips left and right: in 100% of the frames, 35.7% of their area",
    ]


def test_a_part_of_what_is_too_small_to_be_told_stands_alone(folder):
    pixels = np.full((224, 224, 3), (180, 90, 80), np.uint8)
    pixels[190:, 190:] = (20, 160, 130)
    assert beside(folder, pixels) == ["position boxes: in 100% of the frames, 2.0% of their area"]


def test_a_position_box_in_the_view_is_no_part_of_what_is_outside(folder):
    pixels = np.full((224, 224, 3), (180, 90, 80), np.uint8)
    pixels[214:] = 0
    pixels[15:47, 15:47] = (20, 160, 130)
    outside, boxes = beside(folder, pixels)
    assert outside.startswith("outside the view: in 100% of the frames, ")
    assert boxes.startswith("position boxes: in 100% of the frames, ")


def test_a_line_is_no_part_of_another_one_than_that_on_what_is_outside(folder):
    pixels = np.full((224, 224, 3), (180, 90, 80), np.uint8)
    pixels[216:, :80] = 0
    pixels[220:, 8:40] = 255
    pixels[15:47, 15:47] = (20, 160, 130)
    assert [line.partition(":")[0] for line in beside(folder, pixels)] == ["burnt-in text", "position boxes"]


def test_the_summary_says_it_all(folder):
    for number in range(10):
        folder.pair(f"f{number}", number, lesion=number != 0)
    folder.frame("x.png", noise(20))
    folder.frame("y.png", noise(21))
    folder.mask("gone.png", box_mask())
    folder.mask("f3.png", Image.fromarray(smooth_disc(30, 40)))
    result, _ = pass_gate("A", folder.site(), ["polyp"])
    train, val = (int((result.cases["split"] == side).sum()) for side in ("train", "val"))
    beside = [f"  {line}" for line in about_frames(result)]  # of noise; what they say is tested with drawn frames
    assert [line for line in summary("A", result).splitlines() if line not in beside] == [
        f"A: 10 frames accepted, 1 of them without a lesion, in 10 groups: {train} train, {val} val; 2 in quarantine",
        "  quarantine: 2 x no mask, e.g. images/x.png: expected masks/x.*; where none means no lesion: "
        "missing_mask: no_lesion",
        "  note: 1 x mask not binary, thresholded at 128, e.g. images/f3.png",
        "  note: 1 x mask without a frame, e.g. masks/gone.png: no frame of images/* names it",
    ]
