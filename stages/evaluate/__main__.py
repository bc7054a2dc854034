"""`python -m stages.evaluate`: see the package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stages.core.base.errors import InputError
from stages.core.base.params import load
from stages.core.base.runtime import run
from stages.core.contracts.scores import SCORES
from stages.evaluate.params import Params
from stages.evaluate.run import Cell, score_predictions, write_predictions


def main(
    method: Annotated[str, typer.Argument(help="A method's name.")],
    held_out: Annotated[str, typer.Argument(help="The site that the method has never seen.")],
    seed: Annotated[int, typer.Argument(help="The training's seed.")],
    artifacts: Annotated[Path, typer.Option(help="What the pipeline has written.")],
    device: Annotated[str, typer.Option(help="cpu, cuda, ...; auto: a GPU if there is one.")] = "auto",
) -> None:
    """Predict the held-out site, then score the predictions."""
    _, params = load("evaluate", Params)
    cell = Cell(method, held_out, seed, artifacts)
    cases = cell.read_cases()
    if cases.empty:
        raise InputError(f"site {held_out} has no accepted frame; see {cell.ingested / 'quarantine.parquet'}")
    write_predictions(cell, [str(case) for case in cases["case_id"]], params, device)
    SCORES.write(score_predictions(cell, cases, params), cell.scores)


if __name__ == "__main__":
    run(main)
