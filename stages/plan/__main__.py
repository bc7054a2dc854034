"""Command of the stage: `python -m stages.plan --out DIR`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcdrl.artifacts.plan import encoding_path, write_code, write_plan
from mcdrl.base.files import atomic_folder
from mcdrl.base.runtime import run
from mcdrl.methods import with_methods
from mcdrl.study.params import load, read_params, section_type
from stages.plan.plans import code_digests, encoding, plans


def main(out: Annotated[Path, typer.Option(help="folder for the plans")]) -> None:
    """Write what each name in `methods` stands for, what of the features they read, and what the code means."""
    study, encode = load("encode", section_type("encode"), further=with_methods)
    train = read_params().get("train") or {}
    found = list(plans(study, train, section_type("train"), encode.model_dump()["flips"]))
    with atomic_folder(out) as folder:
        for plan in found:
            write_plan(plan, folder / "methods" / f"{plan.variant}.json")
        write_plan(encoding(found), encoding_path(folder))
        for stage, code in code_digests().items():
            write_code(code, folder / "code" / stage)


if __name__ == "__main__":
    run(main)
