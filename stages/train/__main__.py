"""Train one method for one held-out site, or for none, and one seed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from mcdrl.base.runtime import enough_memory, loading, run
from mcdrl.study.params import load
from mcdrl.study.paths import NONE
from mcdrl.study.sections.deploy import Params


def main(
    method: Annotated[str, typer.Argument(help="a name in methods of params.yaml, or in deploy.methods")],
    held_out: Annotated[str, typer.Argument(help="the site to leave out; none: all are trained on")],
    seed: Annotated[int, typer.Argument(help="of everything drawn")],
    artifacts: Annotated[Path, typer.Option(help="what the other stages wrote")],
    out: Annotated[Path, typer.Option(help="the model folder to write")],
) -> None:
    """Train a network on all sites but one, or on all."""
    study, deploy = load("deploy", Params)

    with loading():  # torch and Fabric only after the parameters are known to be right
        from mcdrl.training.cell import make_job
        from mcdrl.training.fabric import keep_freed_memory, make_deterministic, make_fabric
        from mcdrl.training.run import train
        from mcdrl.training.source_sites import check_source_sites

    site = None if held_out == NONE else held_out
    job = make_job(method, site, seed, artifacts, study, deploy.methods)
    check = partial(check_source_sites, artifacts, job.sources, site)
    check()  # soon, and once more when the files are open: DVC lets others write them meanwhile
    keep_freed_memory()
    make_deterministic()
    with enough_memory("train", "train.batch_size", job.params.batch_size):
        train(job, make_fabric(job.params.precision), out, check)


if __name__ == "__main__":
    run(main)
