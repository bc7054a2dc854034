"""The box around a mask, outside of which nothing has to be looked at."""

from __future__ import annotations

import numpy as np

from mcdrl.metrics.counts import Bools


def box_around(mask: Bools) -> tuple[slice, slice]:
    """Return the rows and columns around a mask, [H, W]; none of them where it is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)) if len(rows) else (slice(0), slice(0))
