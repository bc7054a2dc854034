"""Predictions against masks, batch by batch: scores, calibration, trust and what is found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mcdrl.artifacts.frames import judged_of, lesion_of, unpack_native_mask
from mcdrl.artifacts.store_reader import StoreReader
from mcdrl.metrics.calibration import LOG_ODDS, Floats, confidence, spectrum
from mcdrl.metrics.operating_point import OperatingPoint, scores_of_judged
from mcdrl.metrics.reliability import calibration_error, called, reliability
from mcdrl.model.detections import Detections
from mcdrl.model.native import Native
from mcdrl.model.score import matches, score
from mcdrl.regions.quality import Quality, quality_table
from mcdrl.study.sections.evaluate import Params
from stages.evaluate.predict import BatchPrediction

_CROP = ["crop_left_px", "crop_top_px", "crop_right_px", "crop_bottom_px"]


def natives(frames: StoreReader, cases: pd.DataFrame, case_ids: Sequence[str]) -> list[Native]:
    """Return frames as they were before they were brought to working size.

    Args:
        frames: the site's store of frames.
        cases: its cases with their geometry, by `case_id`.
        case_ids: which.
    """
    masks = frames.blobs("native_mask", case_ids)
    crops = cases.loc[list(case_ids), _CROP].itertuples(index=False, name=None)
    whole = [(unpack_native_mask(mask), crop) for mask, crop in zip(masks, crops, strict=True)]
    return [Native(lesion_of(mask), crop, judged_of(mask)) for mask, crop in whole]


class Scorer:
    """Compares what is predicted with the masks of one site; keeps rows and sums, no pixels."""

    def __init__(
        self, frames: StoreReader, cases: pd.DataFrame, params: Params, *, temperature: float, flag_below: float,
        operating_point: OperatingPoint,
    ) -> None:  # fmt: skip
        """Take the site's store of frames, its cases with their geometry, and what the model's card says of trust."""
        self._frames, self._params = frames, params
        self._temperature, self._flag_below = temperature, flag_below
        self._cases = cases.set_index("case_id", drop=False)
        self._scores: list[pd.DataFrame] = []
        self._confidence: list[Floats] = []
        self._lesion, self._pixels = np.zeros((2, len(LOG_ODDS)), np.int64)  # the pixels are those that count
        self._regions = Quality()
        self._found = Detections(operating_point)

    def add(self, prediction: BatchPrediction) -> None:
        """Score what was predicted for B frames."""
        case_ids, probability = prediction.case_ids, prediction.probability
        labels = self._frames.rows("mask", case_ids)
        truth, judged = lesion_of(labels), judged_of(labels)
        self._regions.add(prediction.similarity, prediction.selected, truth, judged)
        native = natives(self._frames, self._cases, case_ids)
        rows = score(probability, native, self._params.threshold, self._params.tolerance_px)
        self._scores.append(rows.assign(case_id=list(case_ids)))
        spectra = spectrum(probability)
        self._confidence.append(confidence(spectra, self._temperature))
        found = matches(probability, native, self._params.threshold)
        frame_score = scores_of_judged(spectra, probability, judged, prediction.presence)
        self._found.add(case_ids, found, [frame.view_px for frame in native], frame_score)
        self._lesion += spectrum(probability[truth][None])[0]
        self._pixels += spectra.sum(0) - spectrum(probability[~judged][None])[0]

    def scores(self) -> pd.DataFrame:
        """Return a row a frame, as in `SCORES`."""
        names = self._cases[["case_id", "group_id", "lesion_class"]].reset_index(drop=True)
        return names.merge(pd.concat(self._scores, ignore_index=True), on="case_id", validate="1:1")

    def trust(self) -> pd.DataFrame:
        """Return a row a frame, as in `TRUST`."""
        case_ids = pd.concat([rows["case_id"] for rows in self._scores], ignore_index=True)
        trusted = np.concatenate(self._confidence)
        return pd.DataFrame({"case_id": case_ids, "confidence": trusted, "flagged": trusted < self._flag_below})

    def findings(self) -> pd.DataFrame:
        """Return a row a lesion and a false positive, as in `FINDINGS`."""
        return self._found.findings()

    def alarms(self) -> pd.DataFrame:
        """Return a row a frame, as in `ALARMS`."""
        return self._found.alarms()

    def reliability(self) -> pd.DataFrame:
        """Return the bins before and after calibration, as in `RELIABILITY`."""
        parts = [self._bins(temperature).assign(calibrated=after) for after, temperature in self._temperatures()]
        return pd.concat(parts, ignore_index=True)

    def mining(self, mining: str) -> pd.DataFrame:
        """Return one row, as in `MINING`: how well the regions, mined in that way, meet the lesions."""
        return quality_table({"mining": mining, **self._regions.row()})

    def calibration(self) -> pd.DataFrame:
        """Return one row, as in `CALIBRATION`."""
        before, after = (calibration_error(self._bins(temperature)) for _, temperature in self._temperatures())
        called_before, called_after = (calibration_error(self._called(t)) for _, t in self._temperatures())
        return pd.DataFrame(
            {
                "temperature": [self._temperature], "ece_before": before, "ece_after": after,
                "ece_called_before": called_before, "ece_called_after": called_after,
                "n_frames": sum(len(rows) for rows in self._scores),
            }
        )  # fmt: skip

    def _temperatures(self) -> tuple[tuple[bool, float], tuple[bool, float]]:
        return (False, 1.0), (True, self._temperature)

    def _bins(self, temperature: float) -> pd.DataFrame:
        return reliability(self._lesion, self._pixels, temperature)

    def _called(self, temperature: float) -> pd.DataFrame:
        lesion, pixels = (called(counts, self._params.threshold) for counts in (self._lesion, self._pixels))
        return reliability(lesion, pixels, temperature)
