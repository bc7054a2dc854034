"""`python -m stages.build_confounders`: prompts to texts in joint space."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console

from mcdrl.artifacts.dictionary import CLASS_CONFOUNDERS, CLASSES, DICTIONARY
from mcdrl.base.runtime import run
from mcdrl.clip.load import load_encoder
from mcdrl.study.params import load
from mcdrl.study.paths import TextFiles
from mcdrl.study.sections.build_confounders import Params
from stages.build_confounders.prompts import class_rows, confounder_rows, embedded, pair_rows
from stages.build_confounders.review import neighbours, show, warnings


def main(
    backbone: Annotated[Path, typer.Option(help="folder of the obtained backbone")],
    out: Annotated[Path, typer.Option(help="folder for the three tables")],
) -> None:
    """Write the confounder dictionary, the class texts and the texts of both together."""
    study, params = load("build_confounders", Params)
    rows = class_rows(params, study.lesion_classes), confounder_rows(params), pair_rows(params, study.lesion_classes)
    encoder = load_encoder(backbone)
    classes, dictionary, pairs = (embedded(part, encoder) for part in rows)
    stamp, files = {"fingerprint": encoder.fingerprint}, TextFiles(out)
    CLASSES.write(classes, files.classes, stamp)
    DICTIONARY.write(dictionary, files.dictionary, stamp)
    CLASS_CONFOUNDERS.write(pairs, files.class_confounders, stamp)
    near = neighbours([*classes["lesion_class"], *dictionary["confounder"]], pd.concat([classes, dictionary]))
    show(near, warnings(encoder, [*classes["prompt"], *dictionary["prompt"]], near), Console(stderr=True))


if __name__ == "__main__":
    run(main)
