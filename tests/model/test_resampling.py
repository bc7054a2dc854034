"""Tensors are resampled as Pillow resamples pictures."""

import numpy as np
import pytest
import torch
from PIL import Image

from mcdrl.model.resampling import resized

WAYS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("side_px", [24, 32, 40, 64])
def test_it_is_what_pillow_does(side_px, way):
    grid = np.random.default_rng(0).uniform(size=(2, 3, 32, 32)).astype(np.float32)
    found = resized(torch.from_numpy(grid), side_px, way)
    for ours, plane in zip(found.flatten(0, 1).numpy(), grid.reshape(-1, 32, 32), strict=True):
        expected = np.asarray(Image.fromarray(plane).resize((side_px, side_px), WAYS[way]))
        np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_its_own_side_changes_nothing():
    grid = torch.rand(1, 1, 32, 32)
    torch.testing.assert_close(resized(grid, 32, "bicubic"), grid)


@pytest.mark.parametrize("way", WAYS)
def test_autocast_leaves_it_alone(way):
    grid = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    expected = resized(grid, 48, way)
    with torch.autocast("cpu", torch.bfloat16):
        found, of_half = resized(grid, 48, way), resized(grid.bfloat16(), 48, way)
    assert found.dtype == of_half.dtype == torch.float32
    assert torch.equal(found, expected)
