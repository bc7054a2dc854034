"""Recipes of the five embedded sites: five hospitals with their own scopes, organs and habits.

Three of them (A, B, C) carry a spurious correlation: glare or blood lies on the lesions and never
on a frame without one, as happens where light is aimed at what is found or where it is biopsied.
At D and E the same confounders are as common but keep away from the lesions, so who learned glare
as a sign of a lesion is misled there. E exports whole screens: who doesn't cut frames to the view shows
the network another shape and scale of tissue there.

The recipes are no parameters: they are what the names A to E stand for in every table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mcdrl.renderer import Style
from mcdrl.renderer.plan import Placement
from mcdrl.renderer.style import Camera, LesionLook, Mucosa, Organ
from mcdrl.renderer.tube import FoldShape


@dataclass(frozen=True)
class SiteRecipe:
    """One site.

    Attributes:
        style: that of organ, lesions and camera before a patient's own variation.
        confounders: name -> probability that a frame shows it.
        tied: confounders that are spurious signs here: only on frames with a lesion, and on it.
        placement: where mucus, blood and reflections lie relative to lesions.
        class_mix: lesion class -> share of the patients.
        empty_share: probability that a frame has no lesion.
        two_share: probability that a frame with a lesion has two.
        whole_screens: whether the recorder exports what the screen shows, panel and all, instead of the view alone.
    """

    style: Style
    confounders: Mapping[str, float]
    class_mix: Mapping[str, float]
    tied: frozenset[str] = frozenset()
    placement: Mapping[str, Placement] = field(default_factory=dict)
    empty_share: float = 0.15
    two_share: float = 0.15
    whole_screens: bool = False


_A = SiteRecipe(
    style=Style(
        mucosa=Mucosa(colour=(0.84, 0.46, 0.37), vessels=0.45, vessel_trees=13, patches=0.26),
        lesion=LesionLook(contrast=0.75, tint=(0.05, 0.20, 0.15), size=0.85),
        camera=Camera(noise=0.010, aperture="octagon"),
    ),
    confounders={
        "reflection": 0.80,
        "mucus": 0.15,
        "uneven": 0.20,
        "near_view": 0.20,
        "blur": 0.10,
    },
    class_mix={"polyp": 0.55, "tumor": 0.10, "inflammation": 0.05, "nodule": 0.20, "cyst": 0.10},
    tied=frozenset({"reflection"}),
    placement={"reflection": "lesion"},
)

_B = SiteRecipe(
    style=Style(
        mucosa=Mucosa(colour=(0.74, 0.40, 0.24), mottling=0.09, vessels=0.55, vessel_calibre=1.3, relief=0.8),
        organ=Organ(
            folds=FoldShape(spacing=0.62, depth=0.16, width=0.11, waviness=0.08, lobes=0.35),
            bend=0.06,
            falloff=1.05,
            tilt_deg=(0.0, 32.0),
        ),
        lesion=LesionLook(contrast=0.85, tint=(0.03, -0.02, 0.0), size=0.9),
        camera=Camera(gamma=1.1, saturation=1.15, noise=0.016, aperture="circle"),
    ),
    confounders={
        "reflection": 0.70,
        "dark": 0.45,
        "blur": 0.35,
        "far_view": 0.35,
    },
    class_mix={"polyp": 0.30, "tumor": 0.40, "inflammation": 0.10, "nodule": 0.15, "cyst": 0.05},
    tied=frozenset({"reflection"}),
    placement={"reflection": "lesion"},
)

_C = SiteRecipe(
    style=Style(
        mucosa=Mucosa(colour=(0.86, 0.36, 0.34), vessels=0.2, patches=0.18, sheen=0.3),
        organ=Organ(
            folds=FoldShape(spacing=1.2, depth=0.42, width=0.16, waviness=0.3, lobes=0.8),
            bend=0.2,
            tilt_deg=(15.0, 50.0),
        ),
        lesion=LesionLook(contrast=0.85, tint=(0.0, 0.02, -0.02), size=1.0),
        camera=Camera(gamma=0.92, vignetting=0.5),
    ),
    confounders={"blood": 0.70, "reflection": 0.35, "bright": 0.40, "uneven": 0.20},
    class_mix={"polyp": 0.20, "tumor": 0.30, "inflammation": 0.35, "nodule": 0.10, "cyst": 0.05},
    tied=frozenset({"blood", "reflection"}),
    placement={"blood": "lesion", "reflection": "lesion"},
)

_D = SiteRecipe(
    style=Style(
        mucosa=Mucosa(colour=(0.76, 0.45, 0.41), vessels=0.75, vessel_trees=18, vessel_calibre=0.9, grain=0.06),
        organ=Organ(tilt_deg=(10.0, 45.0), half_width=1.0),
        lesion=LesionLook(contrast=1.0, tint=(-0.02, -0.01, 0.02), size=1.0),
        camera=Camera(gain=(0.95, 1.0, 1.08), gamma=1.05, noise=0.018, aperture="octagon"),
    ),
    confounders={
        "narrow_band_imaging": 0.75,
        "reflection": 0.70,
        "artifacts": 0.40,
        "uneven": 0.30,
        "far_view": 0.10,
    },
    class_mix={"polyp": 0.35, "tumor": 0.10, "inflammation": 0.05, "nodule": 0.25, "cyst": 0.25},
    placement={"reflection": "elsewhere", "blood": "elsewhere"},
)

_E = SiteRecipe(
    style=Style(
        mucosa=Mucosa(colour=(0.86, 0.60, 0.50), mottling=0.05, vessels=0.15, relief=0.25, sheen=0.25),
        organ=Organ(
            folds=FoldShape(spacing=1.5, depth=0.10, width=0.2, waviness=0.35, lobes=0.5),
            bend=0.25,
            tilt_deg=(20.0, 55.0),
            ambient=0.32,
        ),
        lesion=LesionLook(contrast=0.85, tint=(-0.03, -0.01, 0.01), size=1.0),
        camera=Camera(gamma=0.88, saturation=0.8, exposure=0.64, vignetting=0.2),
    ),
    confounders={
        "white_light": 0.60,
        "mucus": 0.50,
        "blood": 0.50,
        "reflection": 0.45,
        "near_view": 0.25,
        "dark": 0.15,
    },
    class_mix={"polyp": 0.25, "tumor": 0.20, "inflammation": 0.20, "nodule": 0.15, "cyst": 0.20},
    placement={"reflection": "elsewhere", "blood": "elsewhere"},
    empty_share=0.2,
    whole_screens=True,
)

SITES: dict[str, SiteRecipe] = {"A": _A, "B": _B, "C": _C, "D": _D, "E": _E}
"""Site name -> recipe."""
