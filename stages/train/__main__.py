"""Train one method for one held-out site and one seed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stages.core.base.params import load_study
from stages.core.base.runtime import enough_memory, run


def main(
    method: Annotated[str, typer.Argument(help="a name in methods of params.yaml")],
    held_out: Annotated[str, typer.Argument(help="the site to leave out")],
    seed: Annotated[int, typer.Argument(help="of everything drawn")],
    artifacts: Annotated[Path, typer.Option(help="what the other stages wrote")],
    out: Annotated[Path, typer.Option(help="the model folder to write")],
) -> None:
    """Train a network on all sites but one."""
    study = load_study()

    from stages.train.cell import make_cell  # torch and Fabric only after the parameters are known to be right
    from stages.train.device import keep_freed_memory, make_deterministic, make_fabric
    from stages.train.work import train

    cell = make_cell(method, held_out, seed, artifacts, study)
    keep_freed_memory()
    make_deterministic()
    with enough_memory("train", "train.batch_size", cell.params.batch_size):
        train(cell, make_fabric(cell.params.precision), out)


if __name__ == "__main__":
    run(main)
