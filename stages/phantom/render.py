"""Frames of a site: frame i depends on (seed, site, i) alone, its patient on (seed, site, group)."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from mcdrl.base.seeds import generator
from mcdrl.confounders.screen import on_screen
from mcdrl.renderer import LESION_CLASSES, Frame, Patient, ScenePlan, make_patient, render
from mcdrl.renderer.corpus import sample_strengths
from mcdrl.renderer.style import patient_style
from stages.phantom.sites import SITES, SiteRecipe

_GOLDEN = 0.6180339887498949


@dataclass(frozen=True)
class RenderJob:
    """One frame to render."""

    seed: int
    site: str
    index: int
    frames_per_group: int
    size_px: int

    @property
    def group(self) -> int:
        """Number of the patient the frame belongs to."""
        return self.index // self.frames_per_group

    @property
    def group_id(self) -> str:
        """Name of the patient."""
        return f"{self.site}-p{self.group:04d}"

    @property
    def name(self) -> str:
        """File name without its ending."""
        return f"{self.site}-p{self.group:04d}-f{self.index % self.frames_per_group}"


def render_job(job: RenderJob) -> Frame:
    """The frame of a job; as a part of the site's screen, always the same one, where it exports that."""
    recipe = SITES[job.site]
    patient, lesion_class = _patient(job.seed, job.site, job.group)
    rng = generator("phantom", job.seed, job.site, "frame", job.index)
    frame = render(patient, frame_plan(rng, recipe, lesion_class), rng, job.size_px)
    return _on_screen(frame, job) if recipe.whole_screens else frame


def _on_screen(frame: Frame, job: RenderJob) -> Frame:
    nothing = np.zeros_like(frame.mask)
    layout = generator("phantom", job.seed, job.site, "screen")
    image = frame.image.astype(np.float32) / np.float32(255)
    screen, (mask, _) = on_screen(image, (frame.mask, nothing), 1.0, layout)
    return replace(frame, image=np.rint(screen * 255).astype(np.uint8), mask=mask)


@lru_cache(maxsize=2)
def _patient(seed: int, site: str, group: int) -> tuple[Patient, str]:
    """A patient and the class of all of their lesions."""
    rng = generator("phantom", seed, site, "patient", group)
    recipe = SITES[site]
    lesion_class = _class_of_patient(recipe, float(generator("phantom", seed, site, "classes").uniform()), group)
    return make_patient(rng, patient_style(rng, recipe.style)), lesion_class


def _class_of_patient(recipe: SiteRecipe, start: float, group: int) -> str:
    """Class of patient `group`: golden-ratio steps through the class mix from `start` in 0..1.

    So few patients already show every class about as often as the recipe says.
    """
    names = [name for name in LESION_CLASSES if recipe.class_mix.get(name, 0.0) > 0]
    bounds = np.cumsum([recipe.class_mix[name] for name in names])
    place = (start + group * _GOLDEN) % 1.0 * bounds[-1]
    return names[min(int(np.searchsorted(bounds, place, side="right")), len(names) - 1)]


def frame_plan(rng: np.random.Generator, recipe: SiteRecipe, lesion_class: str) -> ScenePlan:
    """What one frame of a site shows: tied confounders only where there is a lesion."""
    empty = rng.uniform() < recipe.empty_share
    strengths = sample_strengths(rng, dict(recipe.confounders), low=0.4)
    if empty:
        strengths = {k: v for k, v in strengths.items() if k not in recipe.tied}
    return ScenePlan(
        lesion_class=None if empty else lesion_class,
        lesion_count=2 if rng.uniform() < recipe.two_share else 1,
        strengths=strengths,
        placement=recipe.placement,
    )
