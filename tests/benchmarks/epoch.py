"""An epoch from the cache beside one with the encoder in the loop: python -m tests.benchmarks.epoch METHOD

On the artifacts of the last `dvc repro`, with the real training code: mode `frozen` reads the features that `encode`
has stored, mode `finetune` encodes its frames itself and trains the encoder, too. Some steps are timed by the processor
time of all threads.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from mcdrl.methods import params_type
from mcdrl.study.params import load_study, read_params, section_type
from mcdrl.study.sections.train import Params
from mcdrl.training.cell import TrainingJob
from mcdrl.training.fabric import keep_freed_memory, make_deterministic
from stages.plan.plans import plans
from tests.benchmarks._ratios import compare
from tests.benchmarks.budget import seconds


def main(
    method: Annotated[str, typer.Argument(help="A name in `methods` or `variants`.")] = "mcdrl",
    steps: Annotated[int, typer.Option(help="Training steps that are timed.")] = 6,
    artifacts: Annotated[Path, typer.Option(help="What the pipeline has written.")] = Path("artifacts"),
    rounds: Annotated[int, typer.Option(help="How often both take their turn.")] = 3,
    out: Annotated[Path | None, typer.Option(help="Parquet that keeps the figures.")] = None,
) -> None:
    """Print the seconds of an epoch, and how many from the cache one with the encoder in the loop takes."""
    study = load_study()
    held_out, *sources = study.sites
    keep_freed_memory()
    make_deterministic()
    (plan,) = plans([method], study, read_params().get("train") or {}, section_type("train"))
    own = params_type(plan.method).model_validate(plan.params)

    def epoch_s(mode: str) -> float:
        params = Params.model_validate({**plan.train, "mode": mode})
        job = TrainingJob(method, plan.method, held_out, 0, sources, artifacts, study.lesion_classes, params, own)
        return seconds(job, steps, time.process_time)[2]

    compare("epoch from the cache", lambda: epoch_s("frozen"), lambda: epoch_s("finetune"), rounds, "s", out)


if __name__ == "__main__":
    typer.run(main)
