"""Processor time of `mcdrl predict`, from files to files, beside a bare loop over the same files.

`python -m tests.benchmarks.predict MODEL FOLDER [ROUNDS]`: both in turn, in one process on this machine. The bare loop
decodes a batch of frames and squashes them, asks the network (encoder, mining, method, at the sizes that predict asks
it), and writes each mask as a PNG of the frame's size. It finds no view, checks no file, judges no answer and writes no
table; all of that is in the ratio.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from PIL import Image

from mcdrl.base.parallel import batches
from mcdrl.commands.models.frames import find_jobs
from mcdrl.commands.models.masks import WantedOutput
from mcdrl.commands.models.predict import predict_frames
from mcdrl.model.network import Network
from mcdrl.model.predictor import Predictor, load_predictor
from tests.benchmarks._ratios import compare, cpu_s


def bare(files: list[Path], network: Network, predictor: Predictor, out: Path) -> None:
    """Segment some files and do nothing else."""
    square = (predictor.size_px, predictor.size_px)
    for batch in batches(files, predictor.batch_size):
        pictures = [Image.open(path).convert("RGB") for path in batch]
        frames = [picture.resize(square, Image.Resampling.BICUBIC, reducing_gap=3.0) for picture in pictures]
        with torch.inference_mode():
            found = network(torch.from_numpy(np.stack([np.asarray(frame) for frame in frames])))
        lesion = (found[0] if isinstance(found, tuple) else found).numpy()
        for path, picture, probability in zip(batch, pictures, lesion, strict=True):
            native = np.asarray(Image.fromarray(probability).resize(picture.size, Image.Resampling.BILINEAR))
            Image.fromarray((native >= 0.5).astype(np.uint8) * 255).save(out / f"{path.stem}.png", compress_level=1)


def main(
    model: Annotated[Path, typer.Argument(help="A trained model's folder.")],
    folder: Annotated[Path, typer.Argument(help="Of frames.")],
    rounds: Annotated[int, typer.Argument(help="How often both take their turn.")] = 3,
    out: Annotated[Path | None, typer.Option(help="Parquet that keeps the figures.")] = None,
) -> None:
    """Print the milliseconds a frame of both, and their ratio."""
    predictor, view = load_predictor([model], None, "cpu", None, None)
    (member,) = predictor._ensemble.members
    network = Network(member.encoder, member.model, predictor.further_px)
    with tempfile.TemporaryDirectory() as place:
        files = [job.path for job in find_jobs([folder], Path(place)).jobs]
        wanted = WantedOutput(Path(place), 0.5)
        print(f"{len(files)} frames, batches of {predictor.batch_size}, {torch.get_num_threads()} threads")
        compare(
            "predict",
            lambda: cpu_s(lambda: predict_frames([folder], predictor, wanted, view=view, workers=2)) * 1e3 / len(files),
            lambda: cpu_s(lambda: bare(files, network, predictor, Path(place))) * 1e3 / len(files),
            rounds, "ms a frame", out,
        )  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
