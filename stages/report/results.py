"""The results of a study as the topics take them: what was read, and what several of them follow from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from mcdrl.study.params import Study
from mcdrl.study.paths import Cell
from mcdrl.study.sections.report import Params
from stages.report.averages import Draws, frame_scores, reference_of
from stages.report.inputs import Inputs
from stages.report.pictures import predictions


@dataclass(frozen=True)
class Results:
    """The results of a study.

    Attributes:
        inputs: what `read_inputs` read.
        params: the `report` section.
        artifacts: where frames, regions and predictions are read from.
        raw: the whole of params.yaml.
    """

    inputs: Inputs
    params: Params
    artifacts: Path
    raw: Mapping[str, Any]

    @property
    def study(self) -> Study:
        """The shared part of params.yaml."""
        return self.inputs.study

    @property
    def deployed(self) -> list[str]:
        """The methods that are trained on all sites, besides."""
        return list(self.raw.get("deploy", {}).get("methods", []))

    @property
    def draws(self) -> Draws:
        """How intervals are drawn."""
        return Draws(self.params.bootstrap, self.params.seed)

    @property
    def reference(self) -> str:
        """The method that the others are compared with."""
        return reference_of(self.study.methods)

    @cached_property
    def frames(self) -> pd.DataFrame:
        """Scores a frame, means over the seeds, as from `frame_scores`."""
        return frame_scores(self.inputs.scores)

    @cached_property
    def best_method(self) -> str:
        """The method whose failures and confidence the answer tells."""
        return best_method(self.frames, self.study.methods)

    @cached_property
    def settings(self) -> Mapping[str, str]:
        """The threshold and the tolerance_px that the first cell was scored with."""
        cell = Cell(self.study.methods[0], self.study.held_out[0], self.study.seeds[0])
        with predictions(self.artifacts, cell) as store:
            return dict(store.attributes)


def best_method(frames: pd.DataFrame, methods: Sequence[str]) -> str:
    """Return the method with the best mean Dice over the held-out sites, of equal ones the first."""
    sites = frames.groupby(["method", "held_out"], sort=False)["dice"].mean()
    means = sites.groupby("method", sort=False).mean()
    return max(methods, key=lambda method: -1.0 if pd.isna(means[method]) else float(means[method]))
