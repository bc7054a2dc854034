"""Near hashes by an index: what it finds is near, and it loses next to nothing of what comparing all pairs finds."""

from math import comb

import numpy as np
import pytest

from stages.audit import index
from stages.audit.candidates import near_hashes
from stages.audit.index import TABLES, meeting, sampled_bits
from tests.factories import section_params

ALL, NONE = 10**6, 0  # frames of which all pairs are compared
SHIPPED_BITS = section_params("audit").hash_bits
COLUMNS = ("zoomed", "whole", "view", "symmetry", "bits")


def hashes(count, each=3, seed=0):
    return np.random.default_rng(seed).integers(0, 2**64, (count, each, 4), dtype=np.uint64)


def differing(hash_, bits, seed=0):
    """The hash with so many bits changed, drawn among all of them."""
    changed = np.zeros(256, np.uint8)
    changed[np.random.default_rng(seed).permutation(256)[:bits]] = 1
    return hash_ ^ np.packbits(changed).view(np.uint64)


def planted(bits, count=120):
    """Frames of which each one of the second half is near to one of the first, by one view and one turned whole."""
    views, wholes = hashes(2 * count), hashes(2 * count, each=8, seed=1)
    for k in range(count):
        wholes[count + k, k % 8] = differing(views[k, k % 3], bits, k)
    return views, wholes, np.stack([np.arange(count), np.arange(count) + count], axis=1)


def rows(found):
    return sorted(zip(*(getattr(found, name).tolist() for name in COLUMNS), strict=True))


@pytest.mark.parametrize("bits", [0, 10, 30, 38])
def test_what_is_near_is_found_as_by_comparing_all(bits):
    views, wholes, expected = planted(bits)
    found = near_hashes(views, wholes, SHIPPED_BITS, NONE)
    assert rows(found) == rows(near_hashes(views, wholes, SHIPPED_BITS, ALL))
    assert np.stack([found.zoomed, found.whole], axis=1).tolist() == expected.tolist()
    assert set(found.bits) == {bits}


@pytest.mark.parametrize("bits", [46, SHIPPED_BITS])
def test_of_what_hardly_is_near_no_more_is_lost_than_chance_says(bits):
    """One view and one direction alone; within four standard deviations of the formula."""
    views, wholes, expected = planted(bits)
    lost = len(expected) - len(meeting(views, wholes, SHIPPED_BITS))
    sampled = sampled_bits(SHIPPED_BITS)
    chance = (1 - comb(256 - bits, sampled) / comb(256, sampled)) ** TABLES
    assert lost <= len(expected) * chance + 4 * np.sqrt(len(expected) * chance) + 1


def test_what_is_farther_than_the_limit_is_no_pair():
    views, wholes, _ = planted(31)
    assert len(near_hashes(views, wholes, 30, NONE)) == 0
    assert len(near_hashes(views, wholes, 31, NONE)) >= 0.9 * 120


def test_equal_frames_all_meet_and_memory_stays_within_parts(monkeypatch):
    """The worst case: black frames, each of whose views is equal to each of the others' wholes."""
    monkeypatch.setattr(index, "_AT_A_TIME", 50)
    views, wholes = np.zeros((30, 3, 4), np.uint64), np.zeros((30, 8, 4), np.uint64)
    found = near_hashes(views, wholes, SHIPPED_BITS, NONE)
    assert rows(found) == rows(near_hashes(views, wholes, SHIPPED_BITS, ALL))
    assert len(found) == 30 * 29 // 2


def test_hashes_that_share_most_of_their_bits_are_compared_as_all_pairs_are():
    """Adversarial: frames that agree in all but the bits of one word, so that buckets are crowded."""
    views = np.zeros((60, 3, 4), np.uint64)
    views[:, :, 2] = hashes(60)[:, :, 0]
    wholes = np.repeat(views[:, :1], 8, axis=1)
    found, every = (set(rows(near_hashes(views, wholes, SHIPPED_BITS, up_to))) for up_to in (NONE, ALL))
    assert found == every
    assert len(every) == 60 * 59 // 2


def test_how_many_bits_are_drawn_follows_from_how_many_may_differ():
    assert sampled_bits(SHIPPED_BITS) == 20
    assert sampled_bits(0) == 64
    for bits in (10, 52, 100, 128):
        drawn = sampled_bits(bits)
        assert comb(256 - bits, drawn) / comb(256, drawn) >= 1 / 120
        assert drawn == 64 or comb(256 - bits, drawn + 1) / comb(256, drawn + 1) < 1 / 120


def test_a_wider_limit_is_kept_too():
    views, wholes, expected = planted(80)
    assert len(meeting(views, wholes, 90)) >= 0.97 * len(expected)


@pytest.mark.parametrize("count", [0, 1])
def test_no_frame_and_one(count):
    assert meeting(hashes(count), hashes(count, 8), SHIPPED_BITS).shape == (0, 2)
