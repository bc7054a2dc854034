"""Command of the stage: `python -m stages.collect STAGE --parts DIR --out DIR`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcdrl.base.choices import nearest
from mcdrl.base.errors import InputError
from mcdrl.base.output import say
from mcdrl.base.runtime import run
from mcdrl.study.params import load_study
from mcdrl.study.paths import table_file
from stages.collect.parts import COLLECTIONS, collect


def main(
    stage: Annotated[str, typer.Argument(help="The stage that wrote the parts: mine_regions or evaluate.")],
    parts: Annotated[Path, typer.Option(help="Folder of the parts.")],
    out: Annotated[Path, typer.Option(help="Folder of the tables.")],
) -> None:
    """Put the parts of a stage's tables together."""
    if stage not in COLLECTIONS:
        raise InputError(f"no stage '{stage}' writes a table in parts; {nearest(stage, COLLECTIONS)}")
    study = load_study()
    for name, collection in COLLECTIONS[stage].items():
        rows = collect(collection, study, parts)
        path = table_file(out, name)
        collection.table.write(rows, path)
        say(f"{path}: {len(rows)} rows")


if __name__ == "__main__":
    run(main)
