"""Command of the stage: `python -m stages.collect TABLE --parts DIR --out FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stages.collect.parts import COLLECTIONS, collect
from stages.core.base.errors import InputError, nearest
from stages.core.base.params import load_study
from stages.core.base.runtime import run


def main(
    stage: Annotated[str, typer.Argument(help="The stage that wrote the parts: mine_regions or evaluate.")],
    parts: Annotated[Path, typer.Option(help="Folder of the parts.")],
    out: Annotated[Path, typer.Option(help="Where the table goes.")],
) -> None:
    """Put the parts of a table together."""
    if stage not in COLLECTIONS:
        raise InputError(f"no stage '{stage}' writes a table in parts; {nearest(stage, COLLECTIONS)}")
    collection = COLLECTIONS[stage]
    rows = collect(collection, load_study(), parts)
    collection.table.write(rows, out)
    print(f"{out}: {len(rows)} rows")


if __name__ == "__main__":
    run(main)
