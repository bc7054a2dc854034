"""The page: everything put into templates/page.html, one file without any link to the outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from mcdrl.drawing.overlays import Shot
from mcdrl.metrics.intervals import LEAST_GROUPS, MANY_GROUPS
from stages.report import attention, features, made, robustness, sharing, sheets, trust, views
from stages.report.answer import Answer, Evidence, answer
from stages.report.inputs import Inputs
from stages.report.profiles import profile_panels, profile_sheet
from stages.report.tables import reference_of
from stages.report.views import Panel, Sheet

_PHANTOM = "data/phantom/"
_ALIGNED = (
    "The text tower of lite0 was aligned on frames of the same renderer, with their lesion masks: where its texts find "
    "lesions on drawn frames, they were taught to, which says nothing about texts at real sites."
)
_SECTIONS = (
    ("answer", "Answer"), ("sites", "Sites"), ("comparisons", "Comparisons"), ("lesions", "Lesions"),
    ("negatives", "No lesion"), ("frames", "Frames"), ("stress", "Stress test"), ("trust", "Trust"),
    ("attention", "Attention"), ("features", "Features"), ("mining", "Regions"), ("dictionary", "Confounders"),
    ("training", "Training"), ("profiles", "Site profiles"), ("leaks", "Leak audit"), ("data", "Data"),
    ("made", "How it was made"), ("reading", "How to read it"),
)  # fmt: skip


@dataclass(frozen=True)
class Tables:
    """The tables of the report; those that a study lacks the artifacts for have no row.

    Attributes:
        frames: as from `frame_scores`, and likewise the next five from `stages.report.tables`.
        sites: a row a (method, held-out site).
        lesions: a row a (method, lesion class).
        negatives: false alarms.
        comparisons: differences from the baseline.
        seeds: a row a (method, held-out site, seed).
        curves: Dice against the strength of a confounder.
        stress: the robustness figures.
        calibration: as from `calibration_table`.
        coverage: as from `trust_table`.
        weights: as from `frame_weights`.
        attention: as from `attention_table`.
    """

    frames: pd.DataFrame
    sites: pd.DataFrame
    lesions: pd.DataFrame
    negatives: pd.DataFrame
    comparisons: pd.DataFrame
    seeds: pd.DataFrame
    curves: pd.DataFrame
    stress: pd.DataFrame
    calibration: pd.DataFrame
    coverage: pd.DataFrame
    weights: pd.DataFrame
    attention: pd.DataFrame


@dataclass(frozen=True)
class Pictures:
    """The pictures of the page, as in `stages.report.gallery`, and the maps of features with their clouds."""

    mined: Mapping[str, list[Shot]]
    predicted: Mapping[str, Mapping[str, list[Shot]]]
    differing: Mapping[str, list[Shot]]
    misses: Mapping[str, list[Shot]]
    stressed: list[Shot]
    contact: Mapping[str, list[Shot]]
    pairs: list[Shot]
    clouds: list[tuple[features.Cloud, list[Panel]]]


def render(
    inputs: Inputs, tables: Tables, pictures: Pictures, settings: Mapping[str, str], raw: Mapping[str, Any], files: Path
) -> str:
    """Return the page as HTML.

    Args:
        inputs: what was read.
        tables: what follows from it.
        pictures: the frames that are shown.
        settings: threshold and tolerance_px of the evaluation.
        raw: the whole of params.yaml.
        files: the artifacts, whose hashes are shown.
    """
    environment = Environment(
        loader=PackageLoader("stages.report", "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    study, charts = inputs.study, _charts(inputs, tables)
    drawn = [name for name, site in study.sites.items() if site.root.startswith(_PHANTOM)]
    return environment.get_template("page.html").render(
        study=study,
        sections=[(name, title) for name, title in _SECTIONS if _shown(name, charts, pictures)],
        answer=_answer(inputs, tables),
        methods=list(enumerate(study.methods)),
        settings=settings,
        random_weights=inputs.random_weights,
        unchecked_weights=inputs.unchecked_weights,
        leak=sharing.warning(inputs.leaked),
        facts=run_facts(inputs),
        versions=made.versions(),
        parameters=made.parameters(raw),
        background=raw.get("build_confounders", {}).get("background"),
        phantom=drawn,
        drawn_alone=len(drawn) == len(study.sites),
        aligned=_ALIGNED if study.backbone == "lite0" else "",
        random_dictionaries=_random_dictionaries(study.methods, raw),
        least_groups=LEAST_GROUPS,
        many_groups=MANY_GROUPS,
        fewest_stressed=int(tables.stress["fewest_groups"].min()) if len(tables.stress) else 0,
        reference=reference_of(study.methods),
        phrases=len(inputs.dictionary),
        neighbours=features.NEIGHBOURS,
        cards=views.cards(tables.sites, tables.negatives, study.methods),
        charts=charts,
        sheets=_sheets(inputs, tables, pictures, files),
        pictures=pictures,
        clouds=pictures.clouds,
    )


def run_facts(inputs: Inputs) -> list[tuple[str, str]]:
    """Return what was run, as (name, value); values that differ between models are all listed."""
    study = inputs.study

    def of_models(key: str) -> str:
        """Return a model card's entry, all that occur where models differ."""
        values = [model.get(key) for model in inputs.models.values()]
        return ", ".join(dict.fromkeys("–" if value is None else str(value) for value in values))

    return [
        ("backbone", study.backbone),
        ("weights", of_models("pretrained")),
        ("dense features", of_models("dense_mode")),
        ("training mode", of_models("mode")),
        ("methods", ", ".join(study.methods)),
        ("seeds", ", ".join(str(seed) for seed in study.seeds)),
        ("held-out sites", ", ".join(study.held_out)),
        ("all sites", ", ".join(study.sites)),
        ("lesion classes", ", ".join(study.lesion_classes)),
        ("working size", f"{of_models('size_px')} px"),
        ("alpha", of_models("alpha")),
        ("encoder fingerprint", ", ".join(name[:12] for name in of_models("fingerprint").split(", "))),
    ]


def _random_dictionaries(methods: Sequence[str], raw: Mapping[str, Any]) -> list[str]:
    """Return the methods of the study that intervene with random vectors in place of the texts."""
    variants = raw.get("variants") or {}
    return [name for name in methods if (variants.get(name, {}).get("params") or {}).get("dictionary") == "random"]


def _answer(inputs: Inputs, tables: Tables) -> Answer:
    return answer(
        Evidence(
            inputs.study.methods, len(inputs.study.seeds), tables.sites, tables.lesions, tables.negatives,
            tables.comparisons, tables.frames, tables.stress, tables.coverage, tables.calibration, tables.attention,
            inputs.random_weights,
        )
    )  # fmt: skip


def _shown(section: str, charts: Mapping[str, Any], pictures: Pictures) -> bool:
    present = {
        "stress": charts["stress"],
        "trust": charts["coverage"] or charts["calibration"],
        "attention": charts["attention"],
        "features": pictures.clouds,
    }
    return bool(present.get(section, True))


def _charts(inputs: Inputs, tables: Tables) -> dict[str, Any]:
    study = inputs.study
    return {
        "dice": views.dice_chart(tables.sites, tables.seeds, study.methods),
        "comparisons": views.comparison_chart(tables.comparisons, study.methods),
        "lesions": views.lesion_chart(tables.lesions, study.methods),
        "recall": views.mining_chart(inputs.quality, "recall", "recall_random"),
        "auroc": views.mining_chart(inputs.quality, "auroc", "auroc_inverted"),
        "training": views.training_panels(inputs.history, study.methods, study.held_out),
        "losses": views.loss_panels(inputs.history, study.methods),
        "dictionary": views.dictionary_matrix(inputs.dictionary),
        "profiles": profile_panels(inputs.profile, list(study.sites)),
        **_optional_charts(inputs, tables),
    }


def _optional_charts(inputs: Inputs, tables: Tables) -> dict[str, Any]:
    """Return the charts that some studies lack; those are None."""
    methods, sites = inputs.study.methods, inputs.study.held_out
    seen = len(tables.weights) > 0
    return {
        "stress": robustness.stress_panels(tables.curves, methods) if len(tables.curves) else None,
        "drops": robustness.drop_chart(tables.stress, methods) if len(tables.stress) else None,
        "coverage": trust.coverage_panels(tables.coverage, methods, sites) if len(tables.coverage) else None,
        **{
            name: trust.calibration_chart(tables.calibration, methods, error) if len(tables.calibration) else None
            for name, error in (("calibration", "ece"), ("calibration_called", "ece_called"))
        },
        "reliability": trust.reliability_panels(inputs.reliability, methods),
        "attention": attention.attention_panels(tables.weights) if seen else None,
        "auroc_attention": attention.auroc_chart(tables.attention, methods) if seen else None,
    }


def _sheets(inputs: Inputs, tables: Tables, pictures: Pictures, files: Path) -> dict[str, Sheet]:
    found = {
        "sites": sheets.sites_sheet(tables.sites),
        "lesions": sheets.lesions_sheet(tables.lesions),
        "negatives": sheets.negatives_sheet(tables.negatives),
        "comparisons": sheets.comparisons_sheet(tables.comparisons),
        "seeds": sheets.seeds_sheet(tables.seeds),
        "quality": sheets.quality_sheet(inputs.quality),
        "tuned": sheets.tuned_sheet(inputs.mining),
        "dictionary": sheets.dictionary_sheet(inputs.dictionary),
        "models": sheets.models_sheet(inputs),
        "quarantine": sheets.quarantine_sheet(inputs),
        "hashes": made.hashes(inputs, files),
        "profiles": profile_sheet(inputs.profile, inputs.cases, list(inputs.study.sites)),
        "pairs": sharing.pairs_sheet(inputs.pairs),
        "containment": sharing.containment_sheet(inputs.pairs, inputs.cases),
        "stress": robustness.stress_sheet(tables.stress),
        "calibration": trust.calibration_sheet(tables.calibration),
        "attention": attention.attention_sheet(tables.attention),
        "neighbours": features.neighbour_sheet([cloud for cloud, _ in pictures.clouds]),
    }
    if len(tables.coverage):
        found["coverage"] = trust.coverage_sheet(tables.coverage)
        found["flagged"] = trust.flagged_sheet(inputs.trust, inputs.scores)
    return found
