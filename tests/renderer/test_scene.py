"""Frames: the mask is exact, equal arguments give equal bytes, views act on the geometry."""

import numpy as np
import pytest
from scipy import ndimage

from mcdrl.renderer import (
    CONFOUNDERS,
    EXCLUSIVE_PAIRS,
    LESION_CLASSES,
    Patient,
    ScenePlan,
    Style,
    make_patient,
    render,
)
from mcdrl.renderer.corpus import sample_corpus_frame
from mcdrl.renderer.plan import Placement
from mcdrl.renderer.style import Camera

SIDE = 224  # px


@pytest.fixture(scope="module")
def patient() -> Patient:
    return make_patient(np.random.default_rng(0), Style(camera=Camera(noise=0.0)))


@pytest.mark.parametrize("lesion_class", LESION_CLASSES)
def test_mask_is_one_body(patient: Patient, lesion_class: str) -> None:
    for seed in range(3):
        frame = render(patient, ScenePlan(lesion_class), np.random.default_rng(seed), SIDE)
        assert frame.lesion_class == lesion_class
        area = int(frame.mask.sum())
        assert area > 60
        parts = ndimage.label(frame.mask)[0]
        assert np.bincount(parts.ravel())[1:].max() > 0.8 * area  # folds may cut a piece off


def test_no_lesion_no_mask(patient: Patient) -> None:
    frame = render(patient, ScenePlan(None), np.random.default_rng(1), SIDE)
    assert frame.lesion_class is None
    assert not frame.mask.any()


@pytest.mark.parametrize("lesion_class", ["polyp", "tumor", "inflammation"])
def test_mask_edge_is_an_edge_of_the_image(patient: Patient, lesion_class: str) -> None:
    ratios = []
    for seed in range(5):
        frame = render(patient, ScenePlan(lesion_class), np.random.default_rng(seed), SIDE)
        inner = frame.mask & ~ndimage.binary_erosion(frame.mask, iterations=4)
        outer = ndimage.binary_dilation(frame.mask, iterations=4) & ~frame.mask
        green = frame.image[..., 1].astype(float) + 1
        ratios.append(green[inner].mean() / green[outer].mean())
    assert np.median(ratios) < 0.93  # redder or darker than the mucosa around


def test_equal_seeds_equal_frames_and_other_seeds_differ(patient: Patient) -> None:
    plan = ScenePlan("polyp", strengths={"blood": 0.7, "blur": 0.4})
    one, two, other = (render(patient, plan, np.random.default_rng(k), SIDE) for k in (3, 3, 4))
    assert one.image.tobytes() == two.image.tobytes()
    assert one.mask.tobytes() == two.mask.tobytes()
    assert one.image.tobytes() != other.image.tobytes()


def test_surface_confounders_leave_the_mask_alone(patient: Patient) -> None:
    plain = render(patient, ScenePlan("polyp"), np.random.default_rng(6), SIDE)
    names = [name for name in CONFOUNDERS if not name.endswith("_view")]
    for name in names:
        changed = render(patient, ScenePlan("polyp", strengths={name: 1.0}), np.random.default_rng(6), SIDE)
        np.testing.assert_array_equal(changed.mask, plain.mask)
        assert (changed.image != plain.image).any(), name


def test_near_lesions_are_large_and_far_ones_small(patient: Patient) -> None:
    def area(name: str | None, level: float) -> float:
        strengths = {name: level} if name else {}
        plan = ScenePlan("polyp", strengths=strengths)
        return float(np.mean([render(patient, plan, np.random.default_rng(k), 64).mask.mean() for k in range(20)]))

    areas = [area("far_view", 1.0), area("far_view", 0.5), area(None, 0), area("near_view", 1.0)]
    assert areas == sorted(areas)
    assert areas[-1] > 3 * areas[0]


@pytest.mark.parametrize(("placement", "share"), [("lesion", (0.6, 1.0)), ("elsewhere", (0.0, 0.1))])
def test_reflections_lie_where_the_plan_says(
    patient: Patient, placement: Placement, share: tuple[float, float]
) -> None:
    plan = ScenePlan("polyp", strengths={"reflection": 0.6}, placement={"reflection": placement})
    on, total = 0, 0
    for seed in range(6):
        frame = render(patient, plan, np.random.default_rng(seed), SIDE)
        glare = frame.image.min(-1) > 235
        on, total = on + int((glare & frame.mask).sum()), total + int(glare.sum())
    assert total > 100
    assert share[0] <= on / total <= share[1]


@pytest.mark.parametrize("size_px", [96, 224, 300])
def test_size(patient: Patient, size_px: int) -> None:
    frame = render(patient, ScenePlan("cyst"), np.random.default_rng(0), size_px)
    assert frame.image.shape == (size_px, size_px, 3)
    assert frame.image.dtype == np.uint8
    assert frame.mask.shape == (size_px, size_px)


def test_corpus_frames() -> None:
    frames = [sample_corpus_frame(seed, size_px=64) for seed in range(64)]
    empty = np.mean([frame.lesion_class is None for frame in frames])
    assert 0.06 < empty < 0.38
    assert {frame.lesion_class for frame in frames} == {None, *LESION_CLASSES}
    for frame in frames:
        assert tuple(frame.strengths) == CONFOUNDERS
        assert frame.mask.any() == (frame.lesion_class is not None)
        assert all(0.0 <= value <= 1.0 for value in frame.strengths.values())
        assert not any(frame.strengths[a] and frame.strengths[b] for a, b in EXCLUSIVE_PAIRS)
    present = np.array([[v > 0 for v in frame.strengths.values()] for frame in frames])
    assert 0.13 < present.mean() < 0.21
    assert present.any(axis=0).all()


def test_corpus_depends_on_the_seed_alone() -> None:
    one, two = sample_corpus_frame(7, 64), sample_corpus_frame(7, 64)
    assert one.image.tobytes() == two.image.tobytes()
    assert one.image.tobytes() != sample_corpus_frame(8, 64).image.tobytes()
