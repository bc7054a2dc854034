"""Command of the stage: `python -m stages.plan --out DIR`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stages.core.base.files import atomic_folder
from stages.core.base.params import load_study, read_params, section_type
from stages.core.base.runtime import run
from stages.core.contracts.plan import write_plan
from stages.plan.plans import plans


def main(out: Annotated[Path, typer.Option(help="folder for the plans")]) -> None:
    """Write what each name in `methods` stands for."""
    study = load_study()
    train = read_params().get("train") or {}
    with atomic_folder(out) as folder:
        for plan in plans(study, train, section_type("train")):
            write_plan(plan, folder / f"{plan.variant}.json")


if __name__ == "__main__":
    run(main)
