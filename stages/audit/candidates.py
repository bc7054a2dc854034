"""Which of all pairs of frames are worth a close look: those whose hashes are near.

Of few frames all pairs are compared, which loses none. Time then grows with the square of their number, so of many
those are compared that an index lets meet; see `stages.audit.index` for what that may miss.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from stages.audit.index import meeting
from stages.audit.prints import Hashes

Indices = np.ndarray[Any, np.dtype[np.int64]]
_MEETINGS_AT_A_TIME = 2**11
_PAIRS_AT_A_TIME = 2**15  # whose temporary arrays stay in a processor's cache; more is slower


@dataclass(frozen=True)
class Candidates:
    """Pairs of frames; each unordered pair once.

    Attributes:
        zoomed: [P] the frame of which a view was compared.
        whole: [P] the frame that was compared as a whole.
        view: [P] the view, index into `stages.audit.prints.VIEWS`, with the nearest hash.
        symmetry: [P] how the whole was turned for that, index into `stages.audit.symmetry.SYMMETRIES`.
        bits: [P] by how many of 256 bits the hashes differ.
    """

    zoomed: Indices
    whole: Indices
    view: Indices
    symmetry: Indices
    bits: Indices

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.bits)


def near_hashes(views: Hashes, wholes: Hashes, max_bits: int, exact_up_to: int) -> Candidates:
    """Return the pairs of frames of which a view of one is near the whole of the other, mirrored or turned or not.

    Args:
        views: [N, V, 4] uint64, as in `Prints`.
        wholes: [N, 8, 4] uint64, likewise.
        max_bits: largest number of differing bits.
        exact_up_to: largest N of which all pairs are compared.
    """
    return (_all_pairs if len(views) <= exact_up_to else _met)(views, wholes, max_bits)


def _all_pairs(views: Hashes, wholes: Hashes, max_bits: int) -> Candidates:
    """Compare all, a block of rows at a time, so that memory doesn't grow with the square of the number of frames."""
    rows = max(1, _PAIRS_AT_A_TIME // max(1, len(views)))
    columns = np.ascontiguousarray(wholes.transpose(1, 2, 0))  # a word of all frames lies in one piece
    found = [_block(views, columns, slice(start, start + rows), max_bits) for start in range(0, len(views), rows)]
    return Candidates(*_nearest(found).T)


def _met(views: Hashes, wholes: Hashes, max_bits: int) -> Candidates:
    """Compare the pairs that meet, in both directions."""
    met = meeting(views, wholes, max_bits)
    both = np.concatenate([met, met[:, ::-1]])
    parts = [both[start : start + _MEETINGS_AT_A_TIME] for start in range(0, len(both), _MEETINGS_AT_A_TIME)]
    return Candidates(*_nearest([_nearest_view(views, wholes, part, max_bits) for part in parts]).T)


def _nearest_view(views: Hashes, wholes: Hashes, pairs: Indices, max_bits: int) -> Indices:
    """Return rows (zoomed, whole, view, symmetry, bits) of those of [P, 2] frames that are near, by their best view."""
    zoomed, whole = pairs.T
    bits = np.zeros((len(pairs), views.shape[1], wholes.shape[1]), np.uint16)
    for word in range(views.shape[2]):
        bits += np.bitwise_count(views[zoomed, :, word][:, :, None] ^ wholes[whole, :, word][:, None])
    best = bits.reshape(len(pairs), -1).argmin(axis=1)  # of equal ones the first view, then the first symmetry
    view, symmetry = np.divmod(best, wholes.shape[1])
    least = bits[np.arange(len(pairs)), view, symmetry]
    return np.column_stack([zoomed, whole, view, symmetry, least])[least <= max_bits].astype(np.int64)


def _nearest(tables: list[Indices]) -> Indices:
    """Return of all rows (zoomed, whole, view, symmetry, bits) the one with the fewest bits for each pair."""
    table = np.concatenate([np.zeros((0, 5), np.int64), *tables])
    low, high = table[:, :2].min(axis=1), table[:, :2].max(axis=1)
    table = table[np.lexsort((table[:, 3], table[:, 2], table[:, 0], table[:, 4], high, low))]
    pairs = np.sort(table[:, :2], axis=1)
    first = np.ones(len(table), bool)
    first[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    return table[first]


def _block(views: Hashes, columns: Hashes, rows: slice, max_bits: int) -> Indices:
    """Return rows (zoomed, whole, view, symmetry, bits) of one block of zoomed frames; columns are [8, 4, N]."""
    found = []
    for view, symmetry in product(range(views.shape[1]), range(len(columns))):
        zoomed, whole, bits = _near(views[rows, view], columns[symmetry], max_bits)
        zoomed = zoomed + rows.start
        other = zoomed != whole  # a frame and itself
        same = np.broadcast_to([view, symmetry], (len(bits), 2))
        found.append(np.column_stack([zoomed, whole, same, bits])[other].astype(np.int64))
    return _nearest(found)


def _near(left: Hashes, right: Hashes, max_bits: int) -> tuple[Indices, Indices, Indices]:
    """Return which of [A, 4] and [4, B] differ in at most so many bits, and in how many."""
    upper, lower = (
        np.bitwise_count(left[:, one, None] ^ right[one]) + np.bitwise_count(left[:, other, None] ^ right[other])
        for one, other in ((0, 1), (2, 3))
    )
    bits = np.add(upper, lower, dtype=np.uint16)
    row, column = np.nonzero(bits <= max_bits)
    return row, column, bits[row, column]
