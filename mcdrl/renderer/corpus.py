"""A broad random corpus: styles, views and confounders far beyond the five sites.

Its ranges are no parameters: they are what the shipped text tower was aligned on (`stages.pretrain`).
"""

from collections.abc import Callable

import numpy as np

from mcdrl.base.seeds import generator
from mcdrl.renderer.frame import Frame
from mcdrl.renderer.names import CONFOUNDERS, EXCLUSIVE_PAIRS, LESION_CLASSES
from mcdrl.renderer.plan import Plan
from mcdrl.renderer.scene import make_patient, render
from mcdrl.renderer.style import Aperture, Camera, LesionLook, Mucosa, Organ, Style
from mcdrl.renderer.tube import FoldShape

CONFOUNDER_PROBABILITY = 0.18
EMPTY_SHARE = 0.2
_TWO_LESIONS_SHARE = 0.2


SIZE_PX = 224  # lite0 looks at frames of this side


def sample_corpus_frame(seed: int, size_px: int = SIZE_PX, change: Callable[[Plan], Plan] | None = None) -> Frame:
    """One corpus frame, a function of the seed alone, or with another plan in the place of its own.

    Every confounder is present with probability 0.18 (of two that exclude each other one stays),
    20 % of the frames have no lesion, the others one or two of a single class.
    """
    rng = generator("corpus", seed)
    style = random_style(rng)
    plan = _random_plan(rng)
    return render(make_patient(rng, style), change(plan) if change else plan, rng, size_px)


def _random_plan(rng: np.random.Generator) -> Plan:
    empty = rng.uniform() < EMPTY_SHARE
    lesion_class = str(rng.choice(LESION_CLASSES))
    return Plan(
        lesion_class=None if empty else lesion_class,
        lesion_count=2 if rng.uniform() < _TWO_LESIONS_SHARE else 1,
        strengths=sample_strengths(rng, dict.fromkeys(CONFOUNDERS, CONFOUNDER_PROBABILITY)),
    )


def sample_strengths(rng: np.random.Generator, probability: dict[str, float], low: float = 0.35) -> dict[str, float]:
    """Strengths in low..1 of the confounders that are drawn; exclusive pairs never both."""
    drawn = rng.uniform(size=len(CONFOUNDERS))
    levels = rng.uniform(low, 1.0, len(CONFOUNDERS))
    present = {
        name: float(level)
        for name, chance, level in zip(CONFOUNDERS, drawn, levels, strict=True)
        if chance < probability.get(name, 0.0)
    }
    for pair in EXCLUSIVE_PAIRS:
        loser = pair[int(rng.integers(2))]
        if all(name in present for name in pair):
            del present[loser]
    return present


def random_style(rng: np.random.Generator) -> Style:
    """A style drawn from wide ranges: any organ, palette and camera that an endoscope may show."""
    return Style(_random_mucosa(rng), _random_organ(rng), _random_look(rng), _random_camera(rng))


def _random_mucosa(rng: np.random.Generator) -> Mucosa:
    red = rng.uniform(0.62, 0.92)
    green = red * rng.uniform(0.42, 0.70)
    return Mucosa(
        colour=(red, green, green * rng.uniform(0.66, 1.02)),
        mottling=rng.uniform(0.02, 0.11),
        grain=rng.uniform(0.01, 0.07),
        patches=rng.uniform(0.04, 0.22),
        vessels=rng.uniform(0.0, 0.75),
        vessel_trees=int(rng.integers(5, 20)),
        vessel_calibre=rng.uniform(0.7, 1.6),
        relief=rng.uniform(0.1, 0.9),
        sheen=rng.uniform(0.02, 0.35),
    )


def _random_organ(rng: np.random.Generator) -> Organ:
    low = rng.uniform(0, 25)
    return Organ(
        folds=FoldShape(
            spacing=rng.uniform(0.5, 1.6),
            depth=rng.uniform(0.04, 0.5),
            width=rng.uniform(0.07, 0.2),
            waviness=rng.uniform(0.05, 0.4),
            lobes=rng.uniform(0.1, 0.9),
        ),
        bend=rng.uniform(0.02, 0.3),
        off_axis=rng.uniform(0.1, 0.5),
        tilt_deg=(low, low + rng.uniform(15, 40)),
        half_width=rng.uniform(0.85, 1.35),
        falloff=rng.uniform(0.55, 1.2),
        ambient=rng.uniform(0.12, 0.35),
    )


def _random_look(rng: np.random.Generator) -> LesionLook:
    r, g, b = (float(v) for v in rng.uniform(-0.05, 0.05, 3))
    return LesionLook(contrast=rng.uniform(0.7, 1.4), tint=(r, g, b), size=rng.uniform(0.7, 1.25))


def _random_camera(rng: np.random.Generator) -> Camera:
    apertures: tuple[Aperture, ...] = ("none", "none", "circle", "octagon")
    r, g, b = (float(v) for v in rng.uniform(0.9, 1.1, 3))
    return Camera(
        gain=(r, g, b),
        gamma=rng.uniform(0.75, 1.3),
        saturation=rng.uniform(0.6, 1.3),
        exposure=rng.uniform(0.5, 0.75),
        noise=rng.uniform(0.004, 0.028),
        vignetting=rng.uniform(0.1, 0.55),
        softness_px=rng.uniform(0.4, 1.0),
        aperture=apertures[int(rng.integers(4))],
    )
