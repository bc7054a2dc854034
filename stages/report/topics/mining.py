"""Target regions: are the places that were mined where the lesions are?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mcdrl.artifacts.regions import REGIONS
from mcdrl.artifacts.store_contract import Array
from mcdrl.drawing.charts import SHARE, Chart, ChartRow, Dot, axis_row, scale, strip
from mcdrl.drawing.formatting import number
from mcdrl.drawing.html_tables import HtmlTable, Write, html_table, records
from mcdrl.drawing.overlays import Shot, grid_outline, heat, outline, pick_frames, picture
from mcdrl.study.paths import site_files
from stages.report.caveats import aligned
from stages.report.inputs import Inputs
from stages.report.pictures import frames_and_masks
from stages.report.results import Results
from stages.report.topic import Topic, first

_FRAMES = 2  # a site
_FEW_SITES = 1  # of a page that has no room for all
_MINED = ["recall", "recall_random", "auroc", "auroc_inverted"]
_REGIONS: Mapping[str, Write] = {
    "recall": lambda r: number(r["recall"]),
    "recall, random places": lambda r: number(r["recall_random"]),
    "AUROC": lambda r: number(r["auroc"]),
    "AUROC, map inverted": lambda r: number(r["auroc_inverted"]),
}


def topic(results: Results) -> Topic:
    """Return the section, and how well the regions were mined for `dvc metrics`."""
    inputs = results.inputs
    quality = inputs.quality
    values = {
        "recall": mining_chart(quality, "recall", "recall_random"),
        "auroc": mining_chart(quality, "auroc", "auroc_inverted"),
        "quality": quality_html(quality),
        "tuned": tuned_html(inputs.mining),
        "shots": mined_shots(inputs, results.artifacts, results.params.seed),
        "background": results.raw.get("build_confounders", {}).get("background"),
        "aligned": aligned(results.study),
    }
    return Topic("mining", "Regions", values, {"shots": first(values["shots"], _FEW_SITES)}, figures=figures(quality))


def figures(quality: pd.DataFrame) -> dict[str, float]:
    """Return the means over the sites, as `dvc metrics` follows them."""
    return {f"mining_{name}": quality[name].astype(float).mean() for name in _MINED}


def mining_chart(quality: pd.DataFrame, found: str, control: str) -> Chart:
    """Draw a score of the mined regions (filled) beside its control (hollow), site by site."""
    axis = scale([*quality[found].astype(float), *quality[control].astype(float)], fixed=SHARE)
    rows = []
    for row in records(quality):
        marks = [
            Dot(_float(row[control]), np.nan, np.nan, 7, f"control {number(row[control])}", hollow=True),
            Dot(_float(row[found]), np.nan, np.nan, 1, f"mined {number(row[found])}"),
        ]
        rows.append(ChartRow(str(row["site"]), strip(marks, axis, per_line=2)))
    return Chart(rows, axis_row(axis))


def quality_html(rows: pd.DataFrame) -> HtmlTable:
    """Format how well the regions were mined."""
    return html_table(
        rows,
        {
            "site": lambda r: r["site"],
            "frames with lesion": lambda r: str(r["n_frames"]),
            "alpha": lambda r: number(r["alpha"], 2),
            **_REGIONS,
        },
    )


def tuned_html(rows: pd.DataFrame) -> HtmlTable:
    """Format how well regions that were tuned on the source sites meet the lesions of the held-out one."""
    tuned = rows[rows["mining"] == "source_tuned"]
    means = tuned.groupby(["method", "held_out"], sort=False)[_MINED].mean().reset_index()
    return html_table(
        means,
        {
            "method": lambda r: r["method"],
            "held-out site": lambda r: r["held_out"],
            **_REGIONS,
        },
    )


def mined_shots(inputs: Inputs, artifacts: Path, seed: int) -> dict[str, list[Shot]]:
    """Return, for every site, pairs of pictures: the frame with its lesion, S^ with the places that were mined."""
    shots: dict[str, list[Shot]] = {}
    for site in inputs.study.sites:
        cases = inputs.cases[inputs.cases["site"] == site]
        ids = pick_frames(cases, _FRAMES, seed, site)
        kinds = cases.set_index("case_id")["lesion_class"]
        shots[site] = _site_shots(artifacts, site, ids, [str(kinds[case]) for case in ids]) if ids else []
    return shots


def _site_shots(artifacts: Path, site: str, ids: list[str], kinds: list[str]) -> list[Shot]:
    frames, masks = frames_and_masks(artifacts, site, ids)
    with REGIONS.read(site_files(artifacts, site).regions) as store:
        similarity, selected = store.rows("similarity", ids), store.rows("selected", ids)
    shots = []
    for case, kind, *arrays in zip(ids, kinds, frames, masks, similarity, selected, strict=True):
        shots += _frame_and_map(case, kind, *arrays)
    return shots


def _frame_and_map(case: str, kind: str, frame: Array, mask: Array, similarity: Array, selected: Array) -> list[Shot]:
    size_px = frame.shape[0]
    truth = ("truth", outline(mask))
    places = ("selected", grid_outline(selected, size_px))
    low, high = float(similarity.min()), float(similarity.max())
    return [
        Shot(picture(frame), size_px, (truth,), case, kind),
        Shot(picture(heat(frame, similarity)), size_px, (places, truth), "similarity Ŝ", f"{low:.3f} to {high:.3f}"),
    ]


def _float(value: Any) -> float:
    return np.nan if value is None else float(value)
