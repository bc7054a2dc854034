"""The folder of the report, complete or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mcdrl.base.files import atomic_folder, write_json
from mcdrl.base.text import spreadsheet_cell
from mcdrl.study.sections.report import Params
from stages.report import attention, features, gallery, robustness, tables, trust
from stages.report.inputs import Inputs
from stages.report.page import Pictures, Tables, render
from stages.report.sharing import with_leaks


def write_report(inputs: Inputs, params: Params, artifacts: Path, out: Path, raw: Mapping[str, Any]) -> None:
    """Write tables, metrics and the page.

    Args:
        inputs: what `read_inputs` read.
        params: the `report` section.
        artifacts: where frames, regions and predictions are read from.
        out: the folder that is replaced.
        raw: the whole of params.yaml, which the page shows.
    """
    found = make_tables(inputs, params)
    pictures = make_pictures(inputs, params, artifacts)
    settings = gallery.prediction_settings(inputs, artifacts)
    page = render(inputs, found, pictures, settings, raw, artifacts)
    with atomic_folder(out) as folder:
        _write_tables(found, inputs, folder)
        figures = tables.metrics(found.sites, inputs.quality, random_weights=inputs.random_weights)
        write_json({**figures, "leaked_frames": sum(inputs.leaked.values())}, folder / "metrics.json")
        (folder / "index.html").write_text(page, encoding="utf-8")


def make_tables(inputs: Inputs, params: Params) -> Tables:
    """Return the tables of a study."""
    frames = tables.frame_scores(inputs.scores)
    draws = tables.Draws(params.bootstrap, params.seed)
    reference = tables.reference_of(inputs.study.methods)
    curves, stress = robustness.stress_tables(inputs.stress, draws, reference)
    weights = attention.frame_weights(inputs.attention)
    return Tables(
        frames=frames,
        sites=tables.sites_table(frames, draws),
        lesions=tables.lesions_table(frames, draws),
        negatives=tables.negatives_table(frames, draws),
        comparisons=tables.comparisons_table(inputs.scores, draws, reference),
        seeds=tables.seeds_table(inputs.scores),
        curves=curves,
        stress=stress,
        calibration=trust.calibration_table(inputs.calibration),
        coverage=trust.trust_table(inputs.trust, inputs.scores),
        weights=weights,
        attention=attention.attention_table(inputs.attention, inputs.strengths, inputs.profile),
    )


def make_pictures(inputs: Inputs, params: Params, artifacts: Path) -> Pictures:
    """Return the pictures of a study."""
    clouds = features.clouds(inputs.pooled, inputs.cases, params.seed)
    return Pictures(
        mined=gallery.mined_shots(inputs, artifacts, params.seed),
        predicted=gallery.predicted_shots(inputs, artifacts, params.examples),
        differing=gallery.differing_shots(inputs, artifacts),
        misses=gallery.missed_shots(inputs, artifacts),
        stressed=gallery.stressed_shots(inputs, artifacts),
        contact=gallery.contact_shots(inputs, artifacts, params.seed),
        pairs=gallery.pair_shots(inputs, artifacts),
        clouds=[(cloud, features.map_panels(cloud, features.maps(cloud, params.seed))) for cloud in clouds],
    )


def _write_tables(found: Tables, inputs: Inputs, folder: Path) -> None:
    always = {
        "sites": found.sites,
        "lesions": found.lesions,
        "negatives": found.negatives,
        "comparisons": found.comparisons,
        "curves": tables.curves_table(inputs.history),
        "bars": tables.bars_table(found.sites),
    }
    where_there = {
        "seeds": found.seeds if len(inputs.study.seeds) > 1 else found.seeds.iloc[:0],
        "stress": robustness.stress_csv(found.curves, found.stress),
        "trust": found.coverage,
        "calibration": found.calibration,
        "attention": found.attention,
    }
    written = always | {name: rows for name, rows in where_there.items() if len(rows)}
    for name, rows in written.items():
        _write_csv(with_leaks(rows, inputs.leaked).assign(weights=inputs.weights), folder / f"{name}.csv")


def _write_csv(rows: pd.DataFrame, path: Path) -> None:
    rows.map(spreadsheet_cell).to_csv(path, index=False, float_format="%.6g", lineterminator="\n")
