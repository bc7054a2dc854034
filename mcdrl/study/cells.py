"""The trainings of a study; apart from `mcdrl.study.params`, as their order is that of rows and so has a digest."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from mcdrl.study.params import Study
from mcdrl.study.paths import Cell


def cells(study: Study) -> Iterator[Cell]:
    """Yield every (method, held-out site, seed) of a study, one training each."""
    yield from map(Cell._make, product(study.methods, study.held_out, study.seeds))
