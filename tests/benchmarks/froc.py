"""Free-response curves of whole recipes, as Markdown: python -m tests.benchmarks.froc FINDINGS OUT RECIPE...

FINDINGS and OUT are what `tests.benchmarks.recipes` wrote. A row a recipe: the share of the lesions that is found with
at most so many false positives a frame, components of the mask in the order of their scores, as the means over the
sites left out; a site's curve is of all its trainings together. Then, for each site with enough frames without a
lesion: the share of those frames that is called where 95 of 100 with a lesion are, as the mean over the trainings, and
the share of their area that is called lesion at one half.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from mcdrl.metrics.detection import froc, sensitivity_at
from mcdrl.metrics.ranking import false_alarms_at
from tests.benchmarks.recipes_table import told_sites

LIMITS = (0.125, 0.25, 0.5, 1.0, 2.0)  # false positives a frame
SENSITIVITY = 0.95  # of frames with a lesion


def main(
    findings: Annotated[Path, typer.Argument(help="Parquet of what is found.")],
    left_out: Annotated[Path, typer.Argument(help="Parquet of the frames.")],
    recipes: Annotated[list[str] | None, typer.Argument(help="Which, in this order; default: all.")] = None,
) -> None:
    """Print the table."""
    found, frames = pd.read_parquet(findings), pd.read_parquet(left_out)
    for line in lines(found, frames, recipes or sorted(set(found["method"]))):
        print("| " + " | ".join(line) + " |")


def lines(findings: pd.DataFrame, frames: pd.DataFrame, recipes: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield head and rows.

    Args:
        findings: a row a lesion and a row a component that hits none.
        frames: a row a frame; trainings of which nothing is in `findings` are left out.
        recipes: which of them.
    """
    cell = ["method", "held_out", "seed"]
    frames = frames.merge(findings[cell].drop_duplicates(), on=cell)
    sites = told_sites(frames)
    heads = [f"alarms at {SENSITIVITY:.2f}", "called area"]
    yield [
        "recipe", "sites", "seeds", *(f"found at {limit:g}" for limit in LIMITS),
        *(f"{site}: {head}" for site in sites for head in heads),
    ]  # fmt: skip
    yield ["---"] * (3 + len(LIMITS) + len(sites) * len(heads))
    for recipe in recipes:
        own, found = (part[part["method"] == recipe] for part in (frames, findings))
        curves = [_curve(found[found["held_out"] == site], len(part)) for site, part in own.groupby("held_out")]
        reached = [np.mean([sensitivity_at(curve, limit) for curve in curves]) for limit in LIMITS]
        yield [
            f"`{recipe}`", str(own["held_out"].nunique()), str(own["seed"].nunique()),
            *(f"{value:.3f}" for value in reached),
            *(text for site in sites for text in _alarms(own[own["held_out"] == site], found)),
        ]  # fmt: skip


def _curve(found: pd.DataFrame, n_frames: int) -> pd.DataFrame:
    lesion, false = (found.loc[found["kind"] == kind, "score"].to_numpy() for kind in ("lesion", "false"))
    return froc(lesion, false, n_frames)


def _alarms(frames: pd.DataFrame, found: pd.DataFrame) -> Sequence[str]:
    if frames.empty:
        return ["", ""]
    shares = [
        false_alarms_at(part["score"].to_numpy(), part["lesions"].to_numpy() > 0, SENSITIVITY)
        for _, part in frames.groupby("seed")
    ]
    negative = frames.loc[frames["lesions"] == 0, ["held_out", "seed", "case_id"]]
    area = found.merge(negative, on=["held_out", "seed", "case_id"])["area_share"].sum() / len(negative)
    return [f"{np.mean(shares):.3f}", f"{100 * area:.1f} %"]


if __name__ == "__main__":
    typer.run(main)
