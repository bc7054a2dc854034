"""How far a trained network can be trusted, and where it says "no lesion": by frames that it wasn't trained on."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mcdrl.base.parallel import batches
from mcdrl.metrics.calibration import LOG_ODDS, confidence, fit_temperature, spectrum
from mcdrl.metrics.counts import Bools
from mcdrl.metrics.detection import match
from mcdrl.metrics.operating_point import Judged, OperatingPoint, choose, scores_of_judged
from mcdrl.model.probability import probabilities
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


class Answers:
    """What a network says of frames that it wasn't trained on, beside their masks; pixels aren't kept.

    Attributes:
        judged: frame by frame, as the choice of an operating point takes it; views are squares of the working size.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self.judged: list[Judged] = []
        self._lesion, self._background = np.zeros((2, len(LOG_ODDS)), np.int64)
        self._frames: list[NDArray[np.int32]] = []

    def add(
        self, p: NDArray[np.float32], truth: Bools, judged: Bools, presence: NDArray[Any] | None = None,
        threshold: float = 0.5,
    ) -> None:  # fmt: skip
        """Take B frames.

        Args:
            p: [B, S, S], the probability of lesion, not calibrated, 0..1.
            truth: [B, S, S], where the lesion is.
            judged: [B, S, S], where the mask says lesion or background.
            presence: [B], the frames' scores where others than the map say them, 0..1: a presence head, or several
                models each by its own map; None: the map does.
            threshold: probability from which a pixel is called lesion.
        """
        spectra = spectrum(p)
        lesion, ignored = spectrum(p[truth][None])[0], spectrum(p[~judged][None])[0]
        self._lesion += lesion
        self._background += spectra.sum(0) - ignored - lesion
        self._frames.append(spectra.astype(np.int32))
        frame_score = scores_of_judged(spectra, p, judged, presence)
        for frame in zip(p, p >= threshold, truth, judged, frame_score.tolist(), strict=True):
            self.judged.append(Judged(match(*frame[:4]), frame[0].size, frame[4]))

    def trust(self, flag_share: float, keep_share: float) -> Trust:
        """Fit temperature, the confidence below which `flag_share` of the frames are, and the operating point.

        Without a frame nothing is calibrated, flagged or suppressed.
        """
        if not self._frames:
            return Trust(1.0, 0.0, OperatingPoint())
        temperature = fit_temperature(self._lesion, self._background)
        flag_below = float(np.quantile(confidence(np.concatenate(self._frames), temperature), flag_share))
        return Trust(temperature, flag_below, choose(self.judged, keep_share))


def measure_trust(training: Training, weights: Mapping[str, Tensor]) -> Trust:
    """Say how far a network can be trusted by the validation frames of its source sites.

    Frames whose lesion leaves no pixel at the working size are no frames without one, and say nothing.

    Args:
        training: done; its method takes the weights.
        weights: of the chosen epoch.
    """
    training.method.load_state_dict(weights)
    training.method.eval()
    answers, params, feed = Answers(), training.params, training.feed
    with closing(feed.read(list(batches(feed.frames.val, params.batch_size)), "calibration")) as read:
        for batch in read:
            with training.fabric.autocast():
                found = probabilities(training.method, batch)
            said = ~_array(batch.vanished)
            presence = None if found.presence is None else _array(found.presence)[said]
            if not said.any():
                continue
            p, truth, judged = (_array(part)[said] for part in (found.lesion, batch.lesion, batch.judged))
            answers.add(p, truth, judged, presence)
    return answers.trust(params.flag_share, params.keep_share)


def _array(values: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = values.cpu().numpy()
    return array
