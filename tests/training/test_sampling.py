import numpy as np
import pytest

from mcdrl.training.data import Frames
from mcdrl.training.sampling import epoch_frames, sizes, with_sizes


def test_an_epoch_has_each_frame_once_or_classes_with_even_chances():
    kinds = [0] * 700 + [1] * 80 + [2] * 20 + [-1] * 200  # 80 % with a lesion
    cases = [f"A/{place}" for place in range(1000)]
    frames = Frames(cases, [], dict(zip(cases, kinds, strict=True)), {})
    assert epoch_frames(frames, "shuffled", seed=0, epoch=0) == cases
    drawn = epoch_frames(frames, "class_balanced", seed=0, epoch=0)
    assert len(drawn) == 1000
    found = [sum(frames.class_index[case] == kind for case in drawn) / 1000 for kind in (0, 1, 2, -1)]
    np.testing.assert_allclose(found, [0.8 / 3, 0.8 / 3, 0.8 / 3, 0.2], atol=0.05)
    assert drawn == epoch_frames(frames, "class_balanced", seed=0, epoch=0)
    assert drawn != epoch_frames(frames, "class_balanced", seed=0, epoch=1)
    assert drawn != epoch_frames(frames, "class_balanced", seed=1, epoch=0)


def _sized(shares, healthy=0):
    """Frames whose lesions have these shares of them, and some without a lesion between."""
    kinds = [*[0] * len(shares), *[-1] * healthy]
    cases = [f"A/{place}" for place in range(len(kinds))]
    cases = [cases[place] for place in np.random.default_rng(0).permutation(len(cases))]
    index = {case: kinds[int(case[2:])] for case in cases}
    frames = Frames(cases, ["A/val"], {**index, "A/val": 0}, {})
    return with_sizes(frames, "size_balanced", lambda asked: np.array([shares[int(case[2:])] for case in asked]))


def test_sizes_are_equal_steps_of_the_logarithm_by_hand():
    shares = [0.01 * 16 ** (place / 100) for place in range(101)]  # 5th and 95th percentile: a step of 2^0.9 each
    frames = _sized(shares, healthy=3)
    found = dict(zip(frames.train, sizes(frames).tolist(), strict=True))
    edges = [0.01 * 16**part for part in (0.275, 0.5, 0.725)]
    for place, share in enumerate(shares):
        assert abs(share - edges[1]) < 1e-12 or found[f"A/{place}"] == sum(share > edge for edge in edges), place
    assert [found[f"A/{place}"] for place in (101, 102, 103)] == [-1, -1, -1]


def test_rare_sizes_are_drawn_as_often_as_common_ones_and_frames_without_a_lesion_as_before():
    shares = [*[0.3] * 600, *[0.15] * 150, *[0.06] * 60, *[0.03] * 90]
    frames = _sized(shares, healthy=300)
    drawn = epoch_frames(frames, "size_balanced", seed=0, epoch=0)
    assert len(drawn) == 1200
    found = [sum(frames.lesion_share.get(case) == share for case in drawn) / 1200 for share in (0.3, 0.15, 0.06, 0.03)]
    np.testing.assert_allclose(found, [0.75 / 4] * 4, atol=0.04)
    assert abs(sum(frames.class_index[case] < 0 for case in drawn) / 1200 - 0.25) < 0.04
    assert drawn == epoch_frames(frames, "size_balanced", seed=0, epoch=0)
    assert drawn != epoch_frames(frames, "size_balanced", seed=0, epoch=1)


def test_lesions_of_which_nothing_shows_keep_their_share():
    frames = _sized([*[0.3] * 600, *[0.03] * 100, *[0.0] * 100], healthy=200)
    found = dict(zip(frames.train, sizes(frames).tolist(), strict=True))
    assert {found[case] for case, share in frames.lesion_share.items() if share == 0} == {-1}
    assert {found[case] for case, share in frames.lesion_share.items() if share} == {0, 3}
    drawn = epoch_frames(frames, "size_balanced", seed=0, epoch=0)
    assert abs(sum(frames.lesion_share.get(case) == 0 for case in drawn) / 1000 - 0.1) < 0.03


@pytest.mark.filterwarnings("error")  # 0 / 0, where none shows
def test_lesions_of_one_size_or_of_none_that_shows_are_drawn_alike():
    for share, kind in ((0.2, 0), (0.0, -1)):
        frames = _sized([share] * 40)
        assert set(sizes(frames).tolist()) == {kind}
        assert set(epoch_frames(frames, "size_balanced", seed=0, epoch=0)) <= set(frames.train)


def test_sizes_are_asked_of_training_frames_with_a_lesion_alone_and_where_they_are_balanced():
    asked = []
    frames = Frames(["A/1", "A/2"], ["A/3"], {"A/1": 0, "A/2": -1, "A/3": 0, "A/4": -1}, {}, {}, ["A/4"])

    def shares(cases):
        asked.extend(cases)
        return np.full(len(cases), 0.5)

    for sampling in ("shuffled", "class_balanced"):
        assert with_sizes(frames, sampling, shares) is frames
    assert with_sizes(frames, "size_balanced", shares).lesion_share == {"A/1": 0.5}
    assert asked == ["A/1"]
