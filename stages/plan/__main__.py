"""Command of the stage: `python -m stages.plan --out DIR`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stages.core.base.files import atomic_folder
from stages.core.base.params import load, read_params, section_type
from stages.core.base.runtime import run
from stages.core.contracts.plan import encoding_path, write_plan
from stages.plan.plans import encoding, plans


def main(out: Annotated[Path, typer.Option(help="folder for the plans")]) -> None:
    """Write what each name in `methods` stands for, and what of the frames' features they read."""
    study, encode = load("encode", section_type("encode"))
    train = read_params().get("train") or {}
    found = list(plans(study, train, section_type("train"), encode.model_dump()["flips"]))
    with atomic_folder(out) as folder:
        for plan in found:
            write_plan(plan, folder / f"{plan.variant}.json")
        write_plan(encoding(found), encoding_path(folder))


if __name__ == "__main__":
    run(main)
