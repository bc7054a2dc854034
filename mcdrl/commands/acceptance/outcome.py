"""The figures of a hospital: means over its frames, with intervals over its patients, and what was promised of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mcdrl.artifacts.promise import Promise
from mcdrl.base.seeds import generator
from mcdrl.metrics.auroc import auroc
from mcdrl.metrics.coverage import coverage_table
from mcdrl.metrics.intervals import DRAWS, NONE, SHARE, Sample, score_interval
from mcdrl.metrics.ranking import auroc_interval, fewest_groups
from mcdrl.metrics.reliability import calibration_error

if TYPE_CHECKING:
    from mcdrl.commands.acceptance.tally import Tally

_ANY = (0.0, np.inf)
LEFT = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)  # shares of the frames that are left to a human


@dataclass(frozen=True)
class Figure:
    """A figure of a hospital.

    Attributes:
        name: its row in summary.csv.
        title: what people call it.
        value: NaN: it is undefined, as there is no frame of the kind.
        low: lower end of its 95 % interval; NaN: it has none.
        high: upper end.
        n: how many frames, or lesions, it is over.
        groups: how many patients, sequences or single frames these are of.
        promised: the same at the sites that were left out; NaN: nothing was promised of it.
        promised_low: lower end of the promise's own interval; NaN: it has none.
        promised_high: upper end.
        digits: behind the point.
        of: what it is over, one of them, in a word.
    """

    name: str
    title: str
    value: float
    low: float = float("nan")
    high: float = float("nan")
    n: int = 0
    groups: int = 0
    promised: float = float("nan")
    promised_low: float = float("nan")
    promised_high: float = float("nan")
    digits: int = 3
    of: str = "frame"


@dataclass(frozen=True)
class AcceptanceOutcome:
    """What was found at a hospital.

    Attributes:
        figures: by name.
        coverage: as from `coverage_table`; empty: no frame has a lesion.
        grouped: whether patients or sequences are known.
        alone: frames of which they aren't; each counts as one.
    """

    figures: dict[str, Figure]
    coverage: pd.DataFrame
    grouped: bool
    alone: int


def outcome(tally: Tally, promise: Promise | None, name: str) -> AcceptanceOutcome:
    """Work the figures out.

    Args:
        tally: of all frames.
        promise: what was promised; None: nothing.
        name: of the hospital, so that its intervals have draws of their own.
    """
    cases = tally.cases()
    grouped = bool(cases["group"].notna().any())
    whole = cases.assign(group=cases["group"].fillna("frame " + cases["frame"]))
    found, coverage = list(_said(whole, promise, name)), pd.DataFrame()
    if whole["tn"].notna().any():
        found = [*_right(whole, tally, promise, name), *_trust(whole, tally, promise, name), *found]
        lesion = whole[whole["dice"].notna()]
        confidence, dice = (lesion[one].to_numpy(dtype=np.float64) for one in ("confidence", "dice"))
        coverage = coverage_table(confidence, dice, LEFT) if len(lesion) else coverage
    return AcceptanceOutcome(
        {figure.name: figure for figure in found}, coverage, grouped, int(cases["group"].isna().sum())
    )


def _right(cases: pd.DataFrame, tally: Tally, promise: Promise | None, name: str) -> Iterator[Figure]:
    """Yield how right the masks are."""
    lesion, negative = cases[cases["lesion_class"].notna()], cases[cases["lesion_class"].isna()]
    told = promise.model_dump() if promise else {}
    yield _mean("dice", "Dice", lesion, "dice", name, promised=_ends(told, "dice", "dice_low", "dice_high"))
    yield _mean("iou", "IoU", lesion, "iou", name)
    yield _mean("nsd", "NSD", lesion, "nsd", name)
    yield _mean("hd95_px", "HD95, px of the working size", lesion, "hd95_px", name, within=_ANY, digits=1)
    yield _mean("dice_suppressed", "Dice with --suppress", lesion, "dice_suppressed", name)
    lesions = _lesions(tally.findings, cases)
    for end, how in (("", ""), ("_suppressed", " with --suppress")):
        column = "kept" if end else "found"
        yield _mean(f"lesion_sensitivity{end}", f"lesions found{how}, share", lesions, column, name, of="lesion")
        yield _mean(
            f"false_positives{end}", f"false positives a frame{how}", cases, f"false_positives{end}", name,
            within=_ANY, digits=2,
        )  # fmt: skip
    rate = ("false_positive_rate", "false_positive_low", "false_positive_high")
    called, left = ((negative[name] > 0).astype(float) for name in ("fp", "false_positives_suppressed"))
    alarms = negative.assign(called=called, left=left)
    yield _mean(
        "false_alarms", "frames without a lesion that are called", alarms, "called", name, promised=_ends(told, *rate)
    )
    yield _mean("false_alarms_suppressed", "the same with --suppress", alarms, "left", name)
    yield _auroc(cases, name)


def _trust(cases: pd.DataFrame, tally: Tally, promise: Promise | None, name: str) -> Iterator[Figure]:
    """Yield how far probabilities, confidence and flag can be believed."""
    told = promise.model_dump() if promise else {}
    for title, key, only in (
        ("calibration error, all pixels", "calibration_error", False),
        ("calibration error, pixels called lesion", "calibration_error_called", True),
    ):
        off = calibration_error(tally.bins(after=True, called_only=only))
        yield Figure(key, title, off, n=len(cases), promised=_figure(told.get(key)))
    flagged, lesion = cases["flagged"] == "yes", cases["dice"].notna()
    for key, title, part in (
        ("dice_flagged", "Dice of flagged frames", cases[flagged & lesion]),
        ("dice_unflagged", "Dice of the others", cases[~flagged & lesion]),
    ):
        yield _mean(key, title, part, "dice", name, promised=_ends(told, key))
    called = _called(cases)
    precision = called.assign(precision=called["tp"] / (called["tp"] + called["fp"]))
    yield _mean("precision", "share of the masks that is lesion", precision, "precision", name)


def _said(cases: pd.DataFrame, promise: Promise | None, name: str) -> Iterator[Figure]:
    """Yield what needs no truth; what masks are expected to be is of the frames that tell what they are, if any do."""
    told = promise.model_dump() if promise else {}
    flags = cases.assign(yes=(cases["flagged"] == "yes").astype(float), left=(cases["lesion"] == "yes").astype(float))
    yield _mean("flagged", "frames flagged", flags, "yes", name, promised=_ends(told, "flagged"))
    judged, anything = _called(cases), cases[cases["called_share"] > 0]
    called = judged if len(judged) else anything
    yield _mean("expected_precision", "share of the masks that it expects to be lesion", called, "confidence", name)
    yield _mean("called", "frames in which a lesion is left at the operating point", flags, "left", name)
    yield _mean("called_share", "called lesion, share of a frame", cases, "called_share", name)


def _called(cases: pd.DataFrame) -> pd.DataFrame:
    """Return the frames in which pixels are called that somebody has judged."""
    return cases[(cases["tp"] + cases["fp"]) > 0]


def _lesions(findings: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    own = findings[findings["kind"] == "lesion"]
    groups = cases.set_index("frame")["group"]
    return pd.DataFrame(
        {
            "found": own["score"].notna().astype(float).to_numpy(),
            "kept": own["kept"].astype(float).to_numpy(),
            "group": groups.reindex(own["case_id"]).to_numpy(),
        }
    )


def _mean(
    key: str, title: str, rows: pd.DataFrame, column: str, name: str, *, within: tuple[float, float] = SHARE,
    promised: tuple[float, float, float] = (np.nan, np.nan, np.nan), digits: int = 3,
    of: str = "frame",
) -> Figure:  # fmt: skip
    defined = rows[rows[column].notna()]
    values, groups = defined[column].to_numpy(dtype=np.float64), defined["group"].to_numpy()
    low, high = NONE
    if len(values):
        low, high = score_interval([Sample(values, groups)], DRAWS, generator("accept", name, key), within)
    mean, n_groups = float(values.mean()) if len(values) else float("nan"), len(set(groups.tolist()))
    return Figure(key, title, mean, low, high, len(values), n_groups, *promised, digits=digits, of=of)


def _auroc(cases: pd.DataFrame, name: str) -> Figure:
    scores, positive = cases["frame_score"].to_numpy(dtype=np.float64), cases["lesion_class"].notna().to_numpy()
    groups, title = cases["group"].to_numpy(), "AUROC of the frame's score"
    if positive.all() or not positive.any():
        return Figure("frame_auroc", title, float("nan"), n=len(cases))
    low, high = auroc_interval(scores[None], positive, groups, DRAWS, generator("accept", name, "frame_auroc"))
    value = float(auroc(scores, positive)[0])
    return Figure("frame_auroc", title, value, low, high, len(cases), fewest_groups(positive, groups))


def _ends(told: dict[str, object], *keys: str) -> tuple[float, float, float]:
    low_high = [_figure(told.get(key)) for key in keys]
    padded = [*low_high, np.nan, np.nan][:3]
    return (padded[0], padded[1], padded[2])


def _figure(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
