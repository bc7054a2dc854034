"""What devices do that their placebos don't: python -m tests.benchmarks.devices SCORES.parquet [--study devices]

A row a device and placebo, as the study's card pairs them: of the seeds that both have, the mean Dice of both over the
sites left out, and *the effect of the device*, the device less its placebo, with its intervals over frames and seeds;
p, the greater one of both, after Holm's correction over the table. With --picture the effects are drawn, too. SCORES is
artifacts/evaluate/cases.parquet or a table of docs/measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from mcdrl.base.choices import nearest
from mcdrl.commands.study.studies import presets
from mcdrl.metrics.paired import Comparison
from tests.benchmarks import table

_HEAD = ["device", "mean (frames)", "placebo", "mean (frames)", "effect of the device (frames)", "over seeds", "p"]
Pair = tuple[str, str]


def main(
    scores: Annotated[Path, typer.Argument(help="Parquet of Dice by method, held_out, seed and case_id.")],
    study: Annotated[str, typer.Option(help="Whose card names the placebos.")] = "devices",
    seed: Annotated[list[int] | None, typer.Option(help="These trainings alone.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw the effects: FILE.png or FILE.svg.")] = None,
) -> None:
    """Print the table."""
    rows = pd.read_parquet(scores).dropna(subset=["dice"])
    rows = rows[rows["seed"].isin(seed)] if seed else rows
    pairs = paired(study)
    found = effects(rows, pairs)
    if not found:
        raise typer.BadParameter(f"{scores} has no device of the study {study} with its placebo")
    if picture is not None:
        draw(found, picture)
    for line in lines(rows, found):
        print("| " + " | ".join(line) + " |")
    for device, placebo in (pair for pair in pairs if pair not in found):
        typer.echo(f"{scores} has no frames of both {device} and {placebo}", err=True)


def paired(study: str) -> list[Pair]:
    """Return the devices of a study, each with each of its placebos."""
    known = presets()
    if study not in known:
        raise typer.BadParameter(f"unknown study '{study}'; {nearest(study, known)}")
    return [(device, placebo) for device, placebos in known[study].placebos.items() for placebo in placebos]


def effects(rows: pd.DataFrame, pairs: Sequence[Pair]) -> dict[Pair, Comparison]:
    """Return the device less its placebo, of those that have frames and seeds in common."""
    sites = {pair: table.pairs_of(rows, *pair) for pair in pairs}
    return {pair: table.over_sites(list(parts.values())) for pair, parts in sites.items() if parts}


def lines(rows: pd.DataFrame, found: Mapping[Pair, Comparison]) -> Iterator[table.Row]:
    """Yield head and rows of the table."""
    yield from table.head_cells(_HEAD)
    corrected = table.corrected_p(found)
    for pair, one in found.items():
        means = [table.mean_cell(list(table.samples_of(common(rows, pair), name).values())) for name in pair]
        yield [f"`{pair[0]}`", means[0], f"`{pair[1]}`", means[1], *table.difference_cells(one, corrected[pair])]


def common(rows: pd.DataFrame, pair: Pair) -> pd.DataFrame:
    """Return the rows of the seeds that both have."""
    seeds = [set(rows.loc[rows["method"] == name, "seed"]) for name in pair]
    return rows[rows["seed"].isin(set.intersection(*seeds))]


def draw(found: Mapping[Pair, Comparison], path: Path) -> None:
    """Draw the effects with their intervals, that over the frames thick, that over the seeds thin."""
    from matplotlib.figure import Figure

    axes = Figure(figsize=(8, 1 + 0.4 * len(found)), layout="constrained").subplots()
    axes.axvline(0, color="0.6", linewidth=1)
    for place, one in enumerate(found.values()):
        axes.plot([one.seed_low, one.seed_high], [place, place], color="C0", linewidth=1)
        axes.plot([one.low, one.high], [place, place], color="C0", linewidth=4, alpha=0.6)
        axes.plot([one.difference], [place], "o", color="C0")
    axes.set_yticks(range(len(found)), [f"{device} less {placebo}" for device, placebo in found])
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.set_xlabel("effect of the device on Dice\n95 % intervals over frames (thick) and seeds (thin)")
    axes.figure.savefig(path)


if __name__ == "__main__":
    typer.run(main)
