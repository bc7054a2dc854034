"""Limits against what they promise: who keeps a lesion that is found, when that is off, when new ones are better."""

import numpy as np
import pytest

from mcdrl.metrics.detection import match
from mcdrl.metrics.operating_point import Judged, OperatingPoint
from mcdrl.training.site_limits import Kept, kept_by

SIDE = 16


def frame(score, lesion=True, called=True):
    """A frame of a lesion in a corner; what is called is just that, or nothing."""
    box = np.zeros((SIDE, SIDE), bool)
    box[:4, :4] = True
    p = np.float32(0.9) * (box & called)
    return Judged(match(p, p >= 0.5, box & lesion), SIDE * SIDE, score)


def kept(judged, before, after, promised=0.9, groups=None):
    names = np.array([str(one) for one in (range(len(judged)) if groups is None else groups)])
    points = [[OperatingPoint(one, 0.0)] * len(judged) for one in (before, after)]
    return kept_by(judged, names, *points, promised)


def test_of_frames_in_which_a_lesion_is_found_those_count_that_keep_it():
    """Frames without a lesion, and those whose lesion isn't found, have no say."""
    judged = [frame(0.1 * number) for number in range(10)] + [frame(0.9, lesion=False), frame(0.9, called=False)]
    found = kept(judged, before=0.45, after=0.05)
    assert (found.n, found.n_groups, found.before, found.after) == (10, 10, 0.5, 0.9)
    assert found.low < 0.5 < found.high < 0.9
    assert found.is_off
    assert found.advised


@pytest.mark.parametrize(("before", "after", "is_off", "advised"), [
    (0.15, 0.05, False, False),  # eight of ten keep it: that may be nine of ten
    (0.45, 0.45, True, False),  # new ones are no nearer
    (0.85, 0.55, True, True),
])  # fmt: skip
def test_new_limits_are_advised_where_the_old_ones_are_off_for_sure(before, after, is_off, advised):
    found = kept([frame(0.1 * number) for number in range(10)], before, after)
    assert (found.is_off, found.advised) == (is_off, advised)


def test_limits_that_keep_all_are_off_where_frames_enough_say_so():
    """Wilson's interval: of ten frames that all keep their lesion nine tenths may be the truth, of fifty hardly."""
    few, many = (kept([frame(0.5)] * count, 0.0, 0.0) for count in (10, 50))
    assert (few.before, many.before) == (1.0, 1.0)
    assert not few.is_off
    assert many.is_off


def test_frames_of_a_patient_are_no_further_evidence():
    judged = [frame(0.1 * (number % 10)) for number in range(40)]
    assert kept(judged, 0.25, 0.05).is_off
    assert not kept(judged, 0.25, 0.05, groups=[number % 10 for number in range(40)]).is_off


def test_fewer_than_five_groups_or_no_lesion_found_tell_nothing():
    few = kept([frame(0.1)] * 4, 0.5, 0.05)
    assert np.isnan([few.low, few.high]).all()
    assert not few.is_off
    none = kept([frame(0.5, called=False), frame(0.5, lesion=False)], 0.0, 0.0)
    assert (none.n, none.n_groups, none.advised) == (0, 0, False)
    assert np.isnan(none.before)
    assert isinstance(none, Kept)
