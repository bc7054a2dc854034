"""Where "no lesion" is said."""

import numpy as np
import pytest

from mcdrl.metrics.calibration import spectrum
from mcdrl.metrics.detection import Match
from mcdrl.metrics.operating_point import Judged, OperatingPoint, choose, frame_scores, joint_scores, scores_of_judged

VIEW = 1000


def judged(score, hits=(), false=()):
    """A frame with components of these areas that hit its lesion, and others that hit none."""
    iou = np.array([[0.5]] * len(hits) + [[0.0]] * len(false)).reshape(-1, 1)
    area = np.array([*hits, *false], np.int64)
    return Judged(Match(iou, area, np.full(len(area), 0.7), np.array([50])), VIEW, score)


def test_the_score_is_the_mean_of_the_likeliest_percent():
    p = np.zeros((2, 20, 20), np.float32)
    p[0, 0, :4] = [0.9, 0.8, 0.7, 0.6]  # 4 of 400 pixels
    p[0, 5, :9] = 0.5
    p[1] = 0.25
    assert frame_scores(spectrum(p)) == pytest.approx([0.75, 0.25], abs=0.01)


def test_the_score_rounds_a_percent_up_and_doesnt_depend_on_places():
    p = np.random.default_rng(0).random((3, 15, 15)).astype(np.float32)  # 2.25 pixels: the 3 highest
    expected = np.sort(p.reshape(3, -1), axis=1)[:, -3:].mean(axis=1)
    assert frame_scores(spectrum(p)) == pytest.approx(expected, abs=0.01)
    assert frame_scores(spectrum(p[:, ::-1])).tolist() == frame_scores(spectrum(p)).tolist()


def test_what_counts_as_a_lesion():
    point = OperatingPoint(0.6, 0.02)
    areas = np.array([19, 20, 300])
    assert point.keeps(areas, VIEW, 0.6).tolist() == [False, True, True]
    assert not point.keeps(areas, VIEW, 0.59).any()
    assert OperatingPoint().keeps(np.array([1]), VIEW, 0.0).all()


def test_what_is_left_of_a_mask():
    mask = np.zeros((20, 50), bool)
    mask[0:4, 0:5] = mask[10, 10:29] = True  # 20 and 19 px
    left = OperatingPoint(0.6, 0.02).kept(mask, VIEW, 0.7)
    assert left.sum() == 20
    assert left[0:4, 0:5].all()
    assert not OperatingPoint(0.6, 0.02).kept(mask, VIEW, 0.5).any()
    assert (OperatingPoint().kept(mask, VIEW, 0.0) == mask).all()
    assert not OperatingPoint().kept(np.zeros((3, 3), bool), 9, 1.0).any()


def test_the_score_s_limit_is_the_lowest_of_the_share_that_is_kept():
    """Ten lesions found at 0.50 to 0.95, and false alarms at 0.3, 0.52 and 0.6."""
    found = [judged(0.5 + 0.05 * k, hits=[100]) for k in range(10)]
    none = [judged(score, false=[100]) for score in (0.3, 0.52, 0.6)]
    point = choose([*found, *none], 0.9)
    assert point == OperatingPoint(pytest.approx(0.55), 0.0)  # one of ten may go, and takes two alarms with it
    assert choose([*found, *none], 1.0).frame_score == pytest.approx(0.5)


def test_the_area_s_limit_is_taken_where_it_rids_of_more():
    found = [judged(0.9, hits=[40 + k]) for k in range(10)]
    none = [judged(0.95, false=[10, 20]), judged(0.95, false=[39]), judged(0.95, false=[200])]
    assert choose([*found, *none], 1.0) == OperatingPoint(pytest.approx(0.9), 0.04)


@pytest.mark.parametrize(("frames", "least"), [(99, 0.041), (100, 0.042)])
def test_by_area_alone_one_in_a_hundred_may_go(frames, least):
    """Small lesions would go first; so of 99 frames none goes by its area, of a hundred one, though 40 % might."""
    found = [judged(0.9, hits=[41 + k]) for k in range(frames)]
    none = [judged(0.95, false=[40 + k]) for k in range(40)]
    assert choose([*found, *none], 0.6).area_share == pytest.approx(least)


@pytest.mark.parametrize("size_px", [224, 320])
def test_the_smallest_lesion_that_is_to_be_kept_is_kept_whatever_digits_its_share_has(size_px):
    view_px = size_px**2
    for area_px in range(1, 400):
        point = OperatingPoint(0.5, area_px / view_px)
        assert point.keeps(np.array([area_px, area_px - 1]), view_px, 0.5).tolist() == [True, False]


def test_both_limits_together_keep_the_share():
    rng = np.random.default_rng(0)
    found = [judged(float(rng.random()), hits=rng.integers(1, 400, 2).tolist()) for _ in range(57)]
    none = [judged(float(rng.random()) * 0.6, false=rng.integers(1, 90, 3).tolist()) for _ in range(40)]
    for share in (0.8, 0.95, 1.0):
        point = choose([*found, *none], share)
        kept = [point.keeps(one.match.area_px, VIEW, one.frame_score).any() for one in found]
        assert np.mean(kept) >= share
        left = sum(int(point.keeps(one.match.area_px, VIEW, one.frame_score).sum()) for one in none)
        assert left < 120


def test_nothing_is_given_up_where_nothing_is_gained():
    found = [judged(0.5 + 0.05 * k, hits=[100]) for k in range(10)]
    assert choose(found, 0.5) == OperatingPoint()
    assert choose([judged(0.5, false=[10])], 0.5) == OperatingPoint()  # no lesion is found at all
    assert choose([*found, judged(0.99, false=[500])], 0.9) == OperatingPoint()  # it would stay anyway


def test_several_models_say_the_mean_of_their_scores():
    p, judged = np.zeros((2, 2, 10, 10), np.float32), np.ones((2, 10, 10), bool)  # of 100 pixels the highest counts
    p[1, 0, 3, 3], p[1, 1, 4, 4] = 0.5, 1.0
    said = joint_scores([(p[0], np.array([0.9, 0.2])), (p[1], None)], judged)
    assert said.tolist() == pytest.approx([0.7, 0.6], abs=0.01)
    judged[:, 3, 3] = False
    assert joint_scores([(p[0], None), (p[1], None)], judged).tolist() == pytest.approx([0, 0.5], abs=0.01)


@pytest.mark.parametrize("n_models", [2, 5])
def test_models_together_keep_what_the_limit_of_each_promises(n_models):
    """Each is sure of another place of a lesion, so that the mean of their maps is less sure than any of them."""
    rng = np.random.default_rng(n_models)
    sure = 1 / (1 + np.exp(-rng.normal(2, 1, (400, 1)) - rng.normal(0, 1, (400, n_models))))
    p = np.zeros((n_models, 400, 10, 10), np.float32)
    for model in range(n_models):
        p[model, :, model, model] = sure[:, model]
    everywhere = np.ones((400, 10, 10), bool)
    points = [choose([judged(one, hits=[50], false=[50]) for one in frame_scores(spectrum(maps))], 0.9) for maps in p]
    limit = np.mean([point.frame_score for point in points])
    assert np.mean(joint_scores([(maps, None) for maps in p], everywhere) >= limit) >= 0.9
    assert np.mean(frame_scores(spectrum(p.mean(0))) >= limit) < 0.5


def test_what_nobody_judged_has_no_part_in_a_frame_s_score():
    p, judged = np.full((2, 10, 10), 0.1, np.float32), np.ones((2, 10, 10), bool)
    p[0, :3, :3], judged[0, :3, :3] = 0.9, False
    whole, known = frame_scores(spectrum(p)), frame_scores(spectrum(p, judged))
    assert whole[0] > 0.85
    assert known[0] == known[1] == whole[1]
    assert frame_scores(spectrum(p, np.zeros_like(judged))).tolist() == [0, 0]
    assert scores_of_judged(spectrum(p), p, judged).tolist() == known.tolist()
    assert scores_of_judged(spectrum(p), p, np.ones_like(judged)).tolist() == whole.tolist()
    assert scores_of_judged(spectrum(p), p, judged, np.array([0.3, 0.6])).tolist() == [0.3, 0.6]
