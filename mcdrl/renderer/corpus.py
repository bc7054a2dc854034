"""A broad random corpus: styles, views and confounders far beyond the five sites.

Its ranges are no parameters: they are what the shipped text tower was aligned on (`stages.pretrain`).
"""

from collections.abc import Callable

import numpy as np

from mcdrl.base.seeds import generator
from mcdrl.renderer.frame import Frame
from mcdrl.renderer.names import CONFOUNDERS, EXCLUSIVE_PAIRS, LESION_CLASSES
from mcdrl.renderer.plan import ScenePlan
from mcdrl.renderer.ranges import STYLES, Ranges
from mcdrl.renderer.scene import make_patient, render
from mcdrl.renderer.style import Aperture, Camera, LesionLook, Mucosa, Organ, Style
from mcdrl.renderer.tube import FoldShape

CONFOUNDER_PROBABILITY = 0.18
EMPTY_SHARE = 0.2
_TWO_LESIONS_SHARE = 0.2
_CHANNELS = ("red", "green", "blue")


SIZE_PX = 224  # lite0 looks at frames of this side


def sample_corpus_frame(
    seed: int, size_px: int = SIZE_PX, change: Callable[[ScenePlan], ScenePlan] | None = None, styles: str = "wide"
) -> Frame:
    """One corpus frame, a function of the seed alone, or with another plan in the place of its own.

    Every confounder is present with probability 0.18 (of two that exclude each other one stays),
    20 % of the frames have no lesion, the others one or two of a single class.

    Args:
        seed: of all that is drawn.
        size_px: the frame's side.
        change: the plan -> the one that is rendered.
        styles: "wide": anything; "apart": nothing that the five phantom sites have, as far as `ranges` can tell.
    """
    rng = generator("corpus", seed)
    style = random_style(rng, styles)
    plan = _random_plan(rng)
    return render(make_patient(rng, style), change(plan) if change else plan, rng, size_px)


def _random_plan(rng: np.random.Generator) -> ScenePlan:
    empty = rng.uniform() < EMPTY_SHARE
    lesion_class = str(rng.choice(LESION_CLASSES))
    return ScenePlan(
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


def random_style(rng: np.random.Generator, styles: str = "wide") -> Style:
    """A style of any organ, palette and camera that an endoscope may show, from wide ranges or what is left of them.

    Args:
        rng: draws it.
        styles: a key of `STYLES`.
    """
    draw = Ranges(rng, STYLES[styles])
    return Style(_random_mucosa(draw), _random_organ(draw), _random_look(draw), _random_camera(draw))


def _random_mucosa(draw: Ranges) -> Mucosa:
    red = draw.number("red", 0.62, 0.92)
    green = red * draw.number("green", 0.42, 0.70)
    return Mucosa(
        colour=(red, green, green * draw.number("blue", 0.66, 1.02)),
        mottling=draw.number("mottling", 0.02, 0.11),
        grain=draw.number("grain", 0.01, 0.07),
        patches=draw.number("patches", 0.04, 0.22),
        vessels=draw.number("vessels", 0.0, 0.75),
        vessel_trees=draw.whole("vessel_trees", 5, 20),
        vessel_calibre=draw.number("vessel_calibre", 0.7, 1.6),
        relief=draw.number("relief", 0.1, 0.9),
        sheen=draw.number("sheen", 0.02, 0.35),
    )


def _random_organ(draw: Ranges) -> Organ:
    low = draw.number("tilt_low", 0, 25)
    return Organ(
        folds=FoldShape(
            spacing=draw.number("spacing", 0.5, 1.6),
            depth=draw.number("depth", 0.04, 0.5),
            width=draw.number("width", 0.07, 0.2),
            waviness=draw.number("waviness", 0.05, 0.4),
            lobes=draw.number("lobes", 0.1, 0.9),
        ),
        bend=draw.number("bend", 0.02, 0.3),
        off_axis=draw.number("off_axis", 0.1, 0.5),
        tilt_deg=(low, low + draw.number("tilt_span", 15, 40)),
        half_width=draw.number("half_width", 0.85, 1.35),
        falloff=draw.number("falloff", 0.55, 1.2),
        ambient=draw.number("ambient", 0.12, 0.35),
    )


def _random_look(draw: Ranges) -> LesionLook:
    r, g, b = (draw.number(f"tint_{channel}", -0.05, 0.05) for channel in _CHANNELS)
    return LesionLook(contrast=draw.number("contrast", 0.7, 1.4), tint=(r, g, b), size=draw.number("size", 0.7, 1.25))


def _random_camera(draw: Ranges) -> Camera:
    apertures: tuple[Aperture, ...] = ("none", "none", "circle", "octagon")
    r, g, b = (draw.number(f"gain_{channel}", 0.9, 1.1) for channel in _CHANNELS)
    return Camera(
        gain=(r, g, b),
        gamma=draw.number("gamma", 0.75, 1.3),
        saturation=draw.number("saturation", 0.6, 1.3),
        exposure=draw.number("exposure", 0.5, 0.75),
        noise=draw.number("noise", 0.004, 0.028),
        vignetting=draw.number("vignetting", 0.1, 0.55),
        softness_px=draw.number("softness_px", 0.4, 1.0),
        aperture=apertures[draw.whole("aperture", 0, 4)],
    )
