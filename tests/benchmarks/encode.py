"""Processor time of stage `encode` beside a bare loop over the same frames: python -m tests.benchmarks.encode SITE

On the artifacts of the last `dvc repro`. Both load the encoder, read the site's frames a batch at a time, encode them
and their mirror images, and write what the study reads of that as float16. The bare loop reads by h5py and appends the
bytes to a file; it compares no names, looks for no value that isn't finite and writes no checksums.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import h5py
import numpy as np
import torch
import typer

from mcdrl.artifacts.plan import EncodePlan, read_encoding
from mcdrl.clip.encoding import datasets, to_frames
from mcdrl.clip.load import load_encoder
from mcdrl.imaging.flips import flipped
from mcdrl.study.paths import backbone_folder, plan_files, site_files
from mcdrl.study.sections.encode import Params
from stages.encode.site import encode_site
from tests.benchmarks._ratios import compare, cpu_s
from tests.factories import section_params


def bare(frames: Path, backbone: Path, out: Path, params: Params, needed: EncodePlan) -> None:
    """Encode all frames of a store and append what is read of them to a file."""
    encoder = load_encoder(backbone, params.dense)
    with h5py.File(frames, "r") as store, out.open("wb") as file, torch.inference_mode():
        images = store["image"]
        for start in range(0, len(images), params.batch_size):
            batch = images[start : start + params.batch_size]
            for seen in (batch, *(flipped(batch, flip) for flip in needed.flips)):
                found = datasets(encoder.encode(to_frames(seen, encoder.size_px, torch.device("cpu"))))
                _append(file, [value for name, value in found.items() if needed.maps or name in ("dense", "image")])


def _append(file: object, values: Sequence[torch.Tensor]) -> None:
    for value in values:
        np.ascontiguousarray(value.half().numpy()).tofile(file)  # type: ignore[arg-type]


def main(
    site: Annotated[str, typer.Argument(help="Its name.")],
    artifacts: Annotated[Path, typer.Option(help="What `dvc repro` wrote.")] = Path("artifacts"),
    rounds: Annotated[int, typer.Option(help="How often both take their turn.")] = 3,
    out: Annotated[Path | None, typer.Option(help="Parquet that keeps the figures.")] = None,
) -> None:
    """Print the milliseconds a frame of both, and their ratio."""
    files, backbone, params = site_files(artifacts, site), backbone_folder(artifacts), section_params("encode")
    folder, needed = files.frames.parent, read_encoding(plan_files(artifacts).encoding)
    with h5py.File(files.frames, "r") as store:
        count = len(store["image"])
    with tempfile.TemporaryDirectory() as place:
        written = Path(place) / "features.h5"
        compare(
            "encode",
            lambda: cpu_s(lambda: encode_site(site, folder, backbone, written, params, needed, "cpu")) * 1e3 / count,
            lambda: cpu_s(lambda: bare(files.frames, backbone, Path(place) / "bare", params, needed)) * 1e3 / count,
            rounds, "ms a frame", out,
        )  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
