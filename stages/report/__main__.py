"""`python -m stages.report`: see the package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcdrl.base.runtime import run
from mcdrl.study.params import load, read_params
from mcdrl.study.sections.report import Params
from stages.report.inputs import read_inputs
from stages.report.results import Results
from stages.report.write import write_report


def main(
    artifacts: Annotated[Path, typer.Option(help="What the pipeline has written.")],
    out: Annotated[Path, typer.Option(help="Folder of the report; replaced.")],
) -> None:
    """Turn all results into tables, plots and one page."""
    study, params = load("report", Params)
    write_report(Results(read_inputs(study, artifacts), params, artifacts, read_params()), out)


if __name__ == "__main__":
    run(main)
