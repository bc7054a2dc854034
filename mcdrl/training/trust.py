"""How far a trained network can be trusted, and where it says "no lesion": by source sites' validation frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from mcdrl.base.parallel import batches
from mcdrl.metrics.calibration import LOG_ODDS, Counts, confidence, fit_temperature, spectrum
from mcdrl.metrics.detection import Match, match
from mcdrl.metrics.operating_point import Judged, OperatingPoint, choose, frame_scores
from mcdrl.model.probability import probability
from mcdrl.training.loop import Training


@dataclass(frozen=True)
class Trust:
    """What model.json says of it.

    Attributes:
        temperature: by which the log-odds of lesion are to be divided.
        flag_below: confidence below which a frame is flagged.
        operating_point: what a frame has to reach to have a lesion.
    """

    temperature: float
    flag_below: float
    operating_point: OperatingPoint


def measure_trust(training: Training, weights: Mapping[str, Tensor]) -> Trust:
    """Fit temperature, the confidence below which `flag_share` of the validation frames are, and the operating point.

    Args:
        training: done; its method takes the weights.
        weights: of the chosen epoch.
    """
    training.method.load_state_dict(weights)
    training.method.eval()
    lesion, ignored = np.zeros((2, len(LOG_ODDS)), np.int64)
    spectra, matches = [], []
    with closing(training.read(list(batches(training.frames.val, training.params.batch_size)), "calibration")) as read:
        for batch in read:
            with training.fabric.autocast():
                p = probability(training.method, batch).cpu().numpy()
            spectra.append(spectrum(p).astype(np.int32))
            truth, judged = batch.lesion.cpu().numpy(), batch.judged.cpu().numpy()
            lesion += spectrum(p[truth][None])[0]
            ignored += spectrum(p[~judged][None])[0]
            matches += [match(*frame) for frame in zip(p, (p >= 0.5) & judged, truth, strict=True)]
    frames = np.concatenate(spectra)
    temperature = fit_temperature(lesion, frames.sum(0) - ignored - lesion)
    flag_below = float(np.quantile(confidence(frames, temperature), training.params.flag_share))
    return Trust(temperature, flag_below, _chosen(matches, frames, training.params.keep_share))


def _chosen(matches: Sequence[Match], spectra: Counts, keep_share: float) -> OperatingPoint:
    """Return the operating point of the validation frames, whose views are the squares of the working size."""
    view_px, scores = spectra.sum(axis=1).tolist(), frame_scores(spectra).tolist()
    return choose([Judged(*frame) for frame in zip(matches, view_px, scores, strict=True)], keep_share)
