"""Frames a second of `mcdrl predict`, from files to files, beside the bare network's forward pass on the same frames.

`python tests/benchmarks/predict.py MODEL FOLDER [ROUNDS]`: both in turn, in one process on this machine. The bare
network (encoder, mining, method) gets frames that are already decoded, in batches of the size that predict takes.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from stages.commands.frames import Shown, find_jobs, read
from stages.commands.masks import Wanted
from stages.commands.predict import load_judge, predict_frames
from stages.core.segment.network import Network


def main(model: Path, folder: Path, rounds: int) -> None:
    judge, crop = load_judge([model], None, "auto", None, None)
    (member,) = judge._ensemble.members
    network = Network(member.encoder, member.model)
    device = next(member.encoder.parameters()).device
    with tempfile.TemporaryDirectory() as place:
        shown = [read(job, judge.size_px, crop) for job in find_jobs([folder], Path(place))]
        frames = np.stack([one.pixels for one in shown if isinstance(one, Shown)])
        batches = [frames[start : start + judge.batch_size] for start in range(0, len(frames), judge.batch_size)]

        def bare() -> float:
            start = time.perf_counter()
            with torch.inference_mode():
                for batch in batches:
                    network(torch.from_numpy(batch).to(device)).cpu()
            return len(frames) / (time.perf_counter() - start)

        def whole() -> float:
            start = time.perf_counter()
            predict_frames([folder], judge, Wanted(Path(place), 0.5), crop=crop, workers=2)
            return len(frames) / (time.perf_counter() - start)

        bare(), whole()
        print(f"{len(frames)} frames, batches of {judge.batch_size}, {device}, {torch.get_num_threads()} threads")
        print("round  bare network  mcdrl predict  ratio   (frames a second)")
        ratios = []
        for number in range(1, rounds + 1):
            network_rate, predict_rate = bare(), whole()
            ratios.append(predict_rate / network_rate)
            print(f"{number:5}  {network_rate:12.1f}  {predict_rate:13.1f}  {ratios[-1]:5.2f}", flush=True)
        print(f"median ratio {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 3)
