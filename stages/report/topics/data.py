"""Frames accepted and refused: how many of each site were taken, and why others were not."""

from __future__ import annotations

import pandas as pd

from mcdrl.drawing.html_tables import HtmlTable, html_table
from stages.report.inputs import Inputs
from stages.report.results import Results
from stages.report.topic import Topic


def topic(results: Results) -> Topic:
    """Return the section."""
    return Topic("data", "Data", {"quarantine": quarantine_html(results.inputs)})


def quarantine_html(inputs: Inputs) -> HtmlTable:
    """Format how many frames of each site were taken, and why others were not."""
    kinds = inputs.quarantine.assign(kind=[reason.partition(": ")[0] for reason in inputs.quarantine["reason"]])
    counts = kinds.groupby(["site", "kind"], sort=False).agg(files=("file", "size"), example=("file", "first"))
    clean = [name for name in inputs.study.sites if name not in set(kinds["site"])]
    none = pd.DataFrame({"site": clean, "kind": "–", "files": 0, "example": "–"})
    accepted = inputs.cases.groupby("site").agg(frames=("case_id", "size"), groups=("group_id", "nunique"))
    rows = pd.concat([counts.reset_index(), none], ignore_index=True)
    rows = rows.merge(accepted, left_on="site", right_index=True, how="left").fillna({"frames": 0, "groups": 0})
    order = {name: place for place, name in enumerate(inputs.study.sites)}
    return html_table(
        rows.sort_values("site", key=lambda names: names.map(order), kind="stable"),
        {
            "site": lambda r: r["site"],
            "frames accepted": lambda r: f"{r['frames']:.0f}",
            "groups": lambda r: f"{r['groups']:.0f}",
            "files refused": lambda r: str(r["files"]),
            "reason": lambda r: r["kind"],
            "first such file": lambda r: r["example"],
        },
    )
