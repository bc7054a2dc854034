import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from mcdrl.metrics.calibration import LOG_ODDS, calibrated, confidence, fit_temperature, spectrum


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_calibration_by_hand():
    found = calibrated(np.array([0.2, 0.5, 0.9]), 2.0)
    assert found == pytest.approx([1 / 3, 0.5, 0.75])  # odds 1/4, 1, 9 -> 1/2, 1, 3


def test_one_half_and_the_order_stay():
    p = np.linspace(0, 1, 1001, dtype=np.float32)
    for temperature in (0.3, 1.0, 4.0):
        new = calibrated(p, temperature)
        assert ((new >= 0.5) == (p >= 0.5)).all()
        assert (np.diff(new) >= 0).all()
    assert calibrated(p, 1.0) == pytest.approx(p, abs=1e-6)


def test_a_spectrum_counts_every_pixel_once_at_the_nearest_log_odds():
    p = np.float32([[[0.0, 0.5], [1.0, sigmoid(1.01)]], [[0.5, 0.5], [0.5, 0.5]]])
    found = spectrum(p)
    assert found.sum(1).tolist() == [4, 4]
    middle = len(LOG_ODDS) // 2
    assert found[0, [0, middle, middle + 16]].tolist() == [1, 1, 1]
    assert found[0, middle + 17 :].sum() == 1  # certainty, as far as single precision goes
    assert LOG_ODDS[middle + 16] == 1.0
    assert found[1, middle] == 4


def test_the_temperature_is_what_an_optimiser_finds_on_the_pixels():
    rng = np.random.default_rng(0)
    true = rng.normal(-1, 2, 40_000)
    lesion = rng.random(true.shape) < sigmoid(true)
    over = 1.7 * true  # overconfident by a factor

    def entropy(temperature):
        return np.logaddexp(0, np.where(lesion, -over, over) / temperature).mean()

    best = minimize_scalar(entropy, bounds=(0.3, 10), method="bounded").x
    p = sigmoid(over)[None]
    fitted = fit_temperature(spectrum(p[:, lesion])[0], spectrum(p[:, ~lesion])[0])
    assert fitted == pytest.approx(best, rel=0.011)
    assert fitted == pytest.approx(1.7, rel=0.05)


def test_confidence_by_hand():
    p = np.zeros((4, 10, 10))
    p[0, :5] = 1  # sure of half of the frame
    p[1, :2], p[1, 2:4], p[1, 4:] = 0.9, 0.6, 0.4  # the mask is what is at least one half: mean of 0.9 and 0.6
    p[2, 3, 3] = 0.2  # nothing is found, and the likeliest pixel is lesion with 0.2
    p[3] = 0.5  # all of it is the mask
    assert confidence(spectrum(p), 1.0) == pytest.approx([1, 0.75, 0.8, 0.5], abs=0.006)
    assert confidence(spectrum(p), 2.0)[1] == pytest.approx(calibrated(np.array([0.9, 0.6]), 2.0).mean(), abs=0.006)


def test_confidence_is_the_precision_to_be_expected():
    rng = np.random.default_rng(1)
    p = rng.beta(0.4, 0.6, (1, 80, 80))
    drawn = rng.random((200, 80, 80)) < p
    precision = (drawn & (p >= 0.5)).sum((1, 2)) / (p >= 0.5).sum()
    assert confidence(spectrum(p), 1.0)[0] == pytest.approx(precision.mean(), abs=0.003)


def test_a_higher_temperature_takes_confidence_away():
    p = np.random.default_rng(2).beta(0.2, 0.5, (4, 30, 30))
    values = np.array([confidence(spectrum(p), t) for t in (0.5, 1.0, 2.0, 5.0)])
    assert (np.diff(values, axis=0) < 0).all()


def test_the_size_of_the_frame_does_not_matter():
    p = np.random.default_rng(3).random((1, 16, 16))
    large = np.kron(p, np.ones((1, 3, 3)))
    assert confidence(spectrum(p), 1.3) == pytest.approx(confidence(spectrum(large), 1.3))
