"""Random numbers that depend on names alone, so that adding a site changes no other site's numbers."""

from __future__ import annotations

import hashlib

import numpy as np


def seed_for(*names: str | int) -> int:
    """Return a seed in [0, 2**32) that is a hash of the given names, in their order."""
    digest = hashlib.sha256("\x1f".join(str(name) for name in names).encode()).digest()
    return int.from_bytes(digest[:4], "little")


def generator(*names: str | int) -> np.random.Generator:
    """Return a numpy generator seeded by `seed_for(*names)`."""
    return np.random.default_rng(seed_for(*names))
