"""Which score tells frames with a lesion from frames without one: `python -m tests.benchmarks.frame_score [ARTIFACTS]`.

Looks at every trained cell of a finished study and at the validation frames of its source sites, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from mcdrl.metrics.auroc import auroc
from mcdrl.metrics.calibration import spectrum
from mcdrl.metrics.detection import match
from mcdrl.metrics.operating_point import frame_scores
from mcdrl.metrics.ranking import false_alarms_at
from mcdrl.model.folder import load_model
from tests.benchmarks._cells import over_cells
from tests.benchmarks.confidence import validation


def scores(p: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of frames, from probabilities [B, S, S]."""
    flat = np.sort(p.reshape(len(p), -1), axis=1)
    called = p >= 0.5
    inside = np.where(called, p, 0.0).sum((1, 2)) / np.maximum(called.sum((1, 2)), 1)
    none = np.zeros(p.shape[1:], bool)
    best = [match(*frame, none).score.max(initial=0.0) for frame in zip(p, called, strict=True)]
    highest = {f"mean of the highest {share:g} %": flat[:, -max(int(share / 100 * flat.shape[1]), 1) :].mean(1)
               for share in (0.1, 0.5, 2, 5, 10)}  # fmt: skip
    return {
        **highest,
        "mean of the highest 1 % (ours)": frame_scores(spectrum(p)),
        "highest": flat[:, -1],
        "mean inside the mask": np.where(called.any((1, 2)), inside, flat[:, -1]),
        "best component's mean": np.where(called.any((1, 2)), best, flat[:, -1]),
        "called area": called.mean((1, 2)),
        "mean of all": flat.mean(1),
    }


def rows(folder: Path, artifacts: Path) -> Iterator[dict[str, object]]:
    """Yield each score's figures on the validation frames of a cell."""
    p, truth, _ = validation(load_model(folder, artifacts / "backbone"), artifacts)
    lesion = truth.any((1, 2))
    for name, values in scores(p).items():
        values = np.asarray(values, np.float64)
        alarms = {f"false_alarms_{share:.2f}": false_alarms_at(values, lesion, share) for share in (0.9, 0.95)}
        yield {"score": name, "auroc": auroc(values, lesion)[0], **alarms, "n_negative": int((~lesion).sum())}


def main(
    artifacts: Annotated[Path, typer.Argument(help="What `dvc repro` wrote.")] = Path("artifacts"),
) -> None:
    """Print a line a score, the best first."""
    count, table = over_cells(artifacts, rows)
    print(f"{count} cells; AUROC, and the share of frames without a lesion that are called at a sensitivity:")
    print(table.groupby("score").mean().sort_values("auroc", ascending=False).round(4).to_string())


if __name__ == "__main__":
    typer.run(main)
