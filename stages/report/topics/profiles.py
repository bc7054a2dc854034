"""In what the sites differ: a table and a small chart for each thing that was measured, and some frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mcdrl.drawing.charts import SHARE, ridges
from mcdrl.drawing.formatting import number
from mcdrl.drawing.html_tables import HtmlTable, html_table
from mcdrl.drawing.overlays import Shot, outline, pick_frames, picture
from mcdrl.drawing.plots import Panel
from mcdrl.metrics.counts import Floats
from stages.report.inputs import Inputs
from stages.report.pictures import frames_and_masks, lesion_words
from stages.report.results import Results
from stages.report.topic import Topic, first

FRAMES_SHOWN = 6  # a site
_FEW_SITES = 1  # of a page that has no room for all


@dataclass(frozen=True)
class _Quantity:
    column: str
    title: str
    fixed: tuple[float, float] | None = SHARE
    log: bool = False


_QUANTITIES = (
    _Quantity("lesion_share", "lesion area, share of the frame"),
    _Quantity("brightness", "brightness"),
    _Quantity("contrast", "contrast"),
    _Quantity("sharpness", "sharpness, log10", None, log=True),
    _Quantity("glare_share", "glare, share of the view"),
    _Quantity("saturation", "saturation"),
    _Quantity("hue_deg", "hue, degrees from red", None),
    _Quantity("red_share", "red, share of the light"),
    _Quantity("blue_share", "blue, share of the light"),
    _Quantity("border_share", "outside the view, share of the frame"),
    _Quantity("overlay_share", "burnt-in text, share of the frame"),
    _Quantity("height_px", "height, px", None),
)


def topic(results: Results) -> Topic:
    """Return the section."""
    inputs, sites = results.inputs, list(results.study.sites)
    values: dict[str, Any] = {
        "profiles": profile_html(inputs.profile, inputs.cases, sites),
        "panels": profile_panels(inputs.profile, sites),
        "contact": contact_shots(inputs, results.artifacts, results.params.seed),
    }
    return Topic("profiles", "Site profiles", values, {"contact": first(values["contact"], _FEW_SITES)})


def profile_panels(profile: pd.DataFrame, sites: Sequence[str]) -> list[Panel]:
    """Draw how each quantity is distributed at each site; lesion areas are of the frames with a lesion."""
    return [
        Panel(one.title, ridges(_values(profile, one, sites), one.title, fixed=one.fixed), []) for one in _QUANTITIES
    ]


def profile_html(profile: pd.DataFrame, cases: pd.DataFrame, sites: Sequence[str]) -> HtmlTable:
    """Format a row a site: counts, sizes and medians."""
    rows = [_row(profile[profile["site"] == site], cases[cases["site"] == site]) for site in sites]
    return html_table(
        pd.DataFrame(rows).assign(site=list(sites)),
        {
            "site": lambda r: r["site"],
            "frames": lambda r: str(r["frames"]),
            "without lesion": lambda r: str(r["negatives"]),
            "groups": lambda r: str(r["groups"]),
            "classes": lambda r: r["classes"],
            "native size, px": lambda r: r["sizes"],
            "lesion, %": lambda r: number(100 * r["lesion_share"], 1),
            "brightness": lambda r: number(r["brightness"], 2),
            "sharpness": lambda r: number(r["sharpness"], 0),
            "glare, %": lambda r: number(100 * r["glare_share"], 2),
            "hue, °": lambda r: number(r["hue_deg"], 0),
            "outside the view, %": lambda r: number(100 * r["border_share"], 1),
        },
    )


def contact_shots(inputs: Inputs, artifacts: Path, seed: int) -> dict[str, list[Shot]]:
    """Return, for every site, frames drawn at random, with or without a lesion."""
    return {site: _contact(inputs, artifacts, site, seed) for site in inputs.study.sites}


def _row(profile: pd.DataFrame, cases: pd.DataFrame) -> dict[str, object]:
    lesion = cases["lesion_class"].dropna()
    counts = lesion.value_counts(sort=False).sort_index()
    medians = {one.column: _finite(_chosen(profile, one.column)) for one in _QUANTITIES}
    return {
        "frames": len(cases), "negatives": len(cases) - len(lesion), "groups": cases["group_id"].nunique(),
        "classes": ", ".join(f"{kind} {count}" for kind, count in counts.items()) or "–",
        "sizes": f"{_range(cases['width_px'])} × {_range(cases['height_px'])}",
        **{name: float(np.median(values)) if len(values) else np.nan for name, values in medians.items()},
    }  # fmt: skip


def _range(sizes: pd.Series) -> str:
    low, high = int(sizes.min()), int(sizes.max())
    return str(low) if low == high else f"{low}–{high}"


def _chosen(profile: pd.DataFrame, column: str) -> pd.Series:
    return profile.loc[profile["lesion_share"] > 0, column] if column == "lesion_share" else profile[column]


def _finite(values: pd.Series) -> Floats:
    numbers = values.to_numpy(dtype=np.float64)
    finite: Floats = numbers[np.isfinite(numbers)]
    return finite


def _values(profile: pd.DataFrame, quantity: _Quantity, sites: Sequence[str]) -> dict[str, Floats]:
    found = {}
    for site in sites:
        numbers = _finite(_chosen(profile[profile["site"] == site], quantity.column))
        found[site] = np.log10(np.maximum(numbers, 1e-2)) if quantity.log else numbers
    return found


def _contact(inputs: Inputs, artifacts: Path, site: str, seed: int) -> list[Shot]:
    cases = inputs.cases[inputs.cases["site"] == site]
    ids = pick_frames(cases, FRAMES_SHOWN, seed, "contact", site, negatives=True)
    kinds = cases.set_index("case_id")["lesion_class"]
    frames, masks = frames_and_masks(artifacts, site, ids)
    return [
        Shot(picture(frame), frame.shape[0], (("truth", outline(mask)),), case, lesion_words(kinds[case]))
        for case, frame, mask in zip(ids, frames, masks, strict=True)
    ]
