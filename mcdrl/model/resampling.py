"""Frames and maps of probability at another size, as tensors: Pillow's filters, which every exporter knows as products.

Like `mcdrl.view.squash`, they look at as many pixels as one of the result covers.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from mcdrl.base.device import in_float32, onto

Way = Literal["bicubic", "bilinear"]
_FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


def resized(grid: Tensor, side_px: int, way: Way) -> Tensor:
    """Return [B, C, S, S] float at another side; bicubic may leave the range of the values by a little.

    It is float32 whatever autocast says: bfloat16 knows fewer values than a picture has.
    """
    weights = onto(torch.from_numpy(_weights(int(grid.shape[-1]), side_px, way)), grid.device)
    with in_float32(grid.device):
        return weights @ grid.float() @ weights.T


@lru_cache(maxsize=16)
def _weights(from_px: int, to_px: int, way: Way) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return what each place of the result takes of each place of a row, [to, from]: the rows of the identity."""
    return np.array(Image.fromarray(np.eye(from_px, dtype=np.float32)).resize((from_px, to_px), _FILTERS[way]))
