"""Limits against what they promise: who keeps a lesion that is found, and what that tells of old limits and new."""

import numpy as np
import pytest

from mcdrl.metrics.detection import match
from mcdrl.metrics.operating_point import Judged, OperatingPoint
from mcdrl.training.site_limits import kept_by

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
    assert (found.n, found.n_groups, found.before.mean, found.after.mean) == (10, 10, 0.5, 0.9)
    assert found.before.low < 0.5 < found.before.high < 0.9
    assert (found.loses, found.mends, found.holds) == (True, True, True)


@pytest.mark.parametrize(("before", "after", "loses", "mends", "holds"), [
    (0.15, 0.05, False, False, True),  # eight of ten keep it: that may be nine of ten
    (0.45, 0.45, True, False, False),  # new ones are no better
    (0.85, 0.55, True, True, False),
    (0.0, 0.65, False, False, False),
])  # fmt: skip
def test_what_is_lost_for_sure_and_what_may_be_kept(before, after, loses, mends, holds):
    found = kept([frame(0.1 * number) for number in range(10)], before, after)
    assert (found.loses, found.mends, found.holds) == (loses, mends, holds)


def test_keeping_all_is_no_loss():
    assert not kept([frame(0.5)] * 50, 0.0, 0.0).loses


def test_frames_of_a_patient_are_no_further_evidence():
    judged = [frame(0.1 * (number % 10)) for number in range(40)]
    assert kept(judged, 0.25, 0.05).loses
    assert not kept(judged, 0.25, 0.05, groups=[number % 10 for number in range(40)]).loses


def test_fewer_than_five_groups_or_no_lesion_found_tell_nothing():
    few = kept([frame(0.1)] * 4, 0.5, 0.05)
    assert np.isnan([few.before.low, few.before.high]).all()
    assert (few.loses, few.mends, few.holds) == (False, False, False)
    none = kept([frame(0.5, called=False), frame(0.5, lesion=False)], 0.0, 0.0)
    assert (none.n, none.n_groups, none.loses, none.mends, none.holds) == (0, 0, False, False, False)
    assert np.isnan(none.before.mean)
