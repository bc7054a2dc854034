"""Command of the stage: `python -m stages.audit --ingest artifacts/ingest --out artifacts/audit`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcdrl.artifacts.audit import PAIRS, PROFILE, SPLITS
from mcdrl.base.output import say
from mcdrl.base.runtime import run
from mcdrl.study.params import load
from mcdrl.study.paths import AuditFiles
from mcdrl.study.sections.audit import Params
from stages.audit.pairs import find_pairs
from stages.audit.sites import read_sites
from stages.audit.summary import summary


def main(
    ingest: Annotated[Path, typer.Option(help="Folder with a folder of checked frames a site.")],
    out: Annotated[Path, typer.Option(help="Folder for audit.parquet, splits.parquet and profile.parquet.")],
) -> None:
    """Compare all sites' frames with each other."""
    study, params = load("audit", Params)
    sites = read_sites(ingest, list(study.sites))
    pairs = find_pairs(sites.cases, sites.prints, params)
    files = AuditFiles(out)
    PAIRS.write(pairs, files.pairs)
    SPLITS.write(sites.splits, files.splits)
    PROFILE.write(sites.profile, files.profile)
    say(summary(pairs, sites.cases))


if __name__ == "__main__":
    run(main)
