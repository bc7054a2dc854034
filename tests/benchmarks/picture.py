"""The README's picture: python -m tests.benchmarks.picture [OUT.jpg] [--method mcdrl]

For each held-out site the frame of median Dice: as it is, its similarity map with the mined regions, and the prediction
of the network that has never seen the site beside the truth. From the artifacts of the last `dvc repro`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import matplotlib.pyplot as plt
import typer

from mcdrl.artifacts.frames import FRAMES, lesion_of
from mcdrl.artifacts.regions import REGIONS
from mcdrl.artifacts.scores import PREDICTIONS, SCORES
from mcdrl.drawing.overlays import pick_examples
from mcdrl.study.params import load_study

TRUTH, PREDICTED, MINED = "#35d04f", "#ff2fd0", "white"


def draw(column: Any, artifacts: Path, site: str, method: str, seed: int) -> None:
    """Fill one column of three axes."""
    scores = SCORES.read(artifacts / "evaluate" / "cases.parquet")
    cell = scores[(scores["method"] == method) & (scores["held_out"] == site) & (scores["seed"] == seed)]
    case = next(case for kind, case in pick_examples(cell, 1) if kind == "median")
    with FRAMES.read(artifacts / "ingest" / site / "frames.h5") as store:
        frame, mask = store.rows("image", [case])[0], lesion_of(store.rows("mask", [case])[0])
    with REGIONS.read(artifacts / "mine_regions" / "regions" / f"{site}.h5") as store:
        similarity, selected = store.rows("similarity", [case])[0], store.rows("selected", [case])[0]
    with PREDICTIONS.read(artifacts / "evaluate" / "predictions" / method / site / f"{seed}.h5") as store:
        probability = store.rows("probability", [case])[0] / 255
    side = frame.shape[0]
    for axes in column:
        axes.imshow(frame)
        axes.set_axis_off()
    column[0].set_title(f"site {site}", fontsize=9)
    place = (-0.5, side - 0.5, side - 0.5, -0.5)
    column[1].imshow(similarity.astype(float), extent=place, cmap="inferno", alpha=0.6, interpolation="bilinear")
    column[1].contour(selected.repeat(side // len(selected), 0).repeat(side // len(selected), 1), [0.5], colors=MINED)
    column[2].contour(mask, [0.5], colors=TRUTH)
    column[2].contour(probability, [0.5], colors=PREDICTED)
    column[2].text(4, side - 8, f"Dice {cell.set_index('case_id')['dice'][case]:.2f}", color="white", fontsize=8)


def main(
    out: Annotated[Path, typer.Argument(help="JPEG to write.")] = Path(".github/result.jpg"),
    method: Annotated[str, typer.Option(help="Whose predictions.")] = "mcdrl",
    artifacts: Annotated[Path, typer.Option(help="What `dvc repro` wrote.")] = Path("artifacts"),
) -> None:
    """Draw the picture."""
    study = load_study()
    sites = study.held_out
    figure, axes = plt.subplots(3, len(sites), figsize=(2 * len(sites), 6.2), squeeze=False)
    for column, site in zip(axes.T, sites, strict=True):
        draw(column, artifacts, site, method, study.seeds[0])
    figure.subplots_adjust(0.005, 0.005, 0.995, 0.96, wspace=0.02, hspace=0.02)
    figure.savefig(out, dpi=110, pil_kwargs={"quality": 85})


if __name__ == "__main__":
    typer.run(main)
