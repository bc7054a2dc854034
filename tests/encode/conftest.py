"""A stub encoder whose features are channel means, so that what is stored can be computed by hand."""

import numpy as np
import pytest
import torch

from stages.core.clip.encoder import Encoded, Encoder
from stages.core.contracts.frames import FRAMES

SIDE = 16


class MeanEncoder(Encoder):
    """Dense features are the means of 4x4 px, the map s2 those of 2x2 px, the prefix the frame's means."""

    def __init__(self, size_px=SIDE):
        super().__init__()
        self.width, self.size_px, self.fingerprint, self.dense_mode = 3, size_px, "mean", "plain"
        self.scale = torch.nn.Parameter(torch.ones(()))
        self.batches = []

    def encode(self, frames):
        self.batches.append(len(frames))
        pool = torch.nn.functional.avg_pool2d
        return Encoded(
            dense=pool(frames, 4),
            image=frames.mean((2, 3)),
            maps={"s2": pool(frames, 2), "s4": pool(frames, 4)},
            prefix=frames.mean((2, 3))[:, None] * self.scale,
        )

    def encode_text(self, prompts):
        raise NotImplementedError

    def unknown_words(self, prompts):
        raise NotImplementedError

    def front(self):
        raise NotImplementedError

    def suffix(self):
        raise NotImplementedError


@pytest.fixture
def mean_encoder():
    """The class of the stub encoder."""
    return MeanEncoder


@pytest.fixture
def images():
    """(n, side) -> random images, [n, side, side, 3] uint8."""
    return lambda n, side=SIDE: np.random.default_rng(5).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


@pytest.fixture
def site_folder(tmp_path):
    """(images, site) -> a folder as ingest writes it; the masks are unreadable on purpose."""

    def write(images, site="A", name="frames"):
        folder = tmp_path / name / site
        cases = [f"{site}/{number:03d}" for number in range(len(images))]
        with FRAMES.write(folder / "frames.h5", cases, {"site": site}) as writer:
            for image in images:
                mask = np.zeros((1, *image.shape[:2]), np.uint8)
                writer.append(image=image[None], mask=mask, native_mask=[b"no mask is read"])
        return folder

    return write
