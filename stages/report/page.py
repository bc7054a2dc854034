"""The page: everything put into page.html, one file without any link to the outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from stages.report import sharing, views
from stages.report.inputs import Inputs
from stages.report.overlays import Shot
from stages.report.profiles import profile_panels, profile_sheet
from stages.report.tables import ALL, BASELINE, MEAN, WORST
from stages.report.views import Sheet, number, span

_PHANTOM = "data/phantom/"


@dataclass(frozen=True)
class Tables:
    """The tables of the report, as in `stages.report.tables`."""

    sites: pd.DataFrame
    lesions: pd.DataFrame
    negatives: pd.DataFrame
    comparisons: pd.DataFrame
    seeds: pd.DataFrame


@dataclass(frozen=True)
class Pictures:
    """The pictures of the page, as in `stages.report.gallery`."""

    mined: Mapping[str, list[Shot]]
    predicted: Mapping[str, Mapping[str, list[Shot]]]
    contact: Mapping[str, list[Shot]]
    pairs: list[Shot]


def render(inputs: Inputs, tables: Tables, pictures: Pictures, settings: Mapping[str, str]) -> str:
    """Return the page as HTML.

    Args:
        inputs: what was read.
        tables: what follows from it.
        pictures: the frames that are shown.
        settings: threshold and tolerance_px of the evaluation.
    """
    environment = Environment(
        loader=PackageLoader("stages.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    study = inputs.study
    return environment.get_template("page.html").render(
        study=study,
        methods=list(enumerate(study.methods)),
        settings=settings,
        random_weights=inputs.random_weights,
        leak=sharing.warning(inputs.leaked),
        facts=run_facts(inputs),
        phantom=[name for name, site in study.sites.items() if site.root.startswith(_PHANTOM)],
        has_baseline=BASELINE in study.methods,
        cards=views.cards(tables.sites, tables.negatives, study.methods),
        verdicts=views.verdicts(tables.comparisons),
        charts=_charts(inputs, tables),
        sheets=_sheets(inputs, tables),
        pictures=pictures,
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


def _charts(inputs: Inputs, tables: Tables) -> dict[str, Any]:
    study = inputs.study
    return {
        "dice": views.dice_chart(tables.sites, study.methods),
        "comparisons": views.comparison_chart(tables.comparisons, study.methods),
        "recall": views.mining_chart(inputs.quality, "recall", "recall_random"),
        "auroc": views.mining_chart(inputs.quality, "auroc", "auroc_inverted"),
        "training": views.training_panels(inputs.history, study.methods, study.held_out),
        "losses": views.loss_panels(inputs.history, study.methods),
        "dictionary": views.dictionary_matrix(inputs.dictionary),
        "profiles": profile_panels(inputs.profile, list(study.sites)),
    }


def _sheets(inputs: Inputs, tables: Tables) -> dict[str, Sheet]:
    return {
        "sites": _sites(tables.sites),
        "lesions": _lesions(tables.lesions),
        "negatives": _negatives(tables.negatives),
        "comparisons": _comparisons(tables.comparisons),
        "seeds": _seeds(tables.seeds),
        "quality": _quality(inputs.quality),
        "models": _models(inputs),
        "quarantine": _quarantine(inputs),
        "profiles": profile_sheet(inputs.profile, inputs.cases, list(inputs.study.sites)),
        "pairs": sharing.pairs_sheet(inputs.pairs),
        "containment": sharing.containment_sheet(inputs.pairs, inputs.cases),
    }


def _sites(rows: pd.DataFrame) -> Sheet:
    return views.sheet(
        rows,
        {
            "method": lambda r: r["method"],
            "held out": lambda r: f"{WORST}: {r['worst_site']}" if pd.notna(r["worst_site"]) else r["held_out"],
            "frames": lambda r: str(r["n_frames"]),
            "with lesion": lambda r: str(r["n_lesion"]),
            "vanished": lambda r: str(r["n_undefined"]),
            "groups": lambda r: str(r["n_groups"]),
            "Dice": lambda r: number(r["dice"]),
            "95 % interval": lambda r: span(r["dice_low"], r["dice_high"]),
            "IoU": lambda r: number(r["iou"]),
            "accuracy": lambda r: number(r["accuracy"]),
            "NSD": lambda r: number(r["nsd"]),
            "HD95 px": lambda r: number(r["hd95_px"], 1),
            "HD95 undefined": lambda r: str(r["n_hd95_undefined"]),
        },
        (MEAN, WORST),
    )


def _lesions(rows: pd.DataFrame) -> Sheet:
    return views.sheet(
        rows,
        {
            "method": lambda r: r["method"],
            "lesion class": lambda r: r["lesion_class"],
            "frames": lambda r: str(r["n_frames"]),
            "vanished": lambda r: str(r["n_undefined"]),
            "groups": lambda r: str(r["n_groups"]),
            "Dice": lambda r: number(r["dice"]),
            "95 % interval": lambda r: span(r["dice_low"], r["dice_high"]),
            "IoU": lambda r: number(r["iou"]),
            "NSD": lambda r: number(r["nsd"]),
            "HD95 px": lambda r: number(r["hd95_px"], 1),
            "HD95 undefined": lambda r: str(r["n_hd95_undefined"]),
        },
        (),
    )


def _negatives(rows: pd.DataFrame) -> Sheet:
    return views.sheet(
        rows,
        {
            "method": lambda r: r["method"],
            "held out": lambda r: r["held_out"],
            "frames without lesion": lambda r: str(r["n_frames"]),
            "false-positive rate": lambda r: number(r["false_positive_rate"]),
            "95 % interval": lambda r: span(r["low"], r["high"]),
            "false area, % of the frame": lambda r: number(100 * r["area_share"], 2),
        },
        (ALL,),
    )


def _comparisons(rows: pd.DataFrame) -> Sheet:
    return views.sheet(
        rows,
        {
            "method": lambda r: r["method"],
            "held out": lambda r: r["held_out"],
            "frames": lambda r: str(r["n_frames"]),
            "groups": lambda r: str(r["n_groups"]),
            "difference in Dice": lambda r: f"{r['difference']:+.3f}",
            "95 % interval": lambda r: span(r["low"], r["high"]),
            "p": lambda r: views.p_value(r["p"]),
            "p after Holm": lambda r: views.p_value(r["p_holm"]),
        },
        (MEAN,),
    )


def _seeds(rows: pd.DataFrame) -> Sheet:
    means = rows[rows["held_out"] == MEAN]
    spread = means.groupby("method", sort=False)["dice"].agg(["mean", "std", "min", "max"]).reset_index()
    return views.sheet(
        spread,
        {
            "method": lambda r: r["method"],
            "mean Dice": lambda r: number(r["mean"]),
            "standard deviation over seeds": lambda r: number(r["std"]),
            "lowest seed": lambda r: number(r["min"]),
            "highest seed": lambda r: number(r["max"]),
        },
        (),
    )


def _quality(rows: pd.DataFrame) -> Sheet:
    return views.sheet(
        rows,
        {
            "site": lambda r: r["site"],
            "frames with lesion": lambda r: str(r["n_frames"]),
            "alpha": lambda r: number(r["alpha"], 2),
            "recall": lambda r: number(r["recall"]),
            "recall, random places": lambda r: number(r["recall_random"]),
            "AUROC": lambda r: number(r["auroc"]),
            "AUROC, map inverted": lambda r: number(r["auroc_inverted"]),
        },
        (),
    )


def _models(inputs: Inputs) -> Sheet:
    rows = pd.DataFrame(
        [
            {"method": method, "held_out": site, "seed": seed, **{key: model.get(key) for key in _MODEL_KEYS}}
            for (method, site, seed), model in inputs.models.items()
        ]
    )
    return views.sheet(
        rows,
        {
            "method": lambda r: r["method"],
            "held out": lambda r: r["held_out"],
            "seed": lambda r: str(r["seed"]),
            "trained on": lambda r: ", ".join(r["sources"] or []),
            "epoch chosen": lambda r: str(r["best_epoch"]),
            "validation Dice": lambda r: number(r["val_dice"]),
        },
        (),
    )


_MODEL_KEYS = ("sources", "best_epoch", "val_dice")


def _quarantine(inputs: Inputs) -> Sheet:
    kinds = inputs.quarantine.assign(kind=[reason.partition(": ")[0] for reason in inputs.quarantine["reason"]])
    counts = kinds.groupby(["site", "kind"], sort=False).agg(files=("file", "size"), example=("file", "first"))
    clean = [name for name in inputs.study.sites if name not in set(kinds["site"])]
    none = pd.DataFrame({"site": clean, "kind": "–", "files": 0, "example": "–"})
    accepted = inputs.cases.groupby("site").agg(frames=("case_id", "size"), groups=("group_id", "nunique"))
    rows = pd.concat([counts.reset_index(), none], ignore_index=True)
    rows = rows.merge(accepted, left_on="site", right_index=True, how="left").fillna({"frames": 0, "groups": 0})
    order = {name: place for place, name in enumerate(inputs.study.sites)}
    return views.sheet(
        rows.sort_values("site", key=lambda names: names.map(order), kind="stable"),
        {
            "site": lambda r: r["site"],
            "frames accepted": lambda r: f"{r['frames']:.0f}",
            "groups": lambda r: f"{r['groups']:.0f}",
            "files refused": lambda r: str(r["files"]),
            "reason": lambda r: r["kind"],
            "first such file": lambda r: r["example"],
        },
        (),
    )
