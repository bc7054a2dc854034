"""`python -m stages.evaluate`: see the package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcdrl.base.errors import InputError
from mcdrl.base.runtime import enough_memory, loading, run
from mcdrl.study.params import load
from mcdrl.study.paths import Cell, site_files
from mcdrl.study.sections.evaluate import Params


def main(
    method: Annotated[str, typer.Argument(help="A method's name.")],
    held_out: Annotated[str, typer.Argument(help="The site that the method has never seen.")],
    seed: Annotated[int, typer.Argument(help="The training's seed.")],
    artifacts: Annotated[Path, typer.Option(help="What the pipeline has written.")],
    device: Annotated[str, typer.Option(help="cpu, cuda, ...; auto: a GPU if there is one.")] = "auto",
) -> None:
    """Predict the held-out site, then judge the predictions."""
    _, params = load("evaluate", Params)

    with loading():  # torch only after the parameters are known to be right
        from stages.evaluate.cell import read_cases
        from stages.evaluate.run import evaluate, write

    cell = Cell(method, held_out, seed)
    cases = read_cases(cell, artifacts)
    if cases.empty:
        raise InputError(f"site {held_out} has no accepted frame; see {site_files(artifacts, held_out).quarantine}")
    with enough_memory("evaluate", "evaluate.batch_size", params.batch_size):
        write(cell, artifacts, evaluate(cell, artifacts, cases, params, device), params)


if __name__ == "__main__":
    run(main)
