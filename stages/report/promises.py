"""What each method promises at sites that it has never seen: the page's figures, for models of the same method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from mcdrl.artifacts.promise import Promise
from mcdrl.drawing.html_tables import Row, records
from stages.report.averages import ALL, MEAN, WORST
from stages.report.caveats import drawn
from stages.report.results import Results

_DIGITS = 6


def promises(results: Results, tables: Mapping[str, pd.DataFrame]) -> dict[str, Promise | None]:
    """Return what is promised of each method, and of each that is deployed; None: no site was left out for it.

    Args:
        results: of the study.
        tables: of all topics, by name: sites, negatives, and where there are any calibration and flagged.
    """
    known = {method: promise(method, results, tables) for method in results.study.methods}
    return dict.fromkeys(results.deployed) | known


def promise(method: str, results: Results, tables: Mapping[str, pd.DataFrame]) -> Promise:
    """Return what is promised of a method; arguments as those of `promises`."""
    study, inputs = results.study, results.inputs

    def at(table: str, held_out: str | None = None) -> Row:
        """Return the row of a table that is about the method; empty: there is none."""
        rows = tables.get(table, pd.DataFrame(columns=["method", "held_out"]))
        own = rows[(rows["method"] == method) & (held_out is None or rows["held_out"] == held_out)]
        return next(iter(records(own)), {})

    mean, negative, calibration, flagged = (
        at("sites", MEAN),
        at("negatives", ALL),
        at("calibration", MEAN),
        at("flagged"),
    )
    return Promise(
        held_out=list(study.held_out),
        seeds=list(study.seeds),
        drawn=[site for site in drawn(study) if site in study.held_out],
        threshold=float(results.settings["threshold"]),
        further_sizes_px=[int(side) for side in results.settings["sizes_px"].split()[1:]],
        **{name: _figure(mean.get(name)) for name in ("dice", "dice_low", "dice_high")},
        by_site={site: _figure(at("sites", site).get("dice")) for site in study.held_out},
        n_lesion=int(mean["n_lesion"]),
        n_groups=int(mean["n_groups"]),
        worst_site=worst if isinstance(worst := at("sites", WORST)["worst_site"], str) else None,
        n_negative=int(negative.get("n_frames", 0)),
        false_positive_rate=_figure(negative.get("false_positive_rate")),
        false_positive_low=_figure(negative.get("low")),
        false_positive_high=_figure(negative.get("high")),
        calibration_error=_figure(calibration.get("ece_after")),
        calibration_error_called=_figure(calibration.get("ece_called_after")),
        flagged=_figure(flagged["flagged"] / flagged["n"] if flagged else None),
        dice_flagged=_figure(flagged.get("dice_flagged")),
        dice_unflagged=_figure(flagged.get("dice_other")),
        leaked_frames=sum(inputs.leaked.values()),
        weights=inputs.weights,
    )


def _figure(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else round(float(value), _DIGITS)
