"""How far a trained network's probabilities can be trusted, measured on the validation frames of the source sites."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from mcdrl.base.parallel import batches
from mcdrl.metrics.calibration import LOG_ODDS, confidence, fit_temperature, spectrum
from mcdrl.model.probability import probability
from mcdrl.training.loop import Training


@dataclass(frozen=True)
class Trust:
    """What model.json says of it.

    Attributes:
        temperature: by which the log-odds of lesion are to be divided.
        flag_below: confidence below which a frame is flagged.
    """

    temperature: float
    flag_below: float


def measure_trust(training: Training, weights: Mapping[str, Tensor]) -> Trust:
    """Fit the temperature, and the confidence below which `flag_share` of the validation frames are.

    Args:
        training: done; its method takes the weights.
        weights: of the chosen epoch.
    """
    training.method.load_state_dict(weights)
    training.method.eval()
    lesion, ignored = np.zeros((2, len(LOG_ODDS)), np.int64)
    spectra = []
    with closing(training.read(list(batches(training.frames.val, training.params.batch_size)), "calibration")) as read:
        for batch in read:
            with training.fabric.autocast():
                p = probability(training.method, batch).cpu().numpy()
            spectra.append(spectrum(p).astype(np.int32))
            lesion += spectrum(p[batch.lesion.cpu().numpy()][None])[0]
            ignored += spectrum(p[~batch.judged.cpu().numpy()][None])[0]
    frames = np.concatenate(spectra)
    temperature = fit_temperature(lesion, frames.sum(0) - ignored - lesion)
    flag_below = float(np.quantile(confidence(frames, temperature), training.params.flag_share))
    return Trust(temperature, flag_below)
