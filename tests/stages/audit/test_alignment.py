"""The close look at a pair."""

import numpy as np
import pytest

from stages.audit.alignment import correlations
from stages.audit.candidates import Candidates
from stages.audit.prints import VIEWS, take_prints
from stages.audit.symmetry import SYMMETRIES, turned
from tests.stages.audit.pictures import COPIES, picture, working


def correlation(zoomed, whole, box=VIEWS[0], symmetry=0):
    thumbs = take_prints(np.stack([zoomed, whole])).thumbs
    one = np.array([0])
    view = int(np.abs(VIEWS - np.float32(box)).sum(1).argmin())
    return float(correlations(thumbs, Candidates(one, one + 1, one + view, one + symmetry, one))[0])


def test_a_frame_is_itself_whatever_its_brightness():
    image = working(picture(1))
    assert correlation(image, image) == pytest.approx(1, abs=1e-4)
    assert correlation(image, (image * 0.7).astype(np.uint8)) > 0.97


@pytest.mark.parametrize("copy", COPIES, ids=lambda copy: copy.__name__)
def test_copies_align(copy):
    image = picture(2)
    inner = (0.065, 0.065, 0.935, 0.935)  # a little less than the copy shows
    box = {"cropped": inner, "one_sided": (0.06, 0, 1, 0.94), "all_at_once": inner}.get(copy.__name__, VIEWS[0])
    assert correlation(working(image), working(copy(image)), box) > 0.9


@pytest.mark.parametrize("number", range(len(SYMMETRIES)))
def test_a_turned_frame_is_compared_as_it_was(number):
    image = working(picture(4))
    turned_image = turned(image.transpose(2, 0, 1), number).transpose(1, 2, 0)
    assert correlation(turned_image, image, symmetry=number) > 0.99
    assert number == 0 or correlation(turned_image, image) < 0.5


def test_those_that_are_given_up_change_nothing_of_the_others():
    thumbs = take_prints(np.stack([working(picture(number)) for number in (1, 2, 3)] + [working(picture(1))])).thumbs
    a, b, zero = np.array([0, 0, 1]), np.array([1, 3, 2]), np.zeros(3, np.int64)
    found = correlations(thumbs, Candidates(a, b, zero, zero, zero))
    alone = [correlations(thumbs, Candidates(*(x[k : k + 1] for x in (a, b, zero, zero, zero))))[0] for k in range(3)]
    np.testing.assert_allclose(found, alone, atol=1e-6)
    assert found[1] > 0.99
    assert max(found[0], found[2]) < 0.5


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
    assert correlations(thumbs, Candidates(none, none, none, none, none)).shape == (0,)
