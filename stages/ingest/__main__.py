"""Command of the stage: `python -m stages.ingest SITE --plan SITE.json --splits data/splits.csv --out DIR`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcdrl.artifacts.plan import read_site_plan
from mcdrl.base.files import atomic_folder
from mcdrl.base.output import say
from mcdrl.base.runtime import run, usable_cores
from mcdrl.sites.summary import summary
from mcdrl.study.params import load
from mcdrl.study.sections.ingest import Params
from mcdrl.study.splits import read_splits
from stages.ingest.write import write_site


def main(
    site: Annotated[str, typer.Argument(help="Name of a site in params.yaml.")],
    plan: Annotated[Path, typer.Option(help="Where its frames are and how to read them, as stage plan wrote it.")],
    out: Annotated[Path, typer.Option(help="Folder that receives the site's artifacts.")],
    splits: Annotated[Path | None, typer.Option(help="CSV of splits that were taken over; none: by name.")] = None,
    workers: Annotated[int, typer.Option(help="Threads; 0: one a core.", min=0)] = 0,
) -> None:
    """Check and resize the frames of one site."""
    study, params = load("ingest", Params)
    study.check_site(site)
    found = read_site_plan(plan, site)
    threads = workers or usable_cores()
    published = read_splits(splits) if splits else None
    with atomic_folder(out) as folder:
        result = write_site(
            site, Path(found.root), found.reading, params, study.lesion_classes, folder, threads, published
        )
    say(summary(site, result))


if __name__ == "__main__":
    run(main)
