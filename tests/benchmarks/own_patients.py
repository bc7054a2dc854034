"""What the shift between hospitals costs: python -m tests.benchmarks.own_patients STUDY OUT.parquet

Each site's validation frames, segmented by two networks of equal length of training: that of the cell which left the
site out, under the method's name, and one of all sites, `train_all`, which has seen other patients of this one, as
`own_patients`. What the second is ahead is what a gain at hospitals never seen can win at most by closing the shift.
The second had its epoch chosen by validation frames, these among them, so its lead is rather too large; where nobody
knows patients, frames of one may be on both sides.

OUT has a row a frame with a lesion. `python -m tests.benchmarks.table OUT METHOD own_patients --sites` and
`python -m tests.benchmarks.pairs OUT own_patients METHOD` print it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pandas as pd
import torch
import typer

from mcdrl.artifacts.cases import CASES
from mcdrl.base.files import atomic
from mcdrl.study.paths import Cell, site_files, whole_model
from mcdrl.training.adapt import LabelledFrames, answers
from mcdrl.training.adaptation_gain import judge
from tests.benchmarks._cells import copies
from tests.benchmarks.label_efficiency import member_of, site_frames

OWN = "own_patients"


def validation(artifacts: Path, site: str) -> tuple[LabelledFrames, pd.DataFrame]:
    """Return a site's validation frames with a lesion, less copies of training frames, and the table's rows of them."""
    frames, _ = site_frames(artifacts, site)
    rows = CASES.read(site_files(artifacts, site).cases)
    own = (rows["split"] == "val") & rows["lesion_class"].notna() & ~rows["case_id"].isin(copies(artifacts, None))
    chosen = own.to_numpy()
    return frames.take(chosen), rows.loc[chosen, ["case_id", "group_id"]]


def scored(artifacts: Path, method: str) -> Iterator[pd.DataFrame]:
    """Yield the scores of each cell of which both networks are there."""
    for path in sorted((artifacts / "train" / method).glob("*/*/model.json")):
        cell = Cell(method, path.parent.parent.name, int(path.parent.name))
        whole = whole_model(artifacts, method, cell.seed)
        if (whole / "model.json").is_file():
            frames, rows = validation(artifacts, cell.held_out)
            for name, model in ((method, path.parent), (OWN, whole)):
                dice = judge(answers([member_of(model)], frames), frames).scores["dice"]
                yield rows.assign(method=name, held_out=cell.held_out, seed=cell.seed, dice=dice)
            print(f"done: {cell.label}", flush=True)


def main(
    study: Annotated[Path, typer.Argument(help="A study's project with cells in artifacts/train and train_all.")],
    out: Annotated[Path, typer.Argument(help="Parquet to write.")],
    method: Annotated[str, typer.Option(help="Of the cells.")] = "partial_6min",
) -> None:
    """Score both networks of each cell."""
    torch.set_num_threads(1)
    rows = pd.concat(scored(study / "artifacts", method), ignore_index=True)
    with atomic(out) as partial:
        rows.to_parquet(partial, index=False)


if __name__ == "__main__":
    typer.run(main)
