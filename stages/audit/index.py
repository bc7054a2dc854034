"""Near hashes among many without comparing all of them: those that agree in bits drawn at random meet.

Bit sampling (Indyk and Motwani, STOC 1998): a table draws k of the 256 bits, and hashes that agree in all of them are
compared. Two that differ in b bits meet in a table with the chance C(256 - b, k) / C(256, k), whatever they show. Of
the 52 bits that may differ as shipped, k is 20, and they meet in none of 400 tables once in 33, those that differ in 46
once in 640, in 40 once in 125,000. A pair of frames has more chances than one, as neighbouring views and both
directions count: of the 204 pairs of frames of six real sites that are one picture, 0.001 are lost on average.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np

from mcdrl.base.runtime import progress
from mcdrl.base.seeds import generator
from stages.audit.prints import Hashes

Indices = np.ndarray[Any, np.dtype[np.int64]]
Bucket = np.ndarray[Any, np.dtype[np.int32]]
TABLES = 400  # how many draws; more lose less
_CHANCE = 1 / 120  # at least, to meet in a table, for hashes that differ in as many bits as may
_HASH_BITS, _WORD = 256, 64
_MOST_SAMPLED = 64  # bits, where hardly any may differ
_SPARE_BITS = 3  # so many times two buckets a hash, so that few others share one
_IN_CACHE = 2**13  # hashes of which buckets are made at a time
_AT_A_TIME = 2**19  # comparisons, or pairs that wait to be gathered


def meeting(views: Hashes, wholes: Hashes, max_bits: int) -> Indices:
    """Return the pairs of frames of which a view of one met the whole of the other and is near it, [P, 2], sorted.

    Time grows with the frames and with what meets by chance, about 2 in a million of all comparisons.

    Args:
        views: [N, V, 4] uint64, as in `Prints`.
        wholes: [N, 8, 4] uint64, likewise.
        max_bits: largest number of differing bits.
    """
    count = len(views)
    asked, held = (_Rows.of(hashes) for hashes in (views, wholes))
    found, waiting = np.zeros(0, np.int64), [np.zeros(0, np.int64)]
    sampled = sampled_bits(max_bits)
    for table in progress(range(TABLES), "comparing frames", total=TABLES):
        for zoomed, whole in _near(asked, held, max_bits, _drawn(table, sampled)):
            waiting.append(np.unique(np.minimum(zoomed, whole) * count + np.maximum(zoomed, whole)))
            if sum(map(len, waiting)) > max(_AT_A_TIME, len(found)):
                found, waiting = np.unique(np.concatenate([found, *waiting])), []
    found = np.unique(np.concatenate([found, *waiting]))
    return np.stack(np.divmod(found, max(1, count)), axis=1)


def sampled_bits(max_bits: int) -> int:
    """Return how many bits a table draws: the most with which hashes that differ in so many still meet often enough."""
    return max(
        drawn
        for drawn in range(_MOST_SAMPLED + 1)
        if comb(_HASH_BITS - max_bits, drawn) / comb(_HASH_BITS, drawn) >= _CHANCE
    )


@dataclass(frozen=True)
class _Rows:
    """Hashes one below the other; of equal ones of a frame, as all of a flat one are, the first alone.

    Attributes:
        rows: [A, 4], which are compared.
        words: [4, A], the same, a word of all of them in one piece, of which buckets are made.
        frame: [A], whose they are.
    """

    rows: Hashes
    words: Hashes
    frame: Indices

    @classmethod
    def of(cls, hashes: Hashes) -> _Rows:
        """Return the rows of frames with several hashes each, [N, E, 4]; those that a frame has twice stand once."""
        count, each, words = hashes.shape
        frames = np.repeat(np.arange(count, dtype=np.uint64), each)
        known = np.unique(np.column_stack([frames, hashes.reshape(-1, words)]), axis=0)
        rows = np.ascontiguousarray(known[:, 1:])
        return cls(rows, np.ascontiguousarray(rows.T), known[:, 0].astype(np.int64))


@dataclass(frozen=True)
class _Table:
    """What one table draws.

    Attributes:
        mask: [4], the bits in which hashes have to agree.
        factors: [4], odd ones, which spread these over the buckets.
    """

    mask: Hashes
    factors: Hashes


def _near(asked: _Rows, held: _Rows, max_bits: int, table: _Table) -> Iterator[tuple[Indices, Indices]]:
    """Yield the frames, that of the view and that of the whole, that meet in one table and are near."""
    for one, other in _met(asked.words, held.words, table):
        zoomed, whole = asked.frame[one], held.frame[other]
        apart = np.flatnonzero(zoomed != whole)
        bits = np.bitwise_count(asked.rows[one[apart]] ^ held.rows[other[apart]])
        near = apart[bits.sum(axis=1, dtype=np.uint16) <= max_bits]
        yield zoomed[near], whole[near]


def _met(asked: Hashes, held: Hashes, table: _Table) -> Iterator[tuple[Indices, Indices]]:
    """Yield which hashes of [4, A] fall into one bucket with which of [4, B], some at a time."""
    bits = held.shape[1].bit_length() + _SPARE_BITS
    left, right = (_buckets(words, table, bits) for words in (asked, held))
    numbers = np.bincount(right, minlength=2**bits)
    starts, order = np.cumsum(numbers) - numbers, np.argsort(right)
    some = np.flatnonzero((numbers > 0)[left])
    for part in _parts(numbers[left[some]]):
        one = some[part]
        times = numbers[left[one]]
        within = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
        yield np.repeat(one, times), order[np.repeat(starts[left[one]], times) + within]


def _drawn(table: int, sampled: int) -> _Table:
    drawn = generator("audit", "index", table)
    chosen = np.zeros(_HASH_BITS, np.uint8)
    chosen[drawn.permutation(_HASH_BITS)[:sampled]] = 1
    factors = drawn.integers(0, 2**63, 4, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    return _Table(np.packbits(chosen).view(np.uint64), factors)


def _buckets(words: Hashes, table: _Table, bits: int) -> Bucket:
    """Return the bucket of each hash, [A]: equal for all that agree in the bits of the mask."""
    found = np.empty(words.shape[1], np.int32)
    for start in range(0, len(found), _IN_CACHE):
        part = slice(start, start + _IN_CACHE)
        mixed = (words[:, part] & table.mask[:, None]) * table.factors[:, None]
        found[part] = (mixed[0] + mixed[1] + mixed[2] + mixed[3]) >> np.uint64(_WORD - bits)
    return found


def _parts(numbers: Indices) -> Iterator[slice]:
    """Yield parts of about `_AT_A_TIME` comparisons; one hash alone may have more."""
    ends = np.cumsum(numbers)
    start = 0
    while start < len(numbers):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + _AT_A_TIME, side="right")))
        yield slice(start, stop)
        start = stop
