"""Frames with their outlines: each method's best, median and worst, and where it differs most from the reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from mcdrl.artifacts.store_contract import Array
from mcdrl.drawing.html_tables import Row, records
from mcdrl.drawing.overlays import Shot, outline, pick_changes, pick_examples, picture
from mcdrl.study.paths import Cell
from stages.report.inputs import Inputs
from stages.report.pictures import frames_and_masks, lesion_words, predictions
from stages.report.results import Results
from stages.report.topic import Topic

DIFFERING = 4  # gains and losses each, of a method


def topic(results: Results) -> Topic:
    """Return the section."""
    predicted = predicted_shots(results.inputs, results.artifacts, results.params.examples)
    differing = differing_shots(results.inputs, results.artifacts, results.reference)
    best = results.best_method
    worst = {site: {best: shots[best][-1:]} for site, shots in predicted.items()}
    values = {"predicted": predicted, "differing": differing}
    return Topic("gallery", "Frames", values, {"predicted": worst, "differing": {}})


def predicted_shots(inputs: Inputs, artifacts: Path, examples: int) -> dict[str, dict[str, list[Shot]]]:
    """Return, for every held-out site and method, its best, median and worst frames with both outlines.

    Of several seeds the first is shown.
    """
    seed = inputs.study.seeds[0]
    return {
        site: {
            method: _predicted(inputs.scores, artifacts, Cell(method, site, seed), examples)
            for method in inputs.study.methods
        }
        for site in inputs.study.held_out
    }


def differing_shots(inputs: Inputs, artifacts: Path, reference: str) -> dict[str, list[Shot]]:
    """Return, for every method but the reference, its largest gains and losses; of several seeds the first is shown."""
    seed = inputs.study.seeds[0]
    own = inputs.scores[inputs.scores["seed"] == seed].dropna(subset=["dice"])
    base = own.loc[own["method"] == reference, ["case_id", "held_out", "dice"]]
    found = {}
    for method in (name for name in inputs.study.methods if name != reference):
        both = own[own["method"] == method].merge(base, on=["case_id", "held_out"], suffixes=("", "_base"))
        rows = pick_changes(both.assign(change=both["dice"] - both["dice_base"]), DIFFERING)
        found[method] = [_differing(artifacts, (reference, method), seed, row) for row in rows]
    return {method: shots for method, shots in found.items() if shots}


def _predicted(scores: pd.DataFrame, artifacts: Path, cell: Cell, examples: int) -> list[Shot]:
    method, site, seed = cell
    rows = scores[(scores["method"] == method) & (scores["held_out"] == site) & (scores["seed"] == seed)]
    chosen = pick_examples(rows, examples)
    if not chosen:
        return []
    ids = [case for _, case in chosen]
    frames, masks = frames_and_masks(artifacts, site, ids)
    probability, level = _probabilities(artifacts, cell, ids)
    by_case = {row["case_id"]: row for row in records(rows)}
    return [
        _predicted_shot(kind, by_case[case], frames[k], masks[k], outline(probability[k], level))
        for k, (kind, case) in enumerate(chosen)
    ]


def _predicted_shot(kind: str, row: Row, frame: Array, mask: Array, predicted: str) -> Shot:
    outlines = (("truth", outline(mask)), ("predicted", predicted))
    lesion = row["lesion_class"] if isinstance(row["lesion_class"], str) else "class unknown"
    return Shot(
        picture(frame), frame.shape[0], outlines, f"{kind} · Dice {row['dice']:.2f}", f"{row['case_id']} · {lesion}"
    )


def _differing(artifacts: Path, methods: tuple[str, str], seed: int, row: Row) -> Shot:
    site, case = row["held_out"], row["case_id"]
    (frame,), (mask,) = frames_and_masks(artifacts, site, [case])
    outlines = [("truth", outline(mask))]
    for style, name in zip(("other", "predicted"), methods, strict=True):
        (probability,), level = _probabilities(artifacts, Cell(name, site, seed), [case])
        outlines.append((style, outline(probability, level)))
    title = f"Dice {row['dice_base']:.2f} → {row['dice']:.2f}"
    return Shot(picture(frame), frame.shape[0], tuple(outlines), title, f"{case} · {lesion_words(row['lesion_class'])}")


def _probabilities(artifacts: Path, cell: Cell, case_ids: list[str]) -> tuple[Array, float]:
    """Return predictions, [B, S, S] uint8, and the level just below the first number that counts as lesion."""
    with predictions(artifacts, cell) as store:
        threshold = float(store.attributes["threshold"])
        return store.rows("probability", case_ids), float(np.ceil(threshold * 255.0)) - 0.5
