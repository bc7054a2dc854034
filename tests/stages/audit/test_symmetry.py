"""The eight symmetries against Pillow's."""

import numpy as np
import pytest
from PIL import Image

from mcdrl.artifacts.audit import IDENTITY
from stages.audit.symmetry import SYMMETRIES, inverse, turned

FRAME = np.arange(25, dtype=np.uint8).reshape(5, 5)


@pytest.mark.parametrize("name", SYMMETRIES)
def test_they_are_pillow_s(name):
    expected = (
        FRAME if name == IDENTITY else np.asarray(Image.fromarray(FRAME).transpose(Image.Transpose[name.upper()]))
    )
    np.testing.assert_array_equal(turned(FRAME, SYMMETRIES.index(name)), expected)


def test_all_differ_and_stacks_are_turned_frame_by_frame():
    assert len({turned(FRAME, number).tobytes() for number in range(8)}) == len(SYMMETRIES) == 8
    stack = np.stack([FRAME, FRAME + 100])
    for number in range(8):
        np.testing.assert_array_equal(turned(stack, number)[1], turned(FRAME + 100, number))


def test_the_inverse_undoes_it():
    for number, back in enumerate(inverse(np.arange(8))):
        np.testing.assert_array_equal(turned(turned(FRAME, number), int(back)), FRAME)
