"""Training: curves and loss terms of every model, and which epoch was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from mcdrl.drawing.charts import SHARE
from mcdrl.drawing.formatting import number
from mcdrl.drawing.html_tables import HtmlTable, html_table
from mcdrl.drawing.plots import Panel, lines
from mcdrl.study.paths import Cell
from stages.report.results import Results
from stages.report.topic import Topic

_FEW_PANELS = 4  # of a page that has no room for all
_MODEL_KEYS = ("sources", "best_epoch", "val_dice")


def topic(results: Results) -> Topic:
    """Return curves.csv and the section."""
    study, history = results.study, results.inputs.history
    values: dict[str, Any] = {
        "curves": training_panels(history, study.methods, study.held_out),
        "losses": loss_panels(history, study.methods),
        "models": models_html(results.inputs.models),
    }
    return Topic(
        "training", "Training", values, {"curves": values["curves"][:_FEW_PANELS]}, {"curves": curves_table(history)}
    )


def curves_table(history: pd.DataFrame) -> pd.DataFrame:
    """Return the training histories with one name a run, which is what a line chart takes."""
    run = history["method"] + " " + history["held_out"] + " " + history["seed"].astype(str)
    return history.assign(run=run)


def training_panels(history: pd.DataFrame, methods: Sequence[str], sites: Sequence[str]) -> list[Panel]:
    """Draw the validation Dice by epoch, a panel a held-out site; several seeds are lines of one colour."""
    panels = []
    for site in sites:
        series = {
            f"{method}, seed {seed}": (methods.index(method), _points(own, "val_dice"))
            for (method, seed), own in history[history["held_out"] == site].groupby(["method", "seed"], sort=False)
        }
        panels.append(Panel(f"without {site}", lines(series, "epoch", fixed=SHARE), list(enumerate(methods))))
    return panels


def loss_panels(history: pd.DataFrame, methods: Sequence[str]) -> list[Panel]:
    """Draw the loss terms by epoch, a panel a method, as means over held-out sites and seeds."""
    known = {"method", "held_out", "seed", "epoch", "val_dice"}
    terms = [name for name in history.columns if name not in known and history[name].dtype.kind in "fi"]
    panels = []
    for method in methods:
        means = history[history["method"] == method].groupby("epoch", as_index=False)[terms].mean()
        own = [name for name in terms if means[name].notna().any()]
        series = {name: (style, _points(means, name)) for style, name in enumerate(own)}
        panels.append(Panel(method, lines(series, "epoch"), [(style, name) for style, name in enumerate(own)]))
    return panels


def models_html(models: Mapping[Cell, Mapping[str, Any]]) -> HtmlTable:
    """Format where each model comes from."""
    rows = pd.DataFrame(
        [
            {"method": method, "held_out": site, "seed": seed, **{key: model.get(key) for key in _MODEL_KEYS}}
            for (method, site, seed), model in models.items()
        ]
    )
    return html_table(
        rows,
        {
            "method": lambda r: r["method"],
            "held out": lambda r: r["held_out"],
            "seed": lambda r: str(r["seed"]),
            "trained on": lambda r: ", ".join(r["sources"] or []),
            "epoch chosen": lambda r: str(r["best_epoch"] + 1),
            "validation Dice": lambda r: number(r["val_dice"]),
        },
    )


def _points(rows: pd.DataFrame, column: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in zip(rows["epoch"], rows[column], strict=True)]
