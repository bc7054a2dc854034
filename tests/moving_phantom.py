"""Videos of the phantom: a camera that turns, comes nearer and draws back before one scene, with the exact masks.

Tissue and lesions stay where they are in the organ; the sensor's noise is new in each frame. Confounders that are laid
out at random on a picture (blood, mucus, reflections) are left out, as they would jump from frame to frame.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from mcdrl.base.seeds import generator
from mcdrl.imaging.video.frames import TimedFrame, VideoShape
from mcdrl.renderer import Frame, Patient, ScenePlan
from mcdrl.renderer.frame import all_strengths
from mcdrl.renderer.placement import place_lesions
from mcdrl.renderer.scene import _photograph, _tube, _view, _visible_mask, make_patient
from mcdrl.renderer.style import patient_style
from mcdrl.renderer.surface import Seen, light, opacity, tissue
from mcdrl.renderer.trace import trace_scene, trace_wall
from mcdrl.renderer.tube import CameraView, ray_directions
from stages.phantom.render import frame_plan
from stages.phantom.sites import SITES

Array = np.ndarray[Any, np.dtype[Any]]
RATE = 25  # frames a second
LEFT_OUT = ("blood", "mucus", "reflection")
TURN_S, ZOOM_S = 2.7, 4.1  # seconds of a full turn, to and fro
TILT_DEG, AZIMUTH_DEG, ZOOM = 9.0, 14.0, 0.15  # how far, to either side


def moved(view: CameraView, time_s: float) -> CameraView:
    """Return where the camera looks after a time."""
    turn, zoom = 2 * np.pi * time_s / TURN_S, 2 * np.pi * time_s / ZOOM_S
    return CameraView(
        view.tilt_deg + TILT_DEG * float(np.sin(turn)),
        view.azimuth_deg + AZIMUTH_DEG * float(np.sin(0.63 * turn)),
        view.half_width * (1 + ZOOM * float(np.sin(zoom))),
    )


def moving(site: str, number: int, frames: int, size_px: int = 224) -> Iterator[Frame]:
    """Yield the frames of a site's video, `RATE` of them a second.

    Args:
        site: A to E.
        number: of the video, which has its own patient.
        frames: of it.
        size_px: their side.
    """
    recipe = SITES[site]
    rng = generator("moving phantom", site, number)
    patient = make_patient(rng, patient_style(rng, recipe.style))
    lesion_class = str(rng.choice(sorted(recipe.class_mix)))
    plan = replace(frame_plan(rng, replace(recipe, empty_share=0.0), lesion_class), placement={})
    plan = replace(plan, strengths={name: one for name, one in plan.strengths.items() if name not in LEFT_OUT})
    view, tube = _view(rng, patient.style.organ, plan), _tube(rng, patient.style.organ, plan)
    placed = place_lesions(rng, patient.style, plan, tube, view, trace_wall(tube, view))
    for index in range(frames):
        yield _shot(patient, plan, tube, moved(view, index / RATE), placed, (site, number, index), size_px)


def _shot(patient: Patient, plan: ScenePlan, tube, view: CameraView, placed, names, size_px: int) -> Frame:
    hits = trace_scene(tube, view, trace_wall(tube, view), placed, size_px)
    directions = ray_directions(view, size_px)
    seen = Seen(tube, hits.distance * directions, directions, size_px)
    alphas = [opacity(one, seen, rays) for one, rays in zip(placed, hits.near, strict=True)]
    same = generator("moving phantom", *names[:2], "tissue")
    lit = light(patient.style, seen, tissue(same, patient.style, patient.atlas, seen, placed, alphas))
    mask = _visible_mask(patient.style, alphas, size_px)
    noise = generator("moving phantom", *names)
    image = _photograph(lit.reshape(size_px, size_px, 3), mask, patient.style, plan, noise)
    return Frame(image, mask, plan.lesion_class if mask.any() else None, all_strengths(plan.strengths))


@dataclass(frozen=True)
class InMemory:
    """Pictures [H, W, 3] uint8 as a video of `RATE` frames a second; see `mcdrl.imaging.video.frames.Video`."""

    pictures: Sequence[Array]

    @property
    def shape(self) -> VideoShape:
        """What holds for all frames."""
        height, width = self.pictures[0].shape[:2]
        return VideoShape((width, height), Fraction(1, RATE))

    def frames(self) -> Iterator[TimedFrame]:
        """Yield all frames."""
        for index, picture in enumerate(self.pictures):
            yield TimedFrame(index, index, partial(Image.fromarray, picture))
