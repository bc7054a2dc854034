"""How well regions are mined at sites never seen: python -m tests.benchmarks.mining [--seed 0]

For each held-out site, over its frames with a lesion: the share of the lesion in the top places (recall) and the score
as a lesion score of places (AUROC), by the class texts and by a miner tuned on all others, beside random places and
inverted scores. Nothing else is trained. From the artifacts of the last `dvc repro mine_regions`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.table import Table

from mcdrl.base.parallel import batches
from mcdrl.networks.inputs import open_sites, read_cases, to_batch
from mcdrl.regions.quality import SCORES, Quality
from mcdrl.regions.tuned import Miner
from mcdrl.study.params import load
from mcdrl.study.paths import site_files
from mcdrl.study.sections.train import Params
from mcdrl.training.data import split
from mcdrl.training.mining import tuned_miners
from tests.benchmarks._cells import copies

_BATCH = 32


def quality(artifacts: Path, site: str, classes: list[str], miner: Miner | None) -> dict[str, Any]:
    """Return the quality of a site's regions: those that are stored, or those that a miner selects."""
    files = {site: site_files(artifacts, site)}
    cases = [str(case) for case in read_cases(files, classes)["case_id"]]
    found = Quality()
    with open_sites(files) as reader:
        for some in batches(cases, _BATCH):
            raw = reader.read(some, mask=True, cached=[], maps=miner.taps if miner else [])
            batch = to_batch(raw, [-1] * len(some), torch.device("cpu"), miner=miner)
            found.add(batch.similarity.numpy(), batch.selected.numpy(), batch.mask.numpy())
    return found.row()


def main(
    seed: Annotated[int, typer.Option(help="Of the fits.")] = 0,
    artifacts: Annotated[Path, typer.Option(help="What `dvc repro` wrote.")] = Path("artifacts"),
) -> None:
    """Print a row a held-out site and a mean."""
    study, train = load("train", Params)
    table = Table("held out", "recall: texts", "tuned", "random", "AUROC: texts", "inverted", "tuned", "inverted")
    rows = []
    for site in study.held_out:
        sources = {other: site_files(artifacts, other) for other in study.sites if other != site}
        with open_sites(sources) as reader:
            frames = split(read_cases(sources, study.lesion_classes), copies(artifacts, site))
            miner = tuned_miners(reader, frames, train.miner, seed, torch.device("cpu")).whole
        texts = quality(artifacts, site, study.lesion_classes, None)
        tuned = quality(artifacts, site, study.lesion_classes, miner)
        (a, random, b, c), (d, _, e, f) = ([float(row[name]) for name in SCORES] for row in (texts, tuned))
        rows.append([a, d, random, b, c, e, f])
        table.add_row(site, *[f"{value:.3f}" for value in rows[-1]])
    table.add_row("mean", *[f"{sum(column) / len(rows):.3f}" for column in zip(*rows, strict=True)])
    Console(width=120).print(table)


if __name__ == "__main__":
    typer.run(main)
