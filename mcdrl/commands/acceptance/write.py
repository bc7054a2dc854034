"""The folder of an acceptance, complete or not at all."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from mcdrl.base.files import new_folder, sha256, write_json
from mcdrl.commands.acceptance.page import render
from mcdrl.commands.acceptance.rows import as_csv
from mcdrl.commands.acceptance.run import Acceptance
from mcdrl.commands.acceptance.sentences import headline, warnings
from mcdrl.model.facts import WEIGHTS
from mcdrl.model.members import members

_SHOWN = ("digits", "of")  # of a figure: what the page alone needs
PAGE, CASES, SUMMARY, ACCEPTANCE = "index.html", "cases.csv", "summary.csv", "acceptance.json"


def write_acceptance(found: Acceptance, out: Path) -> None:
    """Write the page, a row a frame, a row a figure, and all of it for programs, into a new folder.

    Raises:
        InputError: something has come there meanwhile.
    """
    with new_folder(out) as folder:
        (folder / CASES).write_text(as_csv(found.cases()), encoding="utf-8")
        figures_table(found).to_csv(folder / SUMMARY, index=False, float_format="%.6g", lineterminator="\n")
        write_json(told(found), folder / ACCEPTANCE, sort_keys=False)
        (folder / PAGE).write_text(render(found), encoding="utf-8")


def figures_table(found: Acceptance) -> pd.DataFrame:
    """Return a row a figure: figure, title, value, low, high, n, groups, promised, promised_low, promised_high."""
    rows = pd.DataFrame([asdict(figure) for figure in found.outcome.figures.values()])
    return rows.drop(columns=list(_SHOWN)).rename(columns={"name": "figure"})


def told(found: Acceptance) -> dict[str, Any]:
    """Return what programs read."""
    expected = found.expected
    return {
        "hospital": found.name,
        "verdict": found.verdict.value if found.labelled else "no masks",
        "sentence": headline(found),
        "warnings": [{"title": title, "words": words, "alarm": alarm} for title, words, alarm in warnings(found)],
        "more": _number(found.more),
        "expected": None if expected is None else {key: _number(value) for key, value in asdict(expected).items()},
        "grouped": found.outcome.grouped,
        "threshold": found.threshold,
        "weights_sha256": [sha256(model / WEIGHTS) for folder in found.models for model in members(folder)],
        "n_judged": len(found.tally.cases()),
        "n_trained_on": len(found.left_out),
        "training_frames_known": found.known.complete,
        "n_refused": len(found.refused),
        "figures": {
            name: {key: _number(value) for key, value in asdict(figure).items() if key not in ("name", *_SHOWN)}
            for name, figure in found.outcome.figures.items()
        },
        "shift": None if found.shifts is None else [
            {
                "quantity": one.quantity.column, "here": _number(one.here), "lowest": _number(one.lowest),
                "highest": _number(one.highest), "least": _number(one.least), "most": _number(one.most),
                "beyond": _number(one.beyond), "place": one.place and one.place.value,
            }
            for one in found.shifts
        ],
    }  # fmt: skip


def _number(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return round(value, 6) if math.isfinite(value) else None
