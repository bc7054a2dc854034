"""Geometry: rays end on the wall, normals are gradients, folds hide what lies behind."""

import numpy as np
import pytest

from mcdrl.renderer.trace import trace_scene, trace_wall
from mcdrl.renderer.tube import (
    FAR,
    CameraView,
    FoldShape,
    Tube,
    make_tube,
    ray_directions,
    wall_coordinates,
    wall_distance,
    wall_normal,
)


@pytest.fixture(scope="module")
def tube() -> Tube:
    return make_tube(np.random.default_rng(0), FoldShape(depth=0.2, width=0.2), 0.1, 0.3)


def cylinder() -> Tube:
    """A straight tube of radius 1 around the camera."""
    layers = np.zeros((161, 384, 3), dtype=np.float32)
    layers[..., 0] = 1.0
    return Tube(np.ascontiguousarray(layers[..., 0]), layers, (0.0, 0.0), (0.0, 0.0))


def test_cylinder_is_met_where_geometry_says() -> None:
    view = CameraView(tilt_deg=0.0, azimuth_deg=0.0, half_width=1.0)
    hits = trace_scene(cylinder(), view, trace_wall(cylinder(), view), [], 112)
    across = np.hypot(*ray_directions(view, 112)[:2])
    expected = 1.0 / np.maximum(across, 1e-6)
    shallow = expected < 3.0
    np.testing.assert_allclose(hits.distance[shallow], expected[shallow], rtol=0.02)


def test_rays_end_on_the_wall_or_in_the_dark(tube: Tube) -> None:
    view = CameraView(tilt_deg=25.0, azimuth_deg=40.0)
    hits = trace_scene(tube, view, trace_wall(tube, view), [], 112)
    gap = wall_distance(tube, hits.distance * ray_directions(view, 112))
    near = hits.distance < 4.0
    assert (np.abs(gap[near]) < 0.1).mean() > 0.98
    assert hits.distance.max() <= FAR


def test_normals_are_the_gradient_of_the_gap(tube: Tube) -> None:
    rng = np.random.default_rng(1)
    angle, z = rng.uniform(-3, 3, 400), rng.uniform(0.2, 5, 400)
    points = np.stack([0.9 * np.cos(angle), 0.9 * np.sin(angle), z]).astype(np.float32)
    step = 0.02
    gradient = np.stack(
        [
            wall_distance(tube, points + step * axis[:, None]) - wall_distance(tube, points - step * axis[:, None])
            for axis in np.eye(3, dtype=np.float32)
        ]
    )
    gradient /= np.sqrt((gradient**2).sum(0))
    cosine = (gradient * wall_normal(tube, points)).sum(0)
    assert np.median(cosine) > 0.99


def test_camera_never_sits_in_a_fold() -> None:
    origin = np.zeros((3, 1), dtype=np.float32)
    folds = FoldShape(depth=0.5, width=0.1, spacing=0.5, lobes=0.9)
    gaps = [float(wall_distance(make_tube(np.random.default_rng(k), folds, 0.2, 0.5), origin)[0]) for k in range(30)]
    assert min(gaps) > 0.1


def test_wall_angle_by_hand() -> None:
    points = np.array([[0.0], [2.0], [1.0]], dtype=np.float32)
    rho, angle, ex, ey = wall_coordinates(cylinder(), points)
    np.testing.assert_allclose([rho[0], angle[0], ex[0], ey[0]], [2, np.pi / 2, 0, 1], atol=1e-5)
