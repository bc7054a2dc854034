"""Videos before a model: one view for all frames, in order, with few in memory; smoothing by hand."""

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from mcdrl.base.issues import RefusedError
from mcdrl.imaging.decode import ANOTHER, DIM
from mcdrl.imaging.video.frames import TimedFrame, VideoShape
from mcdrl.model.predictor import Answer, ModelAnswer
from mcdrl.model.shown import FLAT, ShownFrame
from mcdrl.model.video import Answered, answered, readable, smoothed, survey
from mcdrl.view import looked_at
from tests.moving_phantom import InMemory, moving
from tests.view.drawings import tissue


@dataclass
class Broken:
    """A video of some frames, and of what is said behind them."""

    pictures: list
    said: str = ""
    alive: int = 0
    most: int = 0

    @property
    def shape(self):
        height, width = self.pictures[0].shape[:2]
        return VideoShape((width, height), Fraction(1, 25))

    def frames(self):
        for index, picture in enumerate(self.pictures):
            yield TimedFrame(
                index, index, lambda picture=picture: Image.fromarray(picture), "odd" if index == 1 else ""
            )
        if self.said:
            raise RefusedError("video that isn't whole", self.said)


class Counting:
    """Calls the frame's mean the probability, everywhere; counts how large its batches are."""

    size_px, batch_size = 32, 4

    def __init__(self):
        self.sizes = []

    def __call__(self, frames):
        self.sizes.append(len(frames))
        return [Answer((ModelAnswer(np.full((32, 32), frame.mean() / 255, np.float32)),)) for frame in frames]


def grounds(levels, size=(64, 48)):
    return [np.full((*size[::-1], 3), level, np.uint8) for level in levels]


def bordered(box, size=(200, 160), seed=0):
    """A frame of tissue inside a black border."""
    left, top, right, bottom = box
    frame = np.zeros((*size[::-1], 3), np.uint8)
    tissue = np.random.default_rng(seed).normal((150, 80, 70), 8, (bottom - top, right - left, 3))
    frame[top:bottom, left:right] = tissue
    return frame


def sides(found, size=(200, 160)):
    return [share * side for share, side in zip(found.view, size * 2, strict=True)]


def test_frames_are_answered_in_their_order_by_full_batches():
    predictor, levels = Counting(), list(range(0, 220, 20))
    video = Broken(grounds(levels))
    got = list(answered(video, survey(video, "full"), predictor, workers=3, keep=True))
    assert [one.frame.index for one in got] == list(range(11))
    assert [round(255 * float(one.answer.probability[0, 0])) for one in got] == levels
    assert [np.asarray(one.kept())[0, 0, 0] for one in got] == levels
    assert predictor.sizes == [4, 4, 3]
    assert [one.shown.issues for one in got][:3] == [FLAT, f"odd; {FLAT}", FLAT]


def test_pictures_are_kept_on_demand_alone():
    video = Broken(grounds([0]))
    (one,) = answered(video, survey(video, "full"), Counting())
    with pytest.raises(ValueError, match="wasn't kept"):
        one.kept()


def test_red_and_blue_change_places_on_demand():
    video = Broken([np.full((48, 64, 3), (10, 20, 30), np.uint8)])
    (one,) = answered(video, survey(video, "full"), Counting(), swap=True, keep=True)
    assert one.shown.pixels[0, 0].tolist() == [30, 20, 10]
    assert one.kept().getpixel((0, 0)) == (30, 20, 10)
    assert one.shown.swapped


@pytest.mark.parametrize("frames", [1, 7, 16, 100])
def test_frames_that_are_dark_or_odd_are_outvoted(frames):
    box = (40, 20, 180, 140)
    pictures = [bordered(box, seed=index) for index in range(frames)]
    drawn = np.random.default_rng(frames).permutation(frames)[: frames // 4]
    for index in drawn:
        pictures[index] = np.zeros_like(pictures[0]) if index % 2 else bordered((90, 60, 130, 110))
    found = survey(InMemory(pictures), "auto")
    assert (found.frames, found.problem) == (frames, "")
    assert np.abs(np.array(sides(found)) - box).max() <= 4
    if frames > 1:
        assert len({one.shown.box for one in answered(InMemory(pictures), found, Counting())}) == 1


@pytest.mark.parametrize("swap", [False, True])
def test_the_view_is_looked_for_in_the_colours_that_the_model_is_shown(monkeypatch, swap):
    seen = []

    def looked(picture, rule):
        seen.append(picture.mean((0, 1)))
        return looked_at(picture, rule)

    monkeypatch.setattr("mcdrl.imaging.decode.looked_at", looked)
    pictures = [bordered((40, 20, 180, 140), seed=seed) for seed in range(3)]
    stored = [np.ascontiguousarray(one[..., ::-1]) if swap else one for one in pictures]
    survey(InMemory(stored), "auto", swap=swap)
    np.testing.assert_allclose(seen, [one.mean((0, 1)) for one in pictures])


class Dim(Broken):
    """A video whose second picture uses less than half of its bits."""

    def frames(self):
        yield from (replace(frame, dim=frame.index == 1) for frame in super().frames())


def test_a_dim_frame_is_told_and_doubtful():
    video = Dim([np.repeat(np.arange(0, 240, 5, np.uint8)[:, None, None], 64, 1).repeat(3, 2)] * 3)
    found = [one.shown for one in answered(video, survey(video, "full"), Counting())]
    assert [(one.issues, one.doubtful) for one in found] == [("", False), (f"odd; {DIM}", True), ("", False)]


def test_a_second_picture_in_most_frames_is_told_and_doubtful():
    two = np.concatenate([tissue(200, 160), np.zeros((160, 40, 3), np.uint8), tissue(200, 160, seed=1)], axis=1)
    for frames, told in (([two] * 3, ANOTHER), ([two] + [tissue(440, 160)] * 2, "")):
        found = survey(InMemory(frames), "auto")
        first = next(answered(InMemory(frames), found, Counting())).shown
        assert (told in first.issues, first.doubtful) == (True, bool(told))


def test_a_view_that_changes_its_place_is_told():
    pictures = [bordered((40, 20, 180, 140))] * 20 + [bordered((10, 10, 110, 110))] * 20
    assert "the view lies elsewhere in" in survey(InMemory(pictures), "auto").issues
    assert survey(InMemory(pictures[:20]), "auto").issues == ""


@pytest.mark.parametrize("view", ["full", [0.1, 0.2, 0.9, 1.0]])
def test_a_rule_that_says_a_view_stands(view):
    assert survey(InMemory([bordered((40, 20, 180, 140))] * 3), view).view == view


def test_the_whole_video_is_looked_at_and_what_is_missing_told():
    seen = []

    def watched(frames):
        for frame in frames:
            seen.append(frame.index)
            yield frame

    video = Broken(grounds([50] * 5), "it breaks off")
    found = survey(video, "full", watched=watched)
    assert seen == [0, 1, 2, 3, 4]
    assert (found.frames, found.problem) == (5, "video that isn't whole: it breaks off")
    assert [frame.index for frame in readable(video)] == [0, 1, 2, 3, 4]
    assert len(list(answered(video, found, Counting()))) == 5


def test_a_video_of_no_frame_is_refused():
    video = replace(Broken(grounds([0])), said="empty")
    video.frames = lambda: (_ for _ in ()).throw(RefusedError("video without frames", "a"))
    with pytest.raises(RefusedError, match="without frames"):
        survey(video, "full")


def at(pts, *values):
    shown = ShownFrame((2, 2), (0, 0, 2, 2), np.zeros((2, 2, 3), np.uint8))
    return [
        Answered(
            TimedFrame(index, place, lambda: None),
            None,
            shown,
            Answer((ModelAnswer(np.full((2, 2), value, np.float32)),)),
        )
        for index, (place, value) in enumerate(zip(pts, values, strict=True))
    ]


def test_smoothing_is_the_exponential_mean_worked_out_by_hand():
    """Steps of 0.1, 0.1 and 0.4 s at a time constant of 0.2 s: shares 1 - exp(-1/2), the same, 1 - exp(-2)."""
    given = at([0, 1, 2, 6], 1.0, 0.0, 0.0, 1.0)
    got = [float(one.answer.probability[0, 0]) for one in smoothed(given, 0.1, 0.2)]
    first, second = np.exp(-0.5), np.exp(-1.0)
    assert got == pytest.approx([1.0, first, second, second * np.exp(-2) + 1 - np.exp(-2)], abs=1e-6)


def test_what_a_presence_head_says_is_smoothed_alike():
    given = [
        replace(one, answer=replace(one.answer, parts=(ModelAnswer(one.answer.probability, value),)))
        for one, value in zip(at([0, 1, 2], 1.0, 0.0, 1.0), (1.0, 0.0, 1.0), strict=True)
    ]
    for one in smoothed(given, 0.1, 0.2):
        assert one.answer.score() == pytest.approx(float(one.answer.probability[0, 0]), abs=1e-6)


def test_each_of_several_models_is_smoothed_by_itself():
    """One is sure in the first frame and the other in the second, so that their mean is always one half."""
    given = [
        replace(one, answer=replace(one.answer, parts=tuple(ModelAnswer(np.full((2, 2), p, np.float32)) for p in said)))
        for one, said in zip(at([0, 1], 0.5, 0.5), ((1, 0), (0, 1)), strict=True)
    ]
    last = list(smoothed(given, 0.1, 0.2))[-1].answer
    share = -np.expm1(-0.5)
    assert [float(part.probability[0, 0]) for part in last.parts] == pytest.approx([1 - share, share])
    assert last.score() == pytest.approx(0.5, abs=0.01)


def test_without_smoothing_each_frame_stands_by_itself():
    assert [float(one.answer.probability[0, 0]) for one in smoothed(at([0, 1, 2], 1, 0, 1), 0.1, 0.0)] == [1, 0, 1]


def test_smoothing_looks_back_alone():
    values = [0.2, 0.9, 0.4, 0.7]
    whole, part = ([one.answer.probability for one in smoothed(at(range(n), *values[:n]), 0.04, 0.1)] for n in (4, 2))
    assert np.array_equal(whole[:2], part)


def test_the_moving_phantoms_scene_stays_and_its_camera_moves():
    frames = list(moving("A", 0, 14, size_px=56))
    masks = [frame.mask for frame in frames]
    overlap = [(one & other).sum() / (one | other).sum() for one, other in pairwise(masks)]
    assert all(mask.any() for mask in masks)
    assert min(overlap) > 0.6
    assert (masks[0] & masks[-1]).sum() / (masks[0] | masks[-1]).sum() < 0.75
    again = next(moving("A", 0, 1, size_px=56))
    assert np.array_equal(again.image, frames[0].image)
