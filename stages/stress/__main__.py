"""`python -m stages.stress`: see the package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcdrl.artifacts.stress import STRESS
from mcdrl.base.output import say
from mcdrl.base.runtime import enough_memory, run
from mcdrl.study.params import load
from mcdrl.study.sections.build_confounders import Params as Prompts
from mcdrl.study.sections.evaluate import Params as Evaluate
from mcdrl.study.sections.stress import Params
from stages.stress.run import stress, untested


def main(
    artifacts: Annotated[Path, typer.Option(help="What the pipeline has written.")],
    out: Annotated[Path, typer.Option(help="Where the table goes.")],
    threshold: Annotated[float, typer.Option(help="Probability from which a pixel is lesion.")],
    device: Annotated[str, typer.Option(help="cpu, cuda, ...; auto: a GPU if there is one.")] = "auto",
) -> None:
    """Put held-out frames under confounders and count what each method still finds."""
    study, params = load("stress", Params)
    for line in untested(load("build_confounders", Prompts)[1].confounders):
        say(line)
    further_px = load("evaluate", Evaluate)[1].further_sizes_px
    with enough_memory("stress", "stress.batch_size", params.batch_size):
        rows = stress(study, params, threshold, artifacts, device, further_px)
    STRESS.write(rows, out)
    say(f"{out}: {len(rows)} rows, {rows['case_id'].nunique()} frames")


if __name__ == "__main__":
    run(main)
