"""What lite0's pretrainings are worth, as Markdown: python -m tests.benchmarks.pretraining data/lite0 scratch/triplet

Each folder is what `python -m stages.pretrain lite0 --out FOLDER` wrote, with another `pretrain.objective` in
params.yaml, say. From its quality.json, on drawn frames that no pretraining saw: recall of lesion in the top quarter of
the grid; AUROC of lesion places by the class texts, and less the text of normal mucosa; AUROC over frames of the class
texts and of the confounder texts, mean and worst; the share of unseen phrasings that are nearest to their own concept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from mcdrl.base.files import read_json
from mcdrl.regions.quality import mean

_HEAD = ("pretraining", "frames", "recall", "places", "less normal", "classes", "confounders", "worst", "phrasings")


def main(folders: Annotated[list[Path], typer.Argument(help="Folders of pretrainings.")]) -> None:
    """Print a row a folder."""
    for line in lines({folder.name: read_json(folder / "quality.json") for folder in folders}):
        print("| " + " | ".join(line) + " |")


def lines(qualities: Mapping[str, Mapping[str, Any]]) -> Iterator[Sequence[str]]:
    """Yield head and rows, of name -> quality.json."""
    yield _HEAD
    yield ["---"] * len(_HEAD)
    for name, found in qualities.items():
        classes, confounders = (
            [value for value in found[kind].values() if value is not None]
            for kind in ("class_auroc", "confounder_auroc")
        )
        values = [
            found["recall"]["0.25"], found["place_auroc"], found["place_auroc_minus_normal"], mean(classes),
            mean(confounders), min(confounders, default=None), found["phrases"]["held_out_accuracy"],
        ]  # fmt: skip
        yield [f"`{name}`", str(found["frames"]), *("–" if value is None else f"{value:.3f}" for value in values)]


if __name__ == "__main__":
    typer.run(main)
