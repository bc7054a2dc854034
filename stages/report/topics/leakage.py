"""The leak audit: which frames are one picture, and how much of each site is at another one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from mcdrl.artifacts.audit import IDENTITY
from mcdrl.drawing.html_tables import HtmlTable, html_table, records
from mcdrl.drawing.overlays import Shot
from mcdrl.study.leaks import ACROSS, containment
from stages.report.pictures import bare_shot
from stages.report.results import Results
from stages.report.topic import Topic

_SHOWN = 4  # pairs of each place


def topic(results: Results) -> Topic:
    """Return the section."""
    inputs = results.inputs
    values = {
        "exact": len(inputs.cases) <= results.raw.get("audit", {}).get("exact_up_to", len(inputs.cases)),
        "pairs": pairs_html(inputs.pairs),
        "containment": containment_html(inputs.pairs, inputs.cases),
        "shots": pair_shots(inputs.pairs, results.artifacts),
    }
    return Topic("leakage", "Leak audit", values)


def first_pairs(pairs: pd.DataFrame, each: int) -> pd.DataFrame:
    """Return the first pairs of each place, across sites first."""
    order = {place: number for number, place in enumerate(ACROSS)}
    ranked = pairs.sort_values("across", key=lambda places: places.map(order), kind="stable")
    return ranked.groupby("across", sort=False).head(each)


def pairs_html(pairs: pd.DataFrame) -> HtmlTable:
    """Format how many pairs were found where."""
    rows = [{"place": words, **_counts(pairs[pairs["across"] == place])} for place, words in ACROSS.items()]
    rows.append(
        {"place": "across training and validation, which does without", **_counts(pairs[pairs["across_split"]])}
    )
    return html_table(
        pd.DataFrame(rows),
        {
            "pairs that are one picture": lambda r: r["place"],
            "equal pixels": lambda r: str(r["identical"]),
            "nearly equal": lambda r: str(r["near"]),
            "of these mirrored or turned": lambda r: str(r["turned"]),
            "accepted": lambda r: str(r["accepted"]),
        },
    )


def containment_html(pairs: pd.DataFrame, cases: pd.DataFrame) -> HtmlTable:
    """Format how much of each site is at another one."""
    return html_table(
        containment(pairs, cases),
        {
            "site": lambda r: r["site"],
            "is in": lambda r: r["other"],
            "frames that are": lambda r: str(r["shared"]),
            "of": lambda r: str(r["frames"]),
            "share": lambda r: f"{100 * r['share']:.1f} %",
        },
    )


def pair_shots(rows: pd.DataFrame, artifacts: Path) -> list[Shot]:
    """Return the two frames of each of the first pairs that are one picture, across sites first."""
    pairs = first_pairs(rows, _SHOWN)
    shots = []
    for row in records(pairs):
        turned = "" if row["symmetry"] == IDENTITY else f", the second by {row['symmetry']} of Pillow"
        note = f"{ACROSS[row['across']]}, {row['kind']}, correlation {row['correlation']:.2f}{turned}"
        shots += [bare_shot(artifacts, row[f"site_{side}"], row[f"case_{side}"], note) for side in "ab"]
    return shots


def _counts(pairs: pd.DataFrame) -> dict[str, int]:
    kinds = {kind: int((pairs["kind"] == kind).sum()) for kind in ("identical", "near")}
    turned = int((pairs["symmetry"] != IDENTITY).sum())
    return {**kinds, "turned": turned, "accepted": int(pairs["accepted"].sum())}
