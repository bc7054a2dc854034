"""How far the exported files' masks are from PyTorch's on real frames.

`python tests/benchmarks/export.py MODEL FOLDER [FRAMES]`: exports ONNX and TorchScript, runs the folder's first frames.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from stages.commands.export import FILES, compare, export, load_network, runner
from stages.commands.frames import Shown, find_jobs, read


def main(model: Path, folder: Path, count: int) -> None:
    network, card = load_network(model, None)
    with tempfile.TemporaryDirectory() as place:
        shown = [
            read(job, card.size_px, card.crop == "black_border")
            for job in find_jobs([folder], Path(place)).jobs[:count]
        ]
        frames = np.stack([one.pixels for one in shown if isinstance(one, Shown)])
        for kind, file in FILES.items():
            export(model, kind, Path(place), None)
            print(f"{kind}: {compare(network, runner(Path(place) / file), frames)}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 100)
