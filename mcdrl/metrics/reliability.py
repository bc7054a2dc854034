"""Whether probabilities are kept: of the pixels called 0.8, are eight of ten lesion?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mcdrl.metrics.calibration import LOG_ODDS, calibrated_log_odds
from mcdrl.metrics.counts import Ints

BINS = 15  # as in Guo et al., ICML 2017


def reliability(lesion: Ints, pixels: Ints, temperature: float) -> pd.DataFrame:
    """Sort pixels into bins of equal width by their calibrated probability of lesion.

    Args:
        lesion: [L], spectrum of the pixels that are lesion; see `mcdrl.metrics.calibration`.
        pixels: [L], spectrum of all.
        temperature: 1 leaves the probabilities as they are.

    Returns:
        `BINS` rows: bin, n_px, mean_probability, lesion_share; the last two are NaN where there is no pixel.
    """
    p = calibrated_log_odds(LOG_ODDS, temperature)
    place = np.minimum((p * BINS).astype(np.int64), BINS - 1)
    n_px, found, mass = (np.bincount(place, weights, BINS) for weights in (pixels, lesion, p * pixels))
    share = np.divide(found, n_px, out=np.full(BINS, np.nan), where=n_px > 0)
    mean = np.divide(mass, n_px, out=np.full(BINS, np.nan), where=n_px > 0)
    return pd.DataFrame(
        {"bin": np.arange(BINS), "n_px": n_px.astype(np.int64), "mean_probability": mean, "lesion_share": share}
    )


def called(pixels: Ints, threshold: float) -> Ints:
    """Return the part of a spectrum that is called lesion, [L]: of raw probabilities from the threshold on.

    To the step of a spectrum: pixels up to 0.008 below it can be among them.
    """
    return np.where(calibrated_log_odds(LOG_ODDS, 1.0) >= threshold, pixels, 0)


def calibration_error(bins: pd.DataFrame) -> float:
    """Return the expected calibration error, 0..1: the mean distance of probability and lesion share over the pixels.

    Most pixels of a frame are plainly no lesion and hide the others, so it is told over those called lesion, too.

    Args:
        bins: as `reliability` gives them. NaN where they hold no pixel.
    """
    gap = (bins["mean_probability"] - bins["lesion_share"]).abs().fillna(0.0)
    total = int(bins["n_px"].sum())
    return float((gap * bins["n_px"]).sum() / total) if total else float("nan")
