"""How many epochs each method has in a budget of training time: python -m tests.benchmarks.budget --minutes 6

Trains each name in `methods` of params.yaml (or those given) for some steps on the artifacts of the last `dvc repro`,
with the real training code and one site left out, and prints parameters, frames a second, and the epochs that fit the
budget, validation after each epoch included. For a study at equal time, give each variant its number as `train.epochs`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from mcdrl.methods import params_type
from mcdrl.model.assemble import assemble
from mcdrl.networks.inputs import open_sites, read_cases
from mcdrl.networks.texts import read_texts
from mcdrl.study.params import load_study, read_params, section_type
from mcdrl.study.sections.train import Params
from mcdrl.training.cell import TrainingJob, make_spec
from mcdrl.training.data import Frames, split
from mcdrl.training.fabric import keep_freed_memory, make_deterministic, make_fabric
from mcdrl.training.loop import Training
from mcdrl.training.optimiser import make_optimiser
from stages.plan.plans import plans


def seconds(
    cell: TrainingJob, steps: int, clock: Callable[[], float] = time.perf_counter
) -> tuple[int, int, float, float]:
    """Return trained parameters, training frames, and seconds of training and of validation an epoch takes."""
    frames = split(read_cases(cell.files, cell.lesion_classes))
    size = steps * cell.params.batch_size
    few = Frames(frames.train[:size], frames.val[:size], frames.class_index, frames.site_index)
    texts, _, _ = read_texts(cell.texts, cell.lesion_classes)
    with open_sites(cell.files) as reader:
        spec = make_spec(cell.params, reader.layout, cell.seed)
        method = assemble(
            cell.method, cell.params.mode, spec, cell.method_params, cell.backbone, reader.layout.dense_mode, texts
        )
        fabric = make_fabric(cell.params.precision)
        training = Training(
            fabric, method, make_optimiser(method, cell.params), reader, few, cell.params, cell.seed, flips=cell.flips
        )
        last = cell.params.epochs - 1  # with the intervention on
        training._epoch(last)  # the first steps are slower
        marks = [clock()]
        for part in (lambda: training._epoch(last), lambda: training.validate("validation")):
            part()
            marks.append(clock())
    trained = sum(parameter.numel() for parameter in method.parameters() if parameter.requires_grad)
    whole = [len(frames.train) / len(few.train), len(frames.val) / len(few.val)]
    spent = [(end - start) * times for start, end, times in zip(marks, marks[1:], whole, strict=False)]
    return trained, len(frames.train), spent[0], spent[1]


def main(
    names: Annotated[list[str] | None, typer.Argument(help="variants; none: those of params.yaml")] = None,
    minutes: Annotated[float, typer.Option(help="of training a cell")] = 6.0,
    held_out: Annotated[str | None, typer.Option(help="site to leave out; none: the first")] = None,
    steps: Annotated[int, typer.Option(help="training steps that are timed")] = 12,
    artifacts: Annotated[Path, typer.Option(help="what the pipeline has written")] = Path("artifacts"),
) -> None:
    """Print what a budget of training time buys each method."""
    study = load_study()
    site = held_out or study.held_out[0]
    sources = [name for name in study.sites if name != site]
    keep_freed_memory()
    make_deterministic()
    table = Table("method", "mode", "trained parameters", "frames/s", "s an epoch", f"epochs in {minutes:g} min")
    for plan in plans(names or study.methods, study, read_params().get("train") or {}, section_type("train")):
        params = Params.model_validate(plan.train)
        own = params_type(plan.method).model_validate(plan.params)
        cell = TrainingJob(plan.variant, plan.method, site, 0, sources, artifacts, study.lesion_classes, params, own)
        trained, count, train_s, val_s = seconds(cell, steps)
        epoch_s = train_s + val_s
        table.add_row(
            plan.variant, params.mode, f"{trained:,}", f"{count / train_s:.1f}", f"{epoch_s:.1f}",
            str(int(60 * minutes // epoch_s)),
        )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
