"""The close look at a pair."""

import numpy as np
import pytest
from pictures import COPIES, picture, working

from stages.audit.alignment import correlations
from stages.audit.candidates import Candidates
from stages.audit.prints import take_prints


def correlation(zoomed, whole, view=0):
    thumbs = take_prints(np.stack([zoomed, whole])).thumbs
    one = np.array([0])
    return float(correlations(thumbs, Candidates(one, one + 1, one + view, one))[0])


def test_a_frame_is_itself_whatever_its_brightness():
    image = working(picture(1))
    assert correlation(image, image) == pytest.approx(1, abs=1e-4)
    assert correlation(image, (image * 0.7).astype(np.uint8)) > 0.97


@pytest.mark.parametrize("copy", COPIES, ids=lambda copy: copy.__name__)
def test_copies_align(copy):
    image = picture(2)
    view = {"cropped": 1, "one_sided": 3, "all_at_once": 1}.get(copy.__name__, 0)
    assert correlation(working(image), working(copy(image)), view) > 0.9


def test_other_pictures_with_the_same_border_do_not():
    images = [working(picture(number)) for number in range(6)]
    found = [correlation(images[a], images[b]) for a in range(6) for b in range(a)]
    assert max(found) < 0.5


def test_the_negative_is_no_copy():
    image = working(picture(3)).astype(int)
    negative = np.where(image > 0, 255 - image, 0).astype(np.uint8)
    assert correlation(image.astype(np.uint8), negative) < 0.3


@pytest.mark.parametrize("level", [0, 120, 255])
def test_frames_without_detail_are_nobody_s_copy(level):
    flat = np.full((224, 224, 3), level, np.uint8)
    assert correlation(flat, flat) == 0
    assert correlation(flat, working(picture(1))) == 0


def test_no_pairs():
    thumbs = np.zeros((2, 64, 64), np.uint8)
    none = np.zeros(0, np.int64)
    assert correlations(thumbs, Candidates(none, none, none, none)).shape == (0,)
