"""Pairs of near hashes."""

import numpy as np
import pytest

from stages.audit import candidates
from stages.audit.candidates import near_hashes

ALL = 10**6  # frames, of which all pairs are compared


def hashes(count, views=3):
    return np.random.default_rng(0).integers(0, 2**63, (count, views, 4), dtype=np.uint64)


def flip(hash_, bits):
    """Change the lowest `bits` bits of the first word."""
    changed = hash_.copy()
    changed[0] ^= np.uint64(2**bits - 1)
    return changed


def pairs_of(found):
    return list(zip(found.zoomed, found.whole, found.view, found.bits, strict=True))


def wholes(table):
    """The first view is the whole frame, which nothing turned is near to."""
    far = np.random.default_rng(1).integers(0, 2**63, (len(table), 8, 4), dtype=np.uint64)
    far[:, 0] = table[:, 0]
    return far


def near(table, bits):
    return near_hashes(table, wholes(table), bits, ALL)


def test_a_view_near_another_frame_s_whole_is_found_once():
    table = hashes(6)
    table[4, 0] = flip(table[1, 2], 5)
    assert pairs_of(near(table, 5)) == [(1, 4, 2, 5)]
    assert len(near(table, 4)) == 0


def test_a_view_near_a_turned_whole_is_found_with_how_it_is_turned():
    table = hashes(6)
    others = wholes(table)
    others[4, 3] = flip(table[1, 2], 5)
    found = near_hashes(table, others, 5, ALL)
    assert pairs_of(found) == [(1, 4, 2, 5)]
    assert found.symmetry.tolist() == [3]


def test_of_both_directions_the_nearer_one_counts():
    table = hashes(6)
    table[4, 0] = flip(table[1, 2], 5)
    table[1, 0] = flip(table[4, 1], 3)
    assert pairs_of(near(table, 10)) == [(4, 1, 1, 3)]


@pytest.mark.parametrize("at_a_time", [1, 7, 50, 10**6])
def test_blocks_change_nothing(at_a_time, monkeypatch):
    table = hashes(23) & np.uint64(0xFFF)  # few bits, so that many pairs are near
    expected = {
        tuple(sorted((a, b))): min(_least(table, a, b), _least(table, b, a)) for a in range(23) for b in range(a)
    }
    monkeypatch.setattr(candidates, "_PAIRS_AT_A_TIME", at_a_time)
    found = {tuple(sorted((a, b))): bits for a, b, _, bits in pairs_of(near_hashes(table, table[:, :1], 16, ALL))}
    assert found == {pair: bits for pair, bits in expected.items() if bits <= 16}
    assert 10 < len(found) < len(expected)


def _least(table, zoomed, whole):
    """The same by Python's own integers."""
    return min(
        sum((int(a) ^ int(b)).bit_count() for a, b in zip(view, table[whole, 0], strict=True)) for view in table[zoomed]
    )


def test_one_frame_and_none():
    assert len(near(hashes(1), 256)) == 0
    assert len(near(hashes(0), 256)) == 0


def test_all_bits_may_differ():
    table = np.stack([np.zeros((1, 4), np.uint64), np.full((1, 4), 2**64 - 1, np.uint64)])
    assert pairs_of(near_hashes(table, table, 256, ALL)) == [(0, 1, 0, 256)]
    assert len(near_hashes(table, table, 255, ALL)) == 0
