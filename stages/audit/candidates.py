"""Which of all pairs of frames are worth a close look: those whose hashes are near."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.audit.prints import Hashes

Indices = np.ndarray[Any, np.dtype[np.int64]]
_PAIRS_AT_A_TIME = 2**21  # about 60 MiB of temporary arrays, however many frames there are


@dataclass(frozen=True)
class Candidates:
    """Pairs of frames; each unordered pair once.

    Attributes:
        zoomed: [P] the frame of which a view was compared.
        whole: [P] the frame that was compared as a whole.
        view: [P] the view, index into `stages.audit.prints.VIEWS`, with the nearest hash.
        bits: [P] by how many of 256 bits the hashes differ.
    """

    zoomed: Indices
    whole: Indices
    view: Indices
    bits: Indices

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.bits)


def near_hashes(hashes: Hashes, max_bits: int) -> Candidates:
    """Return the pairs of frames of which a view of one is near the whole of the other.

    Compares all pairs, a block of rows at a time, so that time grows with the square of the number of frames and
    memory doesn't.

    Args:
        hashes: [N, V, 4] uint64.
        max_bits: largest number of differing bits.
    """
    rows = max(1, _PAIRS_AT_A_TIME // max(1, len(hashes)))
    found = [_block(hashes, start, rows, max_bits) for start in range(0, len(hashes), rows)]
    table = np.concatenate([np.zeros((0, 4), np.int64), *found])
    low, high = table[:, :2].min(axis=1), table[:, :2].max(axis=1)
    table = table[np.lexsort((table[:, 0], table[:, 3], high, low))]
    pairs = np.sort(table[:, :2], axis=1)
    first = np.ones(len(table), bool)
    first[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    return Candidates(*table[first].T)


def _block(hashes: Hashes, start: int, rows: int, max_bits: int) -> Indices:
    """Return rows (zoomed, whole, view, bits) of one block of zoomed frames."""
    part = hashes[start : start + rows]
    least = np.full((len(part), len(hashes)), np.iinfo(np.uint16).max, np.uint16)
    view = np.zeros(least.shape, np.uint8)
    for number in range(hashes.shape[1]):
        bits = _differing(part[:, number], hashes[:, 0])
        nearer = bits < least
        least[nearer] = bits[nearer]
        view[nearer] = number
    least[np.arange(len(part)), np.arange(start, start + len(part))] = np.iinfo(np.uint16).max  # a frame and itself
    zoomed, whole = np.nonzero(least <= max_bits)
    return np.stack([zoomed + start, whole, view[zoomed, whole], least[zoomed, whole]], axis=1).astype(np.int64)


def _differing(left: Hashes, right: Hashes) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """Return how many bits differ between each of [A, 4] and each of [B, 4], as [A, B]."""
    bits = np.zeros((len(left), len(right)), np.uint16)
    for word in range(left.shape[1]):
        bits += np.bitwise_count(left[:, word, None] ^ right[None, :, word])
    return bits
