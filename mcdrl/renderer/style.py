"""What makes one site look unlike another: mucosa, organ, lesion look and camera, as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from mcdrl.renderer.tube import FoldShape

Triple = tuple[float, float, float]
Aperture = Literal["none", "circle", "octagon"]


@dataclass(frozen=True)
class Mucosa:
    """Tissue: colour (linear RGB in 0..1), mottling 0..0.3, vessels, wetness, small relief."""

    colour: Triple = (0.84, 0.44, 0.34)
    mottling: float = 0.065
    grain: float = 0.035
    patches: float = 0.12
    vessels: float = 0.4
    vessel_trees: int = 12
    vessel_calibre: float = 1.0
    relief: float = 0.5
    sheen: float = 0.15


@dataclass(frozen=True)
class Organ:
    """Space: folds, how much the tube bends, how far the camera is off its axis, where it looks."""

    folds: FoldShape = field(default_factory=FoldShape)
    bend: float = 0.12
    off_axis: float = 0.35
    tilt_deg: tuple[float, float] = (5.0, 52.0)
    half_width: float = 1.1
    falloff: float = 0.8
    ambient: float = 0.22


@dataclass(frozen=True)
class LesionLook:
    """How lesions stand out: contrast of colour (1 = typical), additive tint, relative size."""

    contrast: float = 1.0
    tint: Triple = (0.0, 0.0, 0.0)
    size: float = 1.0


@dataclass(frozen=True)
class Camera:
    """Response: channel gains, gamma, saturation, noise (std in 0..1), vignetting 0..1, softness px."""

    gain: Triple = (1.0, 1.0, 1.0)
    gamma: float = 1.0
    saturation: float = 1.0
    exposure: float = 0.62
    noise: float = 0.012
    vignetting: float = 0.3
    softness_px: float = 0.6
    aperture: Aperture = "none"


@dataclass(frozen=True)
class Style:
    """All of a site's or a patient's looks."""

    mucosa: Mucosa = field(default_factory=Mucosa)
    organ: Organ = field(default_factory=Organ)
    lesion: LesionLook = field(default_factory=LesionLook)
    camera: Camera = field(default_factory=Camera)


def patient_style(rng: np.random.Generator, style: Style) -> Style:
    """A site's style as one patient shows it: palette, vessels and lesions vary by some per cent."""
    mucosa, lesion = style.mucosa, style.lesion
    return replace(
        style,
        mucosa=replace(
            mucosa,
            colour=_around(rng, mucosa.colour, 0.06),
            mottling=mucosa.mottling * rng.uniform(0.75, 1.25),
            vessels=min(1.0, mucosa.vessels * rng.uniform(0.7, 1.3)),
            vessel_calibre=mucosa.vessel_calibre * rng.uniform(0.85, 1.2),
            sheen=mucosa.sheen * rng.uniform(0.7, 1.3),
        ),
        lesion=replace(
            lesion,
            contrast=lesion.contrast * rng.uniform(0.85, 1.15),
            tint=_shifted(rng, lesion.tint, 0.015),
            size=lesion.size * rng.uniform(0.9, 1.15),
        ),
        camera=replace(style.camera, exposure=style.camera.exposure * rng.uniform(0.93, 1.07)),
    )


def _around(rng: np.random.Generator, values: Triple, share: float) -> Triple:
    r, g, b = np.array(values) * rng.uniform(1 - share, 1 + share, 3)
    return float(r), float(g), float(b)


def _shifted(rng: np.random.Generator, values: Triple, spread: float) -> Triple:
    r, g, b = np.array(values) + rng.normal(0, spread, 3)
    return float(r), float(g), float(b)
