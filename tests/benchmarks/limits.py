"""How many labelled frames of a new hospital set a limit there: python -m tests.benchmarks.limits OUT RECIPE...

OUT is what `tests.benchmarks.recipes` wrote. For each recipe, and each site left out with enough frames without a
lesion: some of its frames are drawn, the limit on the frame's score is set that calls nine of ten of those with a
lesion among them, and the site's other frames are called by it. A row a recipe and site: which share of the frames with
a lesion is called, in the mean over the draws and in the tenth and the ninetieth of a hundred of them, and of those
without one. Of several trainings the draws are pooled. `mcdrl adapt --learn limits` chooses by
masks instead: of frames in which a lesion is found so many are to keep it, and small components go, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from mcdrl.metrics.counts import Bools, Floats
from mcdrl.metrics.ranking import limit_at
from tests.benchmarks.recipes_table import SENSITIVITY, told_sites

FRAMES = (20, 50, 100)
DRAWS = 200


def main(
    left_out: Annotated[Path, typer.Argument(help="Parquet of the sites left out.")],
    recipes: Annotated[list[str], typer.Argument(help="Which, in this order.")],
) -> None:
    """Print the table."""
    for line in lines(pd.read_parquet(left_out), recipes):
        print("| " + " | ".join(line) + " |")


def lines(rows: pd.DataFrame, recipes: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield head and rows.

    Args:
        rows: of the frames of the sites left out.
        recipes: which of them.
    """
    heads = [f"{count} frames: {kind}" for count in FRAMES for kind in ("called with", "without")]
    yield ["recipe", "held out", "trainings", *heads]
    yield ["---"] * (3 + len(heads))
    for recipe in recipes:
        own = rows[rows["method"] == recipe]
        for site in told_sites(own):
            trainings = [one for _, one in own[own["held_out"] == site].groupby("seed")]
            cells = [cell for count in FRAMES for cell in _told(trainings, count)]
            yield [f"`{recipe}`", site, str(len(trainings)), *cells]


def called(score: Floats, lesion: Bools, frames: int, rng: np.random.Generator) -> tuple[float, float]:
    """Return which share of the other frames, with and without a lesion, a limit calls that drawn ones set.

    Args:
        score: [n], of each frame of a site.
        lesion: [n], whether it has one.
        frames: so many are drawn.
        rng: by which.

    Returns:
        NaN where none of those drawn has a lesion, so that there is no limit.
    """
    order = rng.permutation(len(score))
    own, others = order[:frames], order[frames:]
    limit = limit_at(score[own][lesion[own]], SENSITIVITY)
    if np.isnan(limit):
        return np.nan, np.nan
    above = score[others] >= limit
    return float(above[lesion[others]].mean()), float(above[~lesion[others]].mean())


def _told(trainings: Sequence[pd.DataFrame], frames: int) -> Sequence[str]:
    found = np.array([
        called(one["score"].to_numpy(), one["lesions"].to_numpy() > 0, frames, np.random.default_rng(draw))
        for one in trainings
        for draw in range(DRAWS)
    ])  # fmt: skip
    with_lesion, without = found[np.isfinite(found[:, 0])].T
    low, high = np.quantile(with_lesion, [0.1, 0.9])
    return [f"{with_lesion.mean():.2f} ({low:.2f} to {high:.2f})", f"{without.mean():.2f}"]


if __name__ == "__main__":
    typer.run(main)
