"""Command of the stage: `python -m stages.sources --artifacts DIR --out DIR`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcdrl.artifacts.source_sites import write_source_sites
from mcdrl.base.files import atomic_folder
from mcdrl.base.runtime import progress, run
from mcdrl.study.params import load_study
from mcdrl.study.paths import NONE, sources_file
from mcdrl.training.source_sites import source_names, source_sites


def main(
    artifacts: Annotated[Path, typer.Option(help="what the other stages wrote")],
    out: Annotated[Path, typer.Option(help="folder for a file a held-out site")],
) -> None:
    """Write what of the sites' data each training takes."""
    study = load_study()
    names = [*study.held_out, NONE]
    with atomic_folder(out) as folder:
        for name in progress(names, "source sites", len(names)):
            held_out = None if name == NONE else name
            sources = source_sites(artifacts, source_names(study.sites, held_out), held_out)
            write_source_sites(sources, sources_file(folder, name))


if __name__ == "__main__":
    run(main)
