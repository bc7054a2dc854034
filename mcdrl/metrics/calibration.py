"""What a probability is worth: temperature, and a confidence that says which frames to leave to a human.

Probabilities are counted by their log-odds first. The spectrum of a frame takes no more memory than a thousand numbers
whatever its size, and temperature and confidence follow from it: so training, evaluation and prediction share one
definition, and none of them has to keep pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Spectra = NDArray[np.integer[Any]]
Probabilities = NDArray[Any]  # of lesion, 0..1

_REACH, _STEPS = 32, 16  # log-odds from -32 to 32, 16 steps a unit: a probability moves by 0.008 at most
LOG_ODDS: Floats = np.arange(-_REACH * _STEPS, _REACH * _STEPS + 1) / _STEPS  # of the L entries of a spectrum
_TEMPERATURES: Floats = np.exp(np.arange(-150, 251) / 100)  # 0.22 to 12.2 in steps of 1 %
_LEAST = float(np.finfo(np.float32).tiny)


def calibrated(probability: Probabilities, temperature: float) -> Floats:
    """Return probabilities whose log-odds are divided by a temperature; one half stays one half.

    Args:
        probability: any shape, 0..1.
        temperature: above 0; above 1 it takes confidence away.
    """
    return calibrated_log_odds(_log_odds(probability), temperature)


def calibrated_log_odds(log_odds: Floats, temperature: float) -> Floats:
    """Return the calibrated probabilities of the given log-odds, 0..1; see `calibrated`."""
    p: Floats = np.exp(-np.logaddexp(0, -log_odds / temperature))
    return p


def spectrum(probability: Probabilities, counted: NDArray[np.bool_] | None = None) -> Spectra:
    """Count the pixels of B frames by the log-odds of lesion.

    Args:
        probability: [B, ...], 0..1.
        counted: [B, ...], those that count; None: all.

    Returns:
        [B, L], how many pixels of each frame are nearest to each of `LOG_ODDS`.
    """
    flat = probability.reshape(len(probability), -1)
    place = np.rint(_log_odds(flat) * _STEPS).clip(-_REACH * _STEPS, _REACH * _STEPS).astype(np.int64)
    place += _REACH * _STEPS + len(LOG_ODDS) * np.arange(len(flat))[:, None]
    place = place if counted is None else place[counted.reshape(place.shape)]
    counts = np.bincount(place.ravel(), minlength=len(flat) * len(LOG_ODDS))
    return counts.reshape(len(flat), len(LOG_ODDS))


def fit_temperature(lesion: Spectra, background: Spectra) -> float:
    """Return the temperature of the lowest cross-entropy (Guo et al., ICML 2017), on a grid of steps of 1 %.

    Args:
        lesion: [L], spectrum of the pixels that are lesion.
        background: [L], spectrum of the others.
    """
    scaled = LOG_ODDS / _TEMPERATURES[:, None]
    entropy = np.logaddexp(0, -scaled) @ lesion + np.logaddexp(0, scaled) @ background
    return float(_TEMPERATURES[int(entropy.argmin())])


def confidence(spectra: Spectra, temperature: float) -> Floats:
    """Return how far to trust the mask at one half of each frame, [B] in 0..1.

    It is the mean calibrated probability inside the mask: the share of it that is to be expected to be lesion, which is
    a precision and no promise of Dice, as lesion that was missed doesn't lower it. Where nothing is found, it is the
    probability that the likeliest pixel is no lesion. Chosen among six such measures (the expected Dice, the entropy of
    frame or lesion, ...) by the order that they give to validation frames of source sites:
    `tests/benchmarks/confidence.py`.

    Args:
        spectra: [B, L], of whole frames.
        temperature: the model's.
    """
    p = calibrated_log_odds(LOG_ODDS, temperature)
    found = LOG_ODDS >= 0
    area = spectra @ found.astype(np.int64)
    highest = p[len(p) - 1 - np.argmax(spectra[:, ::-1] > 0, axis=1)]
    return np.where(area > 0, spectra @ (p * found) / np.maximum(area, 1), 1 - highest)


def _log_odds(probability: Probabilities) -> Floats:
    p = np.asarray(probability)  # float32 stays float32, which is four times as fast
    odds: Floats = np.log(np.maximum(p, _LEAST)) - np.log(np.maximum(1 - p, _LEAST))
    return odds
