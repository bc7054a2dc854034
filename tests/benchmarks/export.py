"""How far the exported files' masks are from PyTorch's on real frames.

`python -m tests.benchmarks.export MODEL FOLDER [FRAMES]`: exports ONNX and TorchScript, runs the folder's first frames.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from mcdrl.commands.models.export import FILES, compare, export, load_network, runner
from mcdrl.commands.models.frames import find_jobs, read
from mcdrl.model.held_out import threshold_of
from mcdrl.model.shown import ShownFrame


def main(
    model: Annotated[Path, typer.Argument(help="A trained model's folder.")],
    folder: Annotated[Path, typer.Argument(help="Of frames.")],
    count: Annotated[int, typer.Argument(help="Of frames that are compared.")] = 100,
) -> None:
    """Print how far each format's masks are from PyTorch's."""
    (network, card), threshold = load_network(model, None), threshold_of([model])
    with tempfile.TemporaryDirectory() as place:
        shown = [
            read(job, card.size_px, view=card.view, swap=False) for job in find_jobs([folder], Path(place)).jobs[:count]
        ]
        frames = np.stack([one.pixels for one in shown if isinstance(one, ShownFrame)])
        for kind, file in FILES.items():
            export(model, kind, Path(place), None)
            print(f"{kind}: {compare(network, runner(Path(place) / file, kind), frames, threshold)}", flush=True)


if __name__ == "__main__":
    typer.run(main)
