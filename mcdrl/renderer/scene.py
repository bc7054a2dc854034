"""Renders one frame: organ, wall, lesions, light, then the confounders and the camera."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcdrl.base.fields import Array, gaussian
from mcdrl.confounders.confounder import Layer
from mcdrl.confounders.registry import apply_confounder
from mcdrl.renderer.camera import aperture_mask, expose, frame_out, respond, sense
from mcdrl.renderer.frame import Frame, all_strengths
from mcdrl.renderer.mucosa import Atlas, make_atlas
from mcdrl.renderer.names import LAID_ON
from mcdrl.renderer.placement import place_lesions
from mcdrl.renderer.plan import Placement, ScenePlan
from mcdrl.renderer.style import Organ, Style
from mcdrl.renderer.surface import Seen, light, opacity, tissue
from mcdrl.renderer.trace import trace_scene, trace_wall
from mcdrl.renderer.tube import CameraView, Tube, make_tube, ray_directions

_BEFORE_THE_SENSOR: tuple[Layer, ...] = ("wall", "lamp", "glare", "shading", "exposure")


@dataclass(frozen=True)
class Patient:
    """What the frames of one patient share: style and wall texture."""

    style: Style
    atlas: Atlas


def make_patient(rng: np.random.Generator, style: Style) -> Patient:
    """A patient with random wall texture in the given style."""
    return Patient(style, make_atlas(rng, style.mucosa))


def render(patient: Patient, plan: ScenePlan, rng: np.random.Generator, size_px: int) -> Frame:
    """One frame of a patient, size_px square; equal arguments give equal bytes."""
    view = _view(rng, patient.style.organ, plan)
    tube = _tube(rng, patient.style.organ, plan)
    coarse = trace_wall(tube, view)
    placed = place_lesions(rng, patient.style, plan, tube, view, coarse)
    hits = trace_scene(tube, view, coarse, placed, size_px)
    directions = ray_directions(view, size_px)
    seen = Seen(tube, hits.distance * directions, directions, size_px)
    alphas = [opacity(one, seen, rays) for one, rays in zip(placed, hits.near, strict=True)]
    lit = light(patient.style, seen, tissue(rng, patient.style, patient.atlas, seen, placed, alphas))
    mask = _visible_mask(patient.style, alphas, size_px)
    image = _photograph(lit.reshape(size_px, size_px, 3), mask, patient.style, plan, rng)
    return Frame(image, mask, plan.lesion_class if mask.any() else None, all_strengths(plan.strengths))


def _view(rng: np.random.Generator, organ: Organ, plan: ScenePlan) -> CameraView:
    """Random direction; a near view turns to the wall and narrows, a far view looks down the tube."""
    near, far = plan.near, plan.far
    tilt = rng.uniform(*organ.tilt_deg)
    tilt = tilt + (55 - tilt) * 0.8 * near + (8 - tilt) * 0.7 * far
    return CameraView(
        tilt_deg=float(tilt),
        azimuth_deg=float(rng.uniform(0, 360)),
        half_width=organ.half_width * (1 - 0.40 * near + 0.35 * far),
    )


def _tube(rng: np.random.Generator, organ: Organ, plan: ScenePlan) -> Tube:
    """Random tube; far views see a straighter one from nearer its axis."""
    kept = 1 - 0.6 * plan.far
    return make_tube(rng, organ.folds, organ.bend * kept, organ.off_axis * kept)


def _visible_mask(style: Style, alphas: list[Array], size_px: int) -> NDArray[np.bool_]:
    """Pixels [H, W] where a lesion covers more than half, inside the lit aperture."""
    mask = np.zeros((size_px, size_px), dtype=bool)
    for alpha in alphas:
        mask |= alpha.reshape(size_px, size_px) > 0.5
    return np.asarray(mask & (aperture_mask(style.camera, size_px) > 0.5))


def _photograph(
    lit: Array, mask: NDArray[np.bool_], style: Style, plan: ScenePlan, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Exposure, confounders in physical order, camera; uint8 [H, W, 3]."""
    seeds = [int(seed) for seed in rng.integers(2**32, size=len(LAID_ON))]

    def under(image: Array, *layers: Layer) -> Array:
        """Return the image under those of the plan's confounders that belong to some layers."""
        for (name, layer), seed in zip(LAID_ON.items(), seeds, strict=True):
            if layer in layers:
                image = _confounded(image, name, mask, plan, seed)
        return image

    image = under(expose(lit, style.camera), *_BEFORE_THE_SENSOR)
    image = under(respond(image, style.camera), "motion")
    image = under(sense(image, style.camera, rng), "coding")
    return frame_out(image, style.camera)


def _confounded(image: Array, name: str, mask: NDArray[np.bool_], plan: ScenePlan, seed: int) -> Array:
    """The image under one of the plan's confounders, if the plan has it."""
    strength = plan.strengths.get(name, 0.0)
    where = _where(mask, plan.placement.get(name, "any"))
    return apply_confounder(image, name, strength, np.random.default_rng(seed), where)


def _where(mask: NDArray[np.bool_], placement: Placement) -> Array | None:
    """Place weights [H, W] for a placement; None if there is nothing to prefer."""
    if placement == "any" or not mask.any():
        return None
    lesion = mask.astype(np.float32)
    if placement == "lesion":
        return lesion
    return np.asarray(gaussian(lesion, 7.0 * mask.shape[0] / 224) < 0.02, dtype=np.float32)
