import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from stages.core.metrics.calibration import LOG_ODDS, calibrated, confidence, fit_temperature, spectrum


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
    assert found[0, [0, middle, -1, middle + 32]].tolist() == [1, 1, 1, 1]
    assert LOG_ODDS[middle + 32] == 1.0
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
    p = np.zeros((3, 10, 10))
    p[0, :5] = 1  # sure of half of the frame
    p[1, :5] = 0.75  # half sure: 2 * 37.5 / (37.5 + 50)
    p[2] = 0.2  # nothing found, a mass of 20 left
    found = confidence(spectrum(p), 1.0)
    assert found[0] == pytest.approx(1, abs=1e-6)
    assert found[1] == pytest.approx((75 + 0.2) / (87.5 + 0.2), abs=1e-3)
    assert found[2] == pytest.approx(0.2 / (20 + 0.2), abs=1e-3)


def test_confidence_is_the_dice_to_be_expected():
    rng = np.random.default_rng(1)
    p = rng.beta(0.4, 0.6, (1, 80, 80))
    mask = p >= 0.5
    drawn = rng.random((200, 80, 80)) < p
    dice = 2 * (drawn & mask).sum((1, 2)) / (drawn.sum((1, 2)) + mask.sum())
    assert confidence(spectrum(p), 1.0)[0] == pytest.approx(dice.mean(), abs=0.005)


def test_a_higher_temperature_takes_confidence_away():
    p = np.random.default_rng(2).beta(0.2, 0.5, (4, 30, 30))
    values = np.array([confidence(spectrum(p), t) for t in (0.5, 1.0, 2.0, 5.0)])
    assert (np.diff(values, axis=0) < 0).all()


def test_the_size_of_the_frame_does_not_matter():
    p = np.random.default_rng(3).random((1, 16, 16))
    large = np.kron(p, np.ones((1, 3, 3)))
    assert confidence(spectrum(p), 1.3) == pytest.approx(confidence(spectrum(large), 1.3))
