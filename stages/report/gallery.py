"""The pictures of the page, read from the frames, regions and predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mcdrl.artifacts.audit import IDENTITY
from mcdrl.artifacts.frames import FRAMES, lesion_of
from mcdrl.artifacts.regions import REGIONS
from mcdrl.artifacts.scores import PREDICTIONS
from mcdrl.artifacts.stores import Array
from mcdrl.confounders.finished import Stressed
from mcdrl.confounders.strips import strips
from mcdrl.drawing.overlays import Shot, grid_outline, heat, outline, pick_changes, pick_examples, pick_frames, picture
from stages.report.attention import wrong_frames
from stages.report.inputs import Cell, Inputs, prediction_path
from stages.report.sharing import PLACES, first_pairs
from stages.report.tables import reference_of
from stages.report.views import records

MINED_FRAMES, CONTACT_FRAMES = 2, 6  # a site
DIFFERING, MISSED = 4, 6  # gains and losses each, and frames whose attention is wrong, of a method
PAIRS_SHOWN = 4  # of each place


def mined_shots(inputs: Inputs, artifacts: Path, seed: int) -> dict[str, list[Shot]]:
    """Return, for every site, pairs of pictures: the frame with its lesion, S^ with the places that were mined."""
    shots: dict[str, list[Shot]] = {}
    for site in inputs.study.sites:
        cases = inputs.cases[inputs.cases["site"] == site]
        ids = pick_frames(cases, MINED_FRAMES, seed, site)
        kinds = cases.set_index("case_id")["lesion_class"]
        shots[site] = _mined(artifacts, site, ids, [str(kinds[case]) for case in ids]) if ids else []
    return shots


def predicted_shots(inputs: Inputs, artifacts: Path, examples: int) -> dict[str, dict[str, list[Shot]]]:
    """Return, for every held-out site and method, its best, median and worst frames with both outlines.

    Of several seeds the first is shown.
    """
    seed = inputs.study.seeds[0]
    return {
        site: {method: _predicted(inputs, artifacts, (method, site, seed), examples) for method in inputs.study.methods}
        for site in inputs.study.held_out
    }


def differing_shots(inputs: Inputs, artifacts: Path) -> dict[str, list[Shot]]:
    """Return, for every method but the reference, its largest gains and losses; of several seeds the first is shown."""
    reference, seed = reference_of(inputs.study.methods), inputs.study.seeds[0]
    own = inputs.scores[inputs.scores["seed"] == seed].dropna(subset=["dice"])
    base = own.loc[own["method"] == reference, ["case_id", "held_out", "dice"]]
    found = {}
    for method in (name for name in inputs.study.methods if name != reference):
        both = own[own["method"] == method].merge(base, on=["case_id", "held_out"], suffixes=("", "_base"))
        rows = pick_changes(both.assign(change=both["dice"] - both["dice_base"]), DIFFERING)
        found[method] = [_differing(artifacts, (reference, method), seed, row) for row in rows]
    return {method: shots for method, shots in found.items() if shots}


def missed_shots(inputs: Inputs, artifacts: Path) -> dict[str, list[Shot]]:
    """Return, for every method that intervenes, the frames whose attention is farthest from what is in them."""
    if inputs.attention.empty:
        return {}
    rows = wrong_frames(inputs.attention, inputs.strengths, inputs.profile, MISSED)
    return {
        str(method): [_plain(artifacts, row["held_out"], row["case_id"], _missed_note(row)) for row in records(own)]
        for method, own in rows.groupby("method", sort=False)
    }


def stressed_shots(inputs: Inputs, artifacts: Path) -> list[Shot]:
    """Return one frame of the stress test as it is, and under each confounder at the greatest strength of the test."""
    if inputs.stress.empty:
        return []
    site = inputs.study.held_out[0]
    tested = inputs.stress.dropna(subset=["dice"])
    case = str(tested.loc[tested["held_out"] == site, "case_id"].min())
    strength = float(inputs.stress["strength"].max())
    with FRAMES.read(artifacts / "ingest" / site / "frames.h5") as store:
        frame, mask = store.rows("image", [case])[0], lesion_of(store.rows("mask", [case])[0])
    found = strips(frame, mask, case, [strength])
    shots = [_stressed("untouched", case, found[0].pictures[0])]
    return shots + [_stressed(strip.confounder, f"strength {strength:g}", strip.pictures[-1]) for strip in found]


def contact_shots(inputs: Inputs, artifacts: Path, seed: int) -> dict[str, list[Shot]]:
    """Return, for every site, frames drawn at random, with or without a lesion."""
    return {site: _contact(inputs, artifacts, site, seed) for site in inputs.study.sites}


def pair_shots(inputs: Inputs, artifacts: Path) -> list[Shot]:
    """Return the two frames of each of the first pairs that are one picture, across sites first."""
    pairs = first_pairs(inputs.pairs, PAIRS_SHOWN)
    shots = []
    for row in records(pairs):
        turned = "" if row["symmetry"] == IDENTITY else f", the second by {row['symmetry']} of Pillow"
        note = f"{PLACES[row['across']]}, {row['kind']}, correlation {row['correlation']:.2f}{turned}"
        shots += [_plain(artifacts, row[f"site_{side}"], row[f"case_{side}"], note) for side in "ab"]
    return shots


def prediction_settings(inputs: Inputs, artifacts: Path) -> dict[str, str]:
    """Return the threshold and the tolerance that the first cell was scored with."""
    cell = (inputs.study.methods[0], inputs.study.held_out[0], inputs.study.seeds[0])
    with PREDICTIONS.read(prediction_path(artifacts, cell)) as store:
        return dict(store.attributes)


def _contact(inputs: Inputs, artifacts: Path, site: str, seed: int) -> list[Shot]:
    cases = inputs.cases[inputs.cases["site"] == site]
    ids = pick_frames(cases, CONTACT_FRAMES, seed, "contact", site, negatives=True)
    kinds = cases.set_index("case_id")["lesion_class"]
    with FRAMES.read(artifacts / "ingest" / site / "frames.h5") as store:
        frames, masks = store.rows("image", ids), lesion_of(store.rows("mask", ids))
    return [
        Shot(picture(frame), frame.shape[0], (("truth", outline(mask)),), case, _kind(kinds[case]))
        for case, frame, mask in zip(ids, frames, masks, strict=True)
    ]


def _stressed(title: str, note: str, shown: Stressed) -> Shot:
    return Shot(picture(shown.image), shown.image.shape[0], (("truth", outline(shown.mask)),), title, note)


def _plain(artifacts: Path, site: str, case: str, note: str) -> Shot:
    with FRAMES.read(artifacts / "ingest" / site / "frames.h5") as store:
        frame = store.rows("image", [case])[0]
    return Shot(picture(frame), frame.shape[0], (), case, note)


def _missed_note(row: dict[str, Any]) -> str:
    return (
        f"there: {row['present']} ({100 * row['weight_present']:.1f} % of the attention); "
        f"attended: {row['attended']} ({100 * row['weight']:.1f} %)"
    )


def _differing(artifacts: Path, methods: tuple[str, str], seed: int, row: dict[str, Any]) -> Shot:
    site, case = row["held_out"], row["case_id"]
    with FRAMES.read(artifacts / "ingest" / site / "frames.h5") as store:
        frame, mask = store.rows("image", [case])[0], lesion_of(store.rows("mask", [case])[0])
    outlines = [("truth", outline(mask))]
    for style, name in zip(("other", "predicted"), methods, strict=True):
        with PREDICTIONS.read(prediction_path(artifacts, (name, site, seed))) as store:
            level = _level(float(store.attributes["threshold"]))
            outlines.append((style, outline(store.rows("probability", [case])[0], level)))
    title = f"Dice {row['dice_base']:.2f} → {row['dice']:.2f}"
    return Shot(picture(frame), frame.shape[0], tuple(outlines), title, f"{case} · {_kind(row['lesion_class'])}")


def _level(threshold: float) -> float:
    """Return the level just below the first whole number that counts as lesion."""
    return float(np.ceil(threshold * 255.0)) - 0.5


def _kind(lesion_class: Any) -> str:
    return lesion_class if isinstance(lesion_class, str) else "no lesion"


def _mined(artifacts: Path, site: str, ids: list[str], kinds: list[str]) -> list[Shot]:
    with FRAMES.read(artifacts / "ingest" / site / "frames.h5") as store:
        frames, masks = store.rows("image", ids), lesion_of(store.rows("mask", ids))
    with REGIONS.read(artifacts / "mine_regions" / "regions" / f"{site}.h5") as store:
        similarity, selected = store.rows("similarity", ids), store.rows("selected", ids)
    shots = []
    for case, kind, *arrays in zip(ids, kinds, frames, masks, similarity, selected, strict=True):
        shots += _mined_pair(case, kind, *arrays)
    return shots


def _mined_pair(case: str, kind: str, frame: Array, mask: Array, similarity: Array, selected: Array) -> list[Shot]:
    size_px = frame.shape[0]
    truth = ("truth", outline(mask))
    places = ("selected", grid_outline(selected, size_px))
    low, high = float(similarity.min()), float(similarity.max())
    return [
        Shot(picture(frame), size_px, (truth,), case, kind),
        Shot(picture(heat(frame, similarity)), size_px, (places, truth), "similarity Ŝ", f"{low:.3f} to {high:.3f}"),
    ]


def _predicted(inputs: Inputs, artifacts: Path, cell: Cell, examples: int) -> list[Shot]:
    method, site, seed = cell
    scores = inputs.scores
    rows = scores[(scores["method"] == method) & (scores["held_out"] == site) & (scores["seed"] == seed)]
    chosen = pick_examples(rows, examples)
    if not chosen:
        return []
    ids = [case for _, case in chosen]
    with FRAMES.read(artifacts / "ingest" / site / "frames.h5") as store:
        frames, masks = store.rows("image", ids), lesion_of(store.rows("mask", ids))
    with PREDICTIONS.read(prediction_path(artifacts, cell)) as store:
        probability, threshold = store.rows("probability", ids), float(store.attributes["threshold"])
    by_case = {row["case_id"]: row for row in records(rows)}
    return [
        _predicted_shot(kind, by_case[case], frames[k], masks[k], probability[k], threshold)
        for k, (kind, case) in enumerate(chosen)
    ]


def _predicted_shot(
    kind: str, row: dict[str, Any], frame: Array, mask: Array, probability: Array, threshold: float
) -> Shot:
    outlines = (("truth", outline(mask)), ("predicted", outline(probability, _level(threshold))))
    lesion = row["lesion_class"] if isinstance(row["lesion_class"], str) else "class unknown"
    return Shot(
        picture(frame), frame.shape[0], outlines, f"{kind} · Dice {row['dice']:.2f}", f"{row['case_id']} · {lesion}"
    )
