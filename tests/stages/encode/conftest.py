"""The inputs of the stage, small and known."""

import numpy as np
import pytest

from tests.factories import write_frames
from tests.stub_encoders import SIDE, MeanEncoder


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
        write_frames(folder, cases, images, np.zeros(images.shape[:3]), [b"no mask is read"] * len(images))
        return folder

    return write
