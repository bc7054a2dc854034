"""Seeds from names."""

import hashlib

from mcdrl.base.seeds import generator, seed_for


def test_a_seed_is_the_hash_of_its_names():
    digest = hashlib.sha256(b"train\x1fA\x1f0").digest()
    assert seed_for("train", "A", 0) == sum(byte << (8 * place) for place, byte in enumerate(digest[:4]))


def test_a_known_seed():
    """Fixed here, as a change would silently redraw every study: the first bytes of SHA-256 of "abc"."""
    assert seed_for("abc") == 0xBF1678BA


def test_names_are_not_run_together():
    assert len({seed_for("ab", "c"), seed_for("a", "bc"), seed_for("abc"), seed_for("c", "ab")}) == 4


def test_equal_names_draw_equal_numbers_and_others_do_not():
    draws = [generator("phantom", site).random(4).tolist() for site in ("A", "A", "B")]
    assert draws[0] == draws[1] != draws[2]


def test_seeds_are_spread_over_their_range():
    seeds = [seed_for("x", number) for number in range(2000)]
    assert len(set(seeds)) == 2000
    assert 0 <= min(seeds) < 2**32 * 0.01
    assert 2**32 * 0.99 < max(seeds) < 2**32
