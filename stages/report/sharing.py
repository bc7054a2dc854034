"""What sites share: the leak audit's figures, and which results stand on frames that were seen in training."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from mcdrl.artifacts.audit import IDENTITY
from mcdrl.study.leaks import containment, crossing, own_frames
from stages.report import views
from stages.report.tables import ALL, MEAN, WORST
from stages.report.views import Sheet

PLACES = {
    "across_sites": "across sites",
    "across_groups": "across groups of a site",
    "within_group": "inside a group",
}
_TOTALS = (MEAN, WORST, ALL)


def leaked_frames(pairs: pd.DataFrame, held_out: Iterable[str]) -> dict[str, int]:
    """Return how many frames of each held-out site are at a source site, too; only sites that have such frames.

    Training stops on them unless params.yaml accepts them, so where a model exists they were accepted.

    Args:
        pairs: rows of audit.parquet.
        held_out: the sites that are left out in turn.
    """
    counts = {site: len(own_frames(crossing(pairs, site), site)) for site in held_out}
    return {site: count for site, count in counts.items() if count}


def with_leaks(rows: pd.DataFrame, leaked: dict[str, int]) -> pd.DataFrame:
    """Add `leaked_frames`: of the row's held-out site, or of all of them where a row is about several."""
    total = sum(leaked.values())
    if "held_out" not in rows.columns:
        return rows.assign(leaked_frames=total)
    counts = [total if site in _TOTALS else leaked.get(site, 0) for site in rows["held_out"]]
    return rows.assign(leaked_frames=pd.Series(counts, index=rows.index, dtype="int64"))


def warning(leaked: dict[str, int]) -> str:
    """Return the sentence that goes with every result; empty where nothing leaks."""
    if not leaked:
        return ""
    parts = ", ".join(f"{count} of {site}" for site, count in leaked.items())
    return f"ACCEPTED LEAK: frames of a held-out site were seen in training ({parts})."


def first_pairs(pairs: pd.DataFrame, each: int) -> pd.DataFrame:
    """Return the first pairs of each place, across sites first."""
    order = {place: number for number, place in enumerate(PLACES)}
    ranked = pairs.sort_values("across", key=lambda places: places.map(order), kind="stable")
    return ranked.groupby("across", sort=False).head(each)


def pairs_sheet(pairs: pd.DataFrame) -> Sheet:
    """Format how many pairs were found where."""
    rows = [{"place": words, **_counts(pairs[pairs["across"] == place])} for place, words in PLACES.items()]
    rows.append(
        {"place": "across training and validation, which does without", **_counts(pairs[pairs["across_split"]])}
    )
    return views.sheet(
        pd.DataFrame(rows),
        {
            "pairs that are one picture": lambda r: r["place"],
            "equal pixels": lambda r: str(r["identical"]),
            "nearly equal": lambda r: str(r["near"]),
            "of these mirrored or turned": lambda r: str(r["turned"]),
            "accepted": lambda r: str(r["accepted"]),
        },
        (),
    )


def containment_sheet(pairs: pd.DataFrame, cases: pd.DataFrame) -> Sheet:
    """Format how much of each site is at another one."""
    return views.sheet(
        containment(pairs, cases),
        {
            "site": lambda r: r["site"],
            "is in": lambda r: r["other"],
            "frames that are": lambda r: str(r["shared"]),
            "of": lambda r: str(r["frames"]),
            "share": lambda r: f"{100 * r['share']:.1f} %",
        },
        (),
    )


def _counts(pairs: pd.DataFrame) -> dict[str, int]:
    kinds = {kind: int((pairs["kind"] == kind).sum()) for kind in ("identical", "near")}
    turned = int((pairs["symmetry"] != IDENTITY).sum())
    return {**kinds, "turned": turned, "accepted": int(pairs["accepted"].sum())}
