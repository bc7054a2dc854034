"""The decoder gives the same numbers as the textbook operation that no exporter takes."""

import pytest
import torch
from torch.nn import functional as F

from mcdrl.methods.clipseg.decoder import _averaged


@pytest.mark.parametrize("size", [(56, 56), (14, 14), (7, 7), (9, 20), (28, 7)])
def test_maps_are_averaged_as_adaptive_pooling_does(size):
    maps = torch.randn(2, 3, *size)
    torch.testing.assert_close(_averaged(maps, (14, 14)), F.adaptive_avg_pool2d(maps, (14, 14)))
