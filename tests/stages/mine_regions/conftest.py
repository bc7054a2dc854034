"""The inputs of the stage, small and known."""

import numpy as np
import pandas as pd
import pytest

from mcdrl.artifacts.dictionary import CLASSES
from mcdrl.artifacts.features import FEATURES
from tests.factories import write_frames

WIDE, GRID, SIDE = 8, 4, 64
PROVENANCE = {"device": "cpu", "precision": "float32"}


@pytest.fixture
def inputs(tmp_path):
    """Write features, frames and class texts; the lesion of a frame is where its features are the polyp's text."""

    def write(frames=70, lesion=True, fingerprint="f" * 64, features_of=None, wide=WIDE):
        rng = np.random.default_rng(0)
        cases = [f"A/{number:03}" for number in range(frames)]
        mask = np.zeros((frames, SIDE, SIDE), np.uint8)
        dense = rng.normal(size=(frames, GRID, GRID, wide))
        dense[..., 0] = -1
        if lesion:
            mask[:-1, :16, :32] = 1  # the last frame stays without one
            dense[:-1, 0, :2] = np.eye(wide)[0]
        texts = pd.DataFrame({"lesion_class": ["cyst", "polyp"], "prompt": ["a cyst", "a polyp"]})
        polyp, second, third = np.eye(WIDE, dtype=np.float32)[:3]
        texts["embedding"] = [(second - 2 * third) / np.float32(5**0.5), polyp]
        CLASSES.write(texts, tmp_path / "classes.parquet", {"fingerprint": "f" * 64})
        attributes = {"site": "A", "backbone": "b", "fingerprint": fingerprint, "dense_mode": "plain", **PROVENANCE}
        attributes["taps"] = "{}"
        attributes["prefix_tap"] = ""
        with FEATURES.write(tmp_path / "A.h5", features_of or cases, attributes) as store:
            half = dense.astype(np.float16)
            store.append(dense=half, image=half[:, 0, 0], prefix=half, maps__s4=half)
            store.append(**{"flipped__both.dense": half[:, ::-1, ::-1], "flipped__both.image": half[:, 1, 1]})
        write_frames(tmp_path, cases, np.repeat(mask[..., None], 3, 3), mask, [b"x"] * frames)
        return tmp_path

    return write
