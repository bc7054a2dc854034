"""Mirror images, and the names under which they are cached."""

import numpy as np
import pytest

from mcdrl.imaging.flips import FLIPS, UNFLIPPED, flipped, flips_of, member

ROWS = np.arange(6).reshape(1, 2, 3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (UNFLIPPED, [[0, 1, 2], [3, 4, 5]]),
        ("horizontal", [[2, 1, 0], [5, 4, 3]]),
        ("vertical", [[3, 4, 5], [0, 1, 2]]),
        ("both", [[5, 4, 3], [2, 1, 0]]),
    ],
)
def test_a_flip_by_hand(name, expected):
    assert flipped(ROWS, name)[0].tolist() == expected
    assert flipped(ROWS[..., None], name)[0, ..., 0].tolist() == expected


def test_names_tell_of_their_flips():
    names = [member(flip, name) for flip in reversed(FLIPS) for name in ("dense", "maps/s4")]
    assert names[:2] == ["both.dense", "both.maps.s4"]
    assert flips_of(names) == list(FLIPS)
    assert flips_of([]) == []
