"""Every operator does what its name says, judged by measures that know nothing of the operator."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from mcdrl.confounders.confounder import OnPixels
from mcdrl.confounders.registry import REGISTRY, apply_confounder
from tests.confounders.measures import MEASURES, red_share

Image = NDArray[np.float32]
OPERATORS = [name for name, entry in REGISTRY.items() if isinstance(entry.operator, OnPixels)]
MOVING = sorted(set(REGISTRY) - set(OPERATORS))
LEVELS = (0.35, 0.7, 1.0)


@pytest.fixture(scope="module")
def scene() -> Image:
    """A textured reddish image with a dark hole, made without the renderer."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:224, :224]
    texture = ndimage.gaussian_filter(rng.standard_normal((224, 224)), 2) * 0.25
    depth = 1 - 0.85 * np.exp(-((x - 90) ** 2 + (y - 120) ** 2) / 900)
    grey = np.clip(0.62 * depth * (1 + texture), 0, 1)
    return np.stack([grey, 0.55 * grey, 0.45 * grey], axis=-1).astype(np.float32)


def changed(scene: Image, name: str, strength: float) -> Image:
    return apply_confounder(scene, name, strength, np.random.default_rng(5), None)


@pytest.mark.parametrize("name", sorted(MEASURES))
def test_operator_changes_its_measure_more_with_strength(scene: Image, name: str) -> None:
    measure, sign = MEASURES[name]
    values = [measure(scene), *(measure(changed(scene, name, level)) for level in LEVELS)]
    assert all(sign * (b - a) > 0 for a, b in pairwise(values)), values


def test_every_confounder_that_moves_nothing_has_a_measure() -> None:
    assert set(OPERATORS) == set(MEASURES)


def test_narrow_band_turns_red_dominance_over(scene: Image) -> None:
    assert red_share(scene) > 0.1
    assert red_share(changed(scene, "narrow_band_imaging", 1.0)) < 0.0


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_zero_strength_changes_nothing_and_range_is_kept(scene: Image, name: str) -> None:
    np.testing.assert_array_equal(changed(scene, name, 0.0), scene)
    image = changed(scene, name, 1.0)
    assert image.dtype == np.float32
    assert image.shape == scene.shape
    assert 0.0 <= image.min() <= image.max() <= 1.0


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_equal_generators_give_equal_images(scene: Image, name: str) -> None:
    np.testing.assert_array_equal(changed(scene, name, 0.6), changed(scene, name, 0.6))


@pytest.mark.parametrize("name", ["blood", "reflection"])
def test_place_weights_are_followed(scene: Image, name: str) -> None:
    where = np.zeros(scene.shape[:2], dtype=np.float32)
    where[:60, 160:] = 1.0
    touched = [
        np.abs(apply_confounder(scene, name, 0.5, np.random.default_rng(k), where) - scene).sum(-1) for k in range(5)
    ]
    total = np.sum(touched, axis=0)
    assert total[:110, 110:].sum() > 0.9 * total.sum()


@pytest.mark.parametrize("name", [*MOVING, "fog"])
def test_what_moves_the_mask_and_unknown_names_are_refused(scene: Image, name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' does not act on pixels alone"):
        changed(scene, name, 0.5)


@pytest.mark.parametrize("strength", [-0.1, 1.1])
def test_strength_out_of_range_is_refused(scene: Image, strength: float) -> None:
    with pytest.raises(ValueError, match=r"expected 0\.\.1"):
        changed(scene, "blur", strength)
