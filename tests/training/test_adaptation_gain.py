"""Before and after, frame by frame: who judges whom, and when it is said to help."""

import numpy as np
import pytest

from mcdrl.metrics.operating_point import OperatingPoint
from mcdrl.metrics.paired import Pairs, compare
from mcdrl.model.predictor import Answer, ModelAnswer
from mcdrl.training.adapt import LabelledFrames
from mcdrl.training.adaptation_gain import (
    Change,
    changes,
    cross_validated,
    folds,
    helps,
    judge,
    limits_help,
    points,
)
from mcdrl.training.checkpoint import snapshot
from mcdrl.training.site_limits import KeptLesions, Share
from tests.training.stub_member import Constant, member_of, site_frames

SIDE = 32


def frames_of(masks, groups=None):
    masks = np.asarray(masks, np.uint8)
    n = len(masks)
    names = np.array([str(one) for one in (range(n) if groups is None else groups)])
    lesion = np.where(((masks > 0) & (masks < 255)).any((1, 2)), 0, -1)
    return LabelledFrames(np.zeros((n, SIDE, SIDE, 3), np.uint8), masks, lesion, names, np.zeros(n, np.int64))


def said(maps, presence=None):
    """Answers that are nine tenths sure of the ones in maps."""
    there = [None] * len(maps) if presence is None else presence
    sure = [np.float32(0.9) * p.astype(np.float32) for p in maps]
    return [Answer((ModelAnswer(p, one),)) for p, one in zip(sure, there, strict=True)]


def boxes(*places):
    """A map with ones in boxes (top, left, side)."""
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    for top, left, side in places:
        drawn[top : top + side, left : left + side] = 1
    return drawn


def test_a_frame_is_judged_by_dice_lesions_found_and_false_alarms():
    """One of two lesions is found, exactly; nothing is found; an alarm in vain; none; half of a mask ignored."""
    two, one = boxes((0, 0, 8), (20, 20, 8)), boxes((0, 0, 8))
    ignored = np.where(np.arange(SIDE) < 16, one, 255)
    masks = [two, one, 0 * one, 0 * one, ignored]
    found = [one, 0 * one, one, 0 * one, boxes((0, 0, 8), (20, 20, 8))]
    scores = judge(said(found), frames_of(masks)).scores
    np.testing.assert_allclose(scores["dice"], [2 * 64 / (64 + 128), 0, np.nan, np.nan, 1])
    np.testing.assert_allclose(scores["sensitivity"], [0.5, 0, np.nan, np.nan, 1])
    np.testing.assert_allclose(scores["false_alarms"], [np.nan, np.nan, 1, 0, np.nan])


def test_a_pixel_is_lesion_from_the_threshold_on():
    """A map of 0.9 on a lesion, one of 0.45 beside it."""
    lesion, beside = boxes((0, 0, 8)), boxes((20, 20, 8))
    found, frames = said([lesion + beside / 2]), frames_of([lesion])
    assert judge(found, frames).scores["dice"] == judge(found, frames, 0.5).scores["dice"] == 1
    lower = judge(found, frames, 0.4)
    assert lower.scores["dice"] == pytest.approx(2 / 3)
    assert len(lower.answers.judged[0].match.area_px) == 2
    assert judge(found, frames, 0.95).scores["sensitivity"] == 0


def test_networks_are_judged_at_the_threshold():
    frames = site_frames("A", 8)
    fold, learner = folds(frames, 2, seed=0), member_of(Constant(0.4))
    called = {
        least: cross_validated(lambda *_: None, [learner], frames, fold, threshold=least).scores["sensitivity"]
        for least in (0.5, 0.3)
    }
    assert (np.nanmax(called[0.5]), np.nanmin(called[0.3])) == (0, 1)


def test_an_operating_point_takes_alarms_and_lesions():
    small, large = boxes((0, 0, 4)), boxes((0, 0, 16))
    masks = [small, large, 0 * small]
    judgement = judge(said([small, large, small]), frames_of(masks))
    scores = judgement.suppressed([OperatingPoint(0.0, 0.1)] * 3)
    np.testing.assert_allclose(scores["sensitivity_suppressed"], [0, 1, np.nan])
    np.testing.assert_allclose(scores["false_alarms_suppressed"], [np.nan, np.nan, 0])


def test_a_presence_head_s_word_is_the_frame_s_score():
    masks = [boxes((0, 0, 8))] * 2
    judgement = judge(said(masks, presence=[0.25, 0.75]), frames_of(masks))
    assert [one.frame_score for one in judgement.answers.judged] == [0.25, 0.75]
    found = judgement.suppressed([OperatingPoint(0.5, 0.0)] * 2)["sensitivity_suppressed"]
    np.testing.assert_array_equal(found, [0, 1])


def test_folds_keep_groups_whole_and_deal_out_lesions():
    frames = site_frames("A", 40)  # groups of two; every other one has a frame without a lesion
    fold = folds(frames, 5, seed=0)
    assert sorted(np.bincount(fold)) == [8] * 5
    assert all(len(set(fold[frames.groups == group])) == 1 for group in set(frames.groups))
    masks = frames.masks.copy()
    masks[10:] = 0  # five groups with a lesion
    rare = LabelledFrames(frames.images, masks, frames.lesion_class, frames.groups, frames.site)
    assert sorted(set(folds(rare, 5, seed=0)[:10])) == [0, 1, 2, 3, 4]
    assert folds(frames, 5, seed=0).tolist() == fold.tolist()
    assert folds(frames, 5, seed=1).tolist() != fold.tolist()


def test_fewer_groups_are_fewer_folds():
    assert sorted(set(folds(site_frames("A", 6), 5, seed=0))) == [0, 1, 2]


def test_a_frame_is_judged_by_networks_that_never_saw_its_group():
    """A network that says what share of the frames that it learned from has a lesion."""
    frames, seen = site_frames("A", 16), []
    learner = member_of(Constant(0.5))

    def learn(member, own):
        seen.append(set(own.groups))
        share = own.has_lesion.mean()
        member.model.method.odds.data.fill_(float(np.log(share / (1 - share))))

    fold = folds(frames, 4, seed=0)
    judgement = cross_validated(learn, [learner], frames, fold)
    for number, groups in enumerate(seen):
        assert groups == set(frames.groups[fold != number])
        assert not groups & set(frames.groups[fold == number])
        share = frames.has_lesion[fold != number].mean()
        scores = [judgement.answers.judged[place].frame_score for place in np.flatnonzero(fold == number)]
        np.testing.assert_allclose(scores, share, atol=0.01)
    assert float(snapshot(learner.model.method)["odds"]) == 0


def test_networks_that_answer_together_are_adapted_each():
    frames, calls = site_frames("A", 8), []
    pair = [member_of(Constant(0.2)), member_of(Constant(0.6))]
    judgement = cross_validated(lambda one, _: calls.append(one), pair, frames, folds(frames, 2, seed=0))
    assert calls == pair * 2
    np.testing.assert_allclose([one.frame_score for one in judgement.answers.judged], 0.4, atol=0.01)


def test_a_frames_operating_point_is_chosen_without_its_fold():
    """In each fold one small alarm in vain; what the other fold chooses leaves out its own."""
    small, large = boxes((0, 0, 2)), boxes((0, 0, 16))
    masks, found = [large, 0 * large, large, 0 * large], [large, small, large, 0 * large]
    judgement = judge(said(found), frames_of(masks))
    chosen = points(judgement, np.array([0, 0, 1, 1]), 0.95)
    assert chosen[0] == chosen[1] == OperatingPoint()  # fold 1 has no alarm to be rid of
    assert chosen[2] == chosen[3] != OperatingPoint()


def fall(by):
    """False alarms before and after, in sixty frames."""
    before = np.ones(60)
    return changes({"false_alarms_suppressed": before}, {"false_alarms_suppressed": before - by}, np.arange(60))


LOST, ALL, TOO_FEW = Share(0.5, 0.4, 0.6), Share(1.0, 0.9, 1.0), Share(0.7, 0.6, 0.8)
FEWER, AS_MANY = np.arange(60) % 2, np.zeros(60)


@pytest.mark.parametrize(("before", "after", "fewer", "advised"), [
    (LOST, ALL, AS_MANY, True),  # the old ones lose too much
    (LOST, Share(0.4, 0.3, 0.5), FEWER, False),  # and new ones more
    (ALL, ALL, AS_MANY, False),  # nothing is spared
    (ALL, ALL, FEWER, True),
    (ALL, TOO_FEW, FEWER, False),  # what is spared has its price
])  # fmt: skip
def test_new_limits_help_if_the_old_ones_lose_too_much_or_the_new_ones_spare_alarms(before, after, fewer, advised):
    assert limits_help(KeptLesions(0.9, before, after, 60, 60), fall(fewer)) == advised
    assert limits_help(KeptLesions(0.9, before, after, 60, 60), {}) == (advised and before is LOST)


def test_a_change_has_the_paired_interval_of_its_frames():
    draw = np.random.default_rng(0)
    before, after = draw.random(30), draw.random(30)
    before[:5] = after[:5] = np.nan
    groups = np.array([str(frame // 3) for frame in range(30)])
    found = changes({"dice": before, "x": before * np.nan}, {"dice": after, "x": before * np.nan}, groups)
    expected = compare([Pairs((after - before)[None, 5:], groups[5:])], 2000, np.random.default_rng(0))
    assert list(found) == ["dice"]
    by = found["dice"].by
    assert (by.difference, by.low, by.high, by.n_groups) == (
        expected.difference, expected.low, expected.high, expected.n_groups,
    )  # fmt: skip
    assert (found["dice"].before, found["dice"].after) == pytest.approx((before[5:].mean(), after[5:].mean()))


def change(differences):
    values, groups = np.array(differences, float), np.arange(len(differences)).astype(str)
    return Change(0.5, 0.5 + values.mean(), compare([Pairs(values[None], groups)], 200, np.random.default_rng(0)))


@pytest.mark.parametrize(("dice", "alarms", "expected"), [
    ([0.1, 0.12, 0.09, 0.11, 0.1, 0.08], None, True),
    ([0.1, 0.12, 0.09, 0.11, 0.1, 0.08], [0, 0, 0], True),
    ([0.1, 0.12, 0.09, 0.11, 0.1, 0.08], [0, -1, 0], True),
    ([0.1, 0.12, 0.09, 0.11, 0.1, 0.08], [0, 1, 0], False),
    ([0.5, -0.4, 0.3, -0.3, 0.1, 0.2], None, False),
    ([-0.1, -0.12, -0.09, -0.11, -0.1, -0.08], None, False),
    ([0.1, 0.12, 0.09, 0.11], None, False),
])  # fmt: skip
def test_it_helps_where_dice_is_better_for_sure_and_alarms_are_no_more(dice, alarms, expected):
    """The last one: four groups are too few for an interval."""
    found = {"dice": change(dice), **({"false_alarms": change(alarms)} if alarms else {})}
    assert helps(found) is expected
