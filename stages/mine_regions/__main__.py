"""Command of the stage: `python -m stages.mine_regions SITE --features ... --regions ... --quality ...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcdrl.artifacts.regions import QUALITY
from mcdrl.base.output import say
from mcdrl.base.runtime import run
from mcdrl.regions.quality import quality_table
from mcdrl.study.params import load
from mcdrl.study.paths import IngestedFiles
from mcdrl.study.sections.mine_regions import Params
from stages.mine_regions.site import mine_site, summary


def main(
    site: Annotated[str, typer.Argument(help="Name of a site in params.yaml.")],
    features: Annotated[Path, typer.Option(help="Dense features of the site.")],
    classes: Annotated[Path, typer.Option(help="Class texts.")],
    frames: Annotated[Path, typer.Option(help="Folder of the ingested site.")],
    regions: Annotated[Path, typer.Option(help="Where the regions go.")],
    quality: Annotated[Path, typer.Option(help="Where their quality goes.")],
) -> None:
    """Mine the target regions of one site."""
    study, params = load("mine_regions", Params)
    study.check_site(site)
    store = IngestedFiles(frames).frames
    row = mine_site(site, features, classes, store, study.lesion_classes, params, regions)
    QUALITY.write(quality_table(row), quality)
    say(summary(row))


if __name__ == "__main__":
    run(main)
