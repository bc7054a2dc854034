"""What recipes find, and what they call where there is nothing: python -m tests.benchmarks.recipes_table OUT VALIDATION

OUT and VALIDATION are what `tests.benchmarks.recipes` wrote. A row a recipe: lesions found and false positives a frame,
at one half, as means over the sites left out, of all trainings; then, for each of these sites with enough frames
without a lesion, as means over the trainings that have the figure: AUROC of the frame's score, the share of those
frames that are called where nine of ten frames with a lesion are (`alarms at 0.90`), and what limits do that call nine
of ten elsewhere: on the validation frames of the sources, and at the other sites left out, each by the network that was
kept from it. Those networks have seen this site, of which a single number tells them little. Where there are no such
frames there is nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from mcdrl.metrics.auroc import auroc
from mcdrl.metrics.counts import Bools, Floats
from mcdrl.metrics.ranking import false_alarms_at, limit_at

SENSITIVITY = 0.9
LEAST = 30  # frames without a lesion, for a site to be told


def main(
    left_out: Annotated[Path, typer.Argument(help="Parquet of the sites left out.")],
    validation: Annotated[Path, typer.Argument(help="Parquet of validation frames of their sources.")],
    methods: Annotated[list[str] | None, typer.Argument(help="Which recipes, in this order; default: all.")] = None,
    seed: Annotated[list[int] | None, typer.Option(help="These trainings alone.")] = None,
) -> None:
    """Print the table."""
    rows, by = (pd.read_parquet(path) for path in (left_out, validation))
    rows, by = (part[part["seed"].isin(seed)] if seed else part for part in (rows, by))
    for line in lines(rows, by, methods or sorted(set(rows["method"]))):
        print("| " + " | ".join(line) + " |")


def lines(rows: pd.DataFrame, validation: pd.DataFrame, methods: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield head and rows.

    Args:
        rows: of the frames of the sites left out.
        validation: of the validation frames of their sources.
        methods: the recipes.
    """
    sites = told_sites(rows)
    limits = [f"{kind}, by {by}" for by in ("validation", "other sites") for kind in ("called with", "without")]
    heads = ["AUROC", f"alarms at {SENSITIVITY:.2f}", *limits]
    yield ["recipe", "sites", "seeds", "lesions found", "false positives", *(f"{s}: {h}" for s in sites for h in heads)]
    yield ["---"] * (5 + len(sites) * len(heads))
    for method in methods:
        own, by = (part[part["method"] == method] for part in (rows, validation))
        each = own.groupby("held_out")[["found", "lesions", "false"]].sum()
        false = (each["false"] / own.groupby("held_out").size()).mean()
        counts = [own["held_out"].nunique(), own["seed"].nunique()]
        yield [
            f"`{method}`", *map(str, counts), f"{(each['found'] / each['lesions']).mean():.3f}", f"{false:.2f}",
            *(cell for site in sites for cell in _alarms(own, by, site)),
        ]  # fmt: skip


def told_sites(rows: pd.DataFrame) -> list[str]:
    """Return the sites left out that have `LEAST` frames without a lesion."""
    negative = rows[rows["lesions"] == 0].groupby("held_out")["case_id"].nunique()
    return list(negative.index[negative >= LEAST])


def _alarms(rows: pd.DataFrame, validation: pd.DataFrame, site: str) -> Sequence[str]:
    found = []
    for seed, own in rows[rows["held_out"] == site].groupby("seed"):
        score, lesion = own["score"].to_numpy(), own["lesions"].to_numpy() > 0
        known = validation[(validation["held_out"] == site) & (validation["seed"] == seed)]
        others = rows[(rows["held_out"] != site) & (rows["seed"] == seed)]
        called = [share for by in (known, others) for share in _called(score, lesion, by)]
        found.append([float(auroc(score, lesion)[0]), false_alarms_at(score, lesion, SENSITIVITY), *called])
    means = pd.DataFrame(found, columns=range(6), dtype=float).mean()  # of the trainings that have the figure
    return ["" if np.isnan(value) else f"{value:.3f}" for value in means]


def _called(score: Floats, lesion: Bools, by: pd.DataFrame) -> tuple[float, float]:
    """Return which share of frames with and without a lesion is called by a limit that other frames choose."""
    limit = limit_at(by.loc[by["lesions"] > 0, "score"].to_numpy(), SENSITIVITY)
    if np.isnan(limit):
        return np.nan, np.nan
    return float((score >= limit)[lesion].mean()), float((score >= limit)[~lesion].mean())


if __name__ == "__main__":
    typer.run(main)
