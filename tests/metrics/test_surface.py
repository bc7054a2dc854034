import numpy as np
import pytest
import torch
from monai import metrics

from mcdrl.metrics.surface import MaskPair, hd95_px, nsd


def surface_scores(predicted, truth, tolerance_px):
    masks = MaskPair(predicted, truth, tolerance_px)
    return nsd(masks), hd95_px(masks)


def square(side, top, left, height, width):
    mask = np.zeros((side, side), bool)
    mask[top : top + height, left : left + width] = True
    return mask


def test_a_shift_by_two_pixels_by_hand():
    truth, predicted = square(20, 5, 5, 1, 1), square(20, 5, 7, 1, 1)
    assert surface_scores(predicted, truth, 2) == (1.0, 2.0)
    assert surface_scores(predicted, truth, 1.9) == (0.0, 2.0)


def test_half_of_the_outline_is_right():
    # one pixel each at the same place, one more far off in the prediction: 1 of 2 and 1 of 1 outline pixels
    truth = square(20, 3, 3, 1, 1)
    share, distance_px = surface_scores(truth | square(20, 3, 13, 1, 1), truth, 1)
    assert share == pytest.approx(2 / 3)
    assert distance_px == pytest.approx(9.5)  # 95th percentile of 0 and 10


def test_equal_masks_are_perfect():
    mask = square(16, 0, 0, 16, 16)
    assert surface_scores(mask, mask, 0) == (1.0, 0.0)


def test_nothing_predicted_is_zero_and_infinite():
    assert surface_scores(np.zeros((8, 8), bool), square(8, 2, 2, 3, 3), 2) == (0.0, float("inf"))


def test_no_lesion_is_undefined_whatever_is_predicted():
    nothing = np.zeros((8, 8), bool)
    for predicted in (nothing, square(8, 2, 2, 3, 3)):
        assert np.isnan(surface_scores(predicted, nothing, 2)).all()


def blobs(rng, side):
    """A mask of a few rectangles, some of them at the border of the frame, with holes."""
    mask = np.zeros((side, side), bool)
    for _ in range(rng.integers(1, 4)):
        top, left = rng.integers(0, side, 2)
        mask[top : top + rng.integers(1, 12), left : left + rng.integers(1, 12)] ^= True
    return mask


CORNERS = [
    (square(24, 0, 0, 24, 24), square(24, 0, 0, 24, 24)),  # the whole frame
    (square(24, 0, 0, 24, 24), square(24, 11, 11, 1, 1)),  # the whole frame against a pixel
    (square(24, 0, 0, 4, 4), square(24, 20, 20, 4, 4)),  # opposite corners
    (square(24, 5, 5, 9, 9) & ~square(24, 8, 8, 3, 3), square(24, 5, 5, 9, 9)),  # a hole
    (square(24, 3, 3, 1, 9), square(24, 4, 3, 1, 9)),  # lines: outlines alone
    (square(24, 0, 0, 24, 1), square(24, 0, 23, 24, 1)),  # opposite borders
]


def test_agreement_with_monai():
    rng = np.random.default_rng(0)
    pairs = [*CORNERS, *((blobs(rng, 24), blobs(rng, 24)) for _ in range(60))]
    pairs = [(p, t) for p, t in pairs if p.any() and t.any()]
    assert len(pairs) > 50

    def channels(index):
        return torch.tensor(np.array([pair[index] for pair in pairs]))[:, None]

    hd95 = metrics.compute_hausdorff_distance(channels(0), channels(1), include_background=True, percentile=95)
    ours = [surface_scores(p, t, 0)[1] for p, t in pairs]
    np.testing.assert_allclose(ours, hd95.numpy().ravel(), rtol=1e-6)
    for tolerance_px in (0, 1, 1.5, 3):
        nsd = metrics.compute_surface_dice(channels(0), channels(1), [tolerance_px], include_background=True)
        ours = [surface_scores(p, t, tolerance_px)[0] for p, t in pairs]
        np.testing.assert_allclose(ours, nsd.numpy().ravel(), rtol=1e-6)


def test_agreement_with_monai_where_nothing_is_predicted():
    truth = torch.tensor(square(24, 5, 5, 4, 4))[None, None]
    nsd = metrics.compute_surface_dice(torch.zeros_like(truth), truth, [2], include_background=True)
    assert float(nsd) == surface_scores(np.zeros((24, 24), bool), truth[0, 0].numpy(), 2)[0] == 0
