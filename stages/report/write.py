"""The folder of the report, complete or not at all."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from stages.core.base.files import atomic_folder, write_json
from stages.report import tables
from stages.report.gallery import contact_shots, mined_shots, pair_shots, predicted_shots, prediction_settings
from stages.report.inputs import Inputs
from stages.report.page import Pictures, Tables, render
from stages.report.params import Params
from stages.report.sharing import with_leaks


def write_report(inputs: Inputs, params: Params, artifacts: Path, out: Path) -> None:
    """Write tables, metrics and the page.

    Args:
        inputs: what `read_inputs` read.
        params: the `report` section.
        artifacts: where frames, regions and predictions are read from.
        out: the folder that is replaced.
    """
    found = make_tables(inputs, params)
    pictures = Pictures(
        mined=mined_shots(inputs, artifacts, params.seed),
        predicted=predicted_shots(inputs, artifacts, params.examples),
        contact=contact_shots(inputs, artifacts, params.seed),
        pairs=pair_shots(inputs, artifacts),
    )
    page = render(inputs, found, pictures, prediction_settings(inputs, artifacts))
    with atomic_folder(out) as folder:
        _write_tables(found, inputs, folder)
        figures = tables.metrics(found.sites, inputs.quality, random_weights=inputs.random_weights)
        write_json({**figures, "leaked_frames": sum(inputs.leaked.values())}, folder / "metrics.json")
        (folder / "index.html").write_text(page, encoding="utf-8")


def make_tables(inputs: Inputs, params: Params) -> Tables:
    """Return the tables of a study."""
    frames = tables.frame_scores(inputs.scores)
    draws = tables.Draws(params.bootstrap, params.seed)
    return Tables(
        sites=tables.sites_table(frames, draws),
        lesions=tables.lesions_table(frames, draws),
        negatives=tables.negatives_table(frames, draws),
        comparisons=tables.comparisons_table(frames, draws),
        seeds=tables.seeds_table(inputs.scores),
    )


def _write_tables(found: Tables, inputs: Inputs, folder: Path) -> None:
    weights = "random" if inputs.random_weights else "pretrained"
    written = {
        "sites": found.sites,
        "lesions": found.lesions,
        "negatives": found.negatives,
        "comparisons": found.comparisons,
        "curves": tables.curves_table(inputs.history),
        "bars": tables.bars_table(found.sites),
        **({"seeds": found.seeds} if len(inputs.study.seeds) > 1 else {}),
    }
    for name, rows in written.items():
        _write_csv(with_leaks(rows, inputs.leaked).assign(weights=weights), folder / f"{name}.csv")


def _write_csv(rows: pd.DataFrame, path: Path) -> None:
    rows.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")
