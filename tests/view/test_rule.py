import numpy as np
import pytest

from mcdrl.view import Kind, looked_at


@pytest.fixture
def screen():
    frame = np.zeros((100, 200, 3), np.uint8)
    frame[10:90, 60:190] = np.random.default_rng(0).integers(120, 200, (80, 130, 3))
    return frame


def test_auto_is_the_view_with_a_rim_of_a_hundredth(screen):
    assert looked_at(screen, "auto").box == (58, 9, 192, 91)


def test_full_is_all(screen):
    assert looked_at(screen, "full").box == (0, 0, 200, 100)
    assert looked_at(screen, "full").kind is Kind.FULL


def test_a_box_is_rounded_outwards(screen):
    assert looked_at(screen, [0.251, 0.0, 0.949, 0.999]).box == (50, 0, 190, 100)
    assert looked_at(screen, [0.5, 0.0, 0.5 + 1e-10, 1.0]).box == (100, 0, 101, 100)  # a pixel at least
    assert looked_at(screen, [1 - 1e-12, 0.0, 1.0, 1.0]).box == (199, 0, 200, 100)
    assert looked_at(screen, [0.145, 0.29, 0.55, 0.58]).box == (29, 29, 110, 58)
