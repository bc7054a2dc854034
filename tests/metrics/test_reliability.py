import numpy as np
import pytest

from mcdrl.metrics.calibration import calibrated, spectrum
from mcdrl.metrics.reliability import BINS, calibration_error, called, reliability


def judged(p, lesion, temperature=1.0):
    pixels, found = spectrum(p.reshape(1, -1))[0], spectrum(p[lesion].reshape(1, -1))[0]
    return reliability(found, pixels, temperature)


def test_bins_by_hand():
    p = np.repeat([0.1, 0.9], [10, 4])
    lesion = np.repeat([True, False, True], [2, 8, 4])  # 2 of 10 called 0.1, 4 of 4 called 0.9
    bins = judged(p, lesion)
    assert bins["n_px"].tolist() == [0, 10] + [0] * 11 + [4, 0]
    assert bins["mean_probability"].dropna().tolist() == pytest.approx([0.1, 0.9], abs=0.003)
    assert bins["lesion_share"].dropna().tolist() == [0.2, 1.0]
    assert calibration_error(bins) == pytest.approx((10 * 0.1 + 4 * 0.1) / 14, abs=0.002)


@pytest.mark.parametrize("threshold", [0.5, 0.3])
def test_pixels_called_lesion_are_told_apart(threshold):
    """900 pixels of plain background hide that of 100 called 0.8, half are lesion."""
    p = np.repeat([0.01, 0.4, 0.8], [900, 50, 100])
    lesion = np.repeat([False, True, False, True], [900, 50, 50, 50])
    counts = [spectrum(values.reshape(1, -1))[0] for values in (p[lesion], p)]
    over_called = reliability(*(called(one, threshold) for one in counts), 1.0)
    expected = 0.3 if threshold == 0.5 else (100 * 0.3 + 50 * 0.6) / 150
    assert over_called["n_px"].sum() == (100 if threshold == 0.5 else 150)
    assert calibration_error(over_called) == pytest.approx(expected, abs=0.005)
    assert calibration_error(judged(p, lesion)) < 0.08
    assert np.isnan(calibration_error(reliability(*(called(one, 0.9) for one in counts), 1.0)))


def exact_error(p, lesion):
    place = np.minimum((p * BINS).astype(int), BINS - 1)
    bins = [place == number for number in range(BINS)]
    return sum(abs(p[own].mean() - lesion[own].mean()) * own.sum() for own in bins if own.any()) / len(p)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_the_error_is_that_of_the_pixels(temperature):
    rng = np.random.default_rng(0)
    p = rng.beta(0.2, 0.6, 60_000)
    lesion = rng.random(p.shape) < calibrated(p, 1.6)
    expected = exact_error(calibrated(p, temperature), lesion)
    assert calibration_error(judged(p, lesion, temperature)) == pytest.approx(expected, abs=5e-4)


def test_probabilities_that_are_kept_have_no_error_and_others_do():
    rng = np.random.default_rng(1)
    p = rng.random(200_000)
    lesion = rng.random(p.shape) < p
    assert calibration_error(judged(p, lesion)) < 0.005
    assert calibration_error(judged(calibrated(p, 0.4), lesion)) > 0.1
    assert calibration_error(judged(calibrated(p, 0.4), lesion, temperature=2.5)) < 0.005


def test_every_pixel_is_in_one_bin():
    p = np.random.default_rng(2).random((7, 50))
    bins = judged(p, p > 0.7)
    assert bins["bin"].tolist() == list(range(BINS))
    assert bins["n_px"].sum() == p.size
