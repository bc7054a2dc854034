"""Smooth fields and look-ups against scipy and numbers worked out by hand."""

import numpy as np
from scipy import ndimage

from mcdrl.base.fields import noise, padded, sample_table, smooth_field, smoothstep


def test_noise_has_mean_zero_and_unit_spread() -> None:
    fields = np.stack([noise(np.random.default_rng(k), 128, 12) for k in range(40)])
    assert abs(fields.mean()) < 0.06
    assert abs(fields.std() - 1.0) < 0.05


def test_more_cells_mean_finer_noise() -> None:
    slopes = [np.abs(np.diff(noise(np.random.default_rng(1), 128, n))).mean() for n in (4, 16, 64)]
    assert slopes[0] < 0.5 * slopes[1] < 0.25 * slopes[2]


def test_periodic_field_wraps_without_a_seam() -> None:
    field = smooth_field(np.random.default_rng(2), (96, 64), (8, 6), periodic=True)
    inner = np.abs(np.diff(field, axis=0)).max(), np.abs(np.diff(field, axis=1)).max()
    assert np.abs(field[0] - field[-1]).max() <= 1.2 * inner[0]
    assert np.abs(field[:, 0] - field[:, -1]).max() <= 1.2 * inner[1]


def test_look_up_agrees_with_scipy() -> None:
    rng = np.random.default_rng(3)
    table = rng.standard_normal((9, 7, 2)).astype(np.float32)
    u, v = rng.uniform(0, 7.9, 200).astype(np.float32), rng.uniform(0, 5.9, 200).astype(np.float32)
    for layer in range(2):
        expected = ndimage.map_coordinates(table[..., layer], [u, v], order=1)
        np.testing.assert_allclose(sample_table(table, u, v)[:, layer], expected, atol=1e-5)


def test_padding_repeats_the_first_row_and_column() -> None:
    table = np.arange(6, dtype=np.float32).reshape(2, 3)
    expected = [[0, 1, 2, 0], [3, 4, 5, 3], [0, 1, 2, 0]]
    np.testing.assert_array_equal(padded(table), expected)


def test_smoothstep_by_hand() -> None:
    x = np.array([0.0, 1.0, 1.5, 2.0, 3.0], dtype=np.float32)
    np.testing.assert_allclose(smoothstep(x, 1.0, 2.0), [0, 0, 0.5, 1, 1], atol=1e-6)
