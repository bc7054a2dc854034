"""The inputs of the stage, small and known."""

import numpy as np
import pytest

from mcdrl.artifacts.frames import FRAMES
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
        with FRAMES.write(folder / "frames.h5", cases, {"site": site}) as writer:
            for image in images:
                mask = np.zeros((1, *image.shape[:2]), np.uint8)
                writer.append(image=image[None], mask=mask, native_mask=[b"no mask is read"])
        return folder

    return write
