"""Frames a second of `mcdrl predict`, from files to files, beside the bare network's forward pass on the same frames.

`python -m tests.benchmarks.predict MODEL FOLDER [ROUNDS]`: both in turn, in one process on this machine. The bare
network (encoder, mining, method) gets frames that are already decoded, in batches of the size that predict takes.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from mcdrl.commands.models.frames import find_jobs, read
from mcdrl.commands.models.masks import Wanted
from mcdrl.commands.models.predict import predict_frames
from mcdrl.model.network import Network
from mcdrl.model.predictor import load_predictor
from mcdrl.model.shown import Shown


def main(
    model: Annotated[Path, typer.Argument(help="A trained model's folder.")],
    folder: Annotated[Path, typer.Argument(help="Of frames.")],
    rounds: Annotated[int, typer.Argument(help="How often both take their turn.")] = 3,
) -> None:
    """Print the frames a second of both, and their ratio."""
    predictor, view = load_predictor([model], None, "auto", None, None)
    (member,) = predictor._ensemble.members
    network = Network(member.encoder, member.model)
    device = next(member.encoder.parameters()).device
    with tempfile.TemporaryDirectory() as place:
        shown = [read(job, predictor.size_px, view=view, swap=False) for job in find_jobs([folder], Path(place)).jobs]
        frames = np.stack([one.pixels for one in shown if isinstance(one, Shown)])
        batches = [
            frames[start : start + predictor.batch_size] for start in range(0, len(frames), predictor.batch_size)
        ]

        def bare() -> tuple[float, float]:
            start, used = time.perf_counter(), time.process_time()
            with torch.inference_mode():
                for batch in batches:
                    network(torch.from_numpy(batch).to(device)).cpu()
            return len(frames) / (time.perf_counter() - start), len(frames) / (time.process_time() - used)

        def whole() -> tuple[float, float]:
            start, used = time.perf_counter(), time.process_time()
            predict_frames([folder], predictor, Wanted(Path(place), 0.5), view=view, workers=2)
            return len(frames) / (time.perf_counter() - start), len(frames) / (time.process_time() - used)

        bare(), whole()
        print(f"{len(frames)} frames, batches of {predictor.batch_size}, {device}, {torch.get_num_threads()} threads")
        print("        frames a second                      frames a second of CPU time (all threads)")
        print("round  bare network  predict  ratio         bare network  predict  ratio")
        ratios = []
        for number in range(1, rounds + 1):
            (net, net_cpu), (all_, all_cpu) = bare(), whole()
            ratios.append((all_ / net, all_cpu / net_cpu))
            line = f"{number:5}  {net:12.1f}  {all_:7.1f}  {ratios[-1][0]:5.2f}         "
            print(f"{line}{net_cpu:12.1f}  {all_cpu:7.1f}  {ratios[-1][1]:5.2f}", flush=True)
        wall, cpu = (statistics.median(column) for column in zip(*ratios, strict=True))
        print(f"median ratio {wall:.2f}; of CPU time, which a busy machine doesn't disturb, {cpu:.2f}")


if __name__ == "__main__":
    typer.run(main)
