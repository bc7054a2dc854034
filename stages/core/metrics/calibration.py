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
Counts = NDArray[np.int64]
Probabilities = NDArray[Any]  # of lesion, 0..1

_REACH, _STEPS = 16, 32  # log-odds from -16 to 16, 32 steps a unit: a probability moves by 0.004 at most
LOG_ODDS: Floats = np.arange(-_REACH * _STEPS, _REACH * _STEPS + 1) / _STEPS  # of the L entries of a spectrum
_TEMPERATURES: Floats = np.exp(np.arange(-150, 251) / 100)  # 0.22 to 12.2 in steps of 1 %
_LEAST = float(np.finfo(np.float32).tiny)
_DOUBT_SHARE = 0.002  # of the frame: a lesion of this area stands against a mask that finds nothing


def calibrated(probability: Probabilities, temperature: float) -> Floats:
    """Return probabilities whose log-odds are divided by a temperature; one half stays one half.

    Args:
        probability: any shape, 0..1.
        temperature: above 0; above 1 it takes confidence away.
    """
    return _sigmoid(_log_odds(probability) / temperature)


def spectrum(probability: Probabilities) -> Counts:
    """Count the pixels of B frames by the log-odds of lesion.

    Args:
        probability: [B, ...], 0..1.

    Returns:
        [B, L], how many pixels of each frame are nearest to each of `LOG_ODDS`.
    """
    flat = probability.reshape(len(probability), -1)
    place = np.rint(_log_odds(flat) * _STEPS).clip(-_REACH * _STEPS, _REACH * _STEPS).astype(np.int64)
    place += _REACH * _STEPS + len(LOG_ODDS) * np.arange(len(flat))[:, None]
    counts: Counts = np.bincount(place.ravel(), minlength=len(flat) * len(LOG_ODDS)).reshape(len(flat), len(LOG_ODDS))
    return counts


def fit_temperature(lesion: Counts, background: Counts) -> float:
    """Return the temperature of the lowest cross-entropy (Guo et al., ICML 2017), on a grid of steps of 1 %.

    Args:
        lesion: [L], spectrum of the pixels that are lesion.
        background: [L], spectrum of the others.
    """
    scaled = LOG_ODDS / _TEMPERATURES[:, None]
    entropy = np.logaddexp(0, -scaled) @ lesion + np.logaddexp(0, scaled) @ background
    return float(_TEMPERATURES[int(entropy.argmin())])


def confidence(spectra: Counts, temperature: float) -> Floats:
    """Return how far to trust the mask of each frame, [B] in 0..1: the Dice that the probabilities promise it.

    The expected overlap of the mask at one half with a lesion drawn from the calibrated probabilities, 2 sum_mask p /
    (sum p + area of the mask), with a small lesion's area added below: a mask that finds nothing is trusted less, the
    more lesion the probabilities leave elsewhere.

    Args:
        spectra: [B, L], of whole frames.
        temperature: the model's.
    """
    p = _sigmoid(LOG_ODDS / temperature)
    found = LOG_ODDS >= 0
    doubt = _DOUBT_SHARE * spectra.sum(1)
    overlap, mass, area = spectra @ (p * found), spectra @ p, spectra @ found
    trusted: Floats = (2 * overlap + doubt) / (mass + area + doubt)
    return trusted


def _log_odds(probability: Probabilities) -> Floats:
    p = np.asarray(probability)  # float32 stays float32, which is four times as fast
    odds: Floats = np.log(np.maximum(p, _LEAST)) - np.log(np.maximum(1 - p, _LEAST))
    return odds


def _sigmoid(log_odds: Floats) -> Floats:
    p: Floats = 1 / (1 + np.exp(-log_odds))
    return p
