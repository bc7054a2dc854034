"""Command of the stage: `python -m stages.phantom --out data/phantom`."""

from pathlib import Path
from typing import Annotated

import typer

from mcdrl.base.runtime import progress, run, usable_cores
from mcdrl.study.params import load
from mcdrl.study.sections.phantom import Params
from stages.phantom.sites import SITES
from stages.phantom.write import write_sites


def main(
    out: Annotated[Path, typer.Option(help="Folder that receives a folder a site.")],
    workers: Annotated[int, typer.Option(help="Processes; 0: one a core.", min=0)] = 0,
) -> None:
    """Render the five phantom sites."""
    _, params = load("phantom", Params)
    names = write_sites(params, out, workers or usable_cores())
    for _ in progress(names, "rendering", total=len(SITES) * params.frames_per_site):
        pass


if __name__ == "__main__":
    run(main)
