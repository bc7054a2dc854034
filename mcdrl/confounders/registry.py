"""The confounders, one entry each: prompts, phantom, stress test, checks, tables and page follow from it.

They are those of the dictionary of arXiv 2508.05008, in its order and the wording of this project, and what moves Dice
most at real hospitals, the screen around the frame: taken whole, and cut to the view as every frame is by default.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mcdrl.base.fields import Array
from mcdrl.confounders import distance, operators
from mcdrl.confounders.confounder import Confounder, Measure, OnGeometry, OnPixels, OnScreen
from mcdrl.confounders.screen import on_screen

UNTOUCHED = "none"  # what tables call the confounder of a frame as it is

_ENTRIES = (
    Confounder(
        name="blur", phrase="motion blur", category="field-of-view quality",
        operator=OnPixels(operators.blur), drawn="motion", measure=Measure("sharpness", rises=False),
        near_words=(
            "blur", "blurring", "blurred view", "out of focus", "defocus", "unsharp image", "blurry image",
            "camera motion", "image blur", "lack of focus", "blurry frame", "motion blurring", "defocus blur",
            "camera shake", "unsharp edges", "poor focus", "smeared image", "fuzzy image", "defocused view",
        ),
        held_out_words=("blurry view", "unsharp view", "motion smeared image", "out of focus camera"),
    ),
    Confounder(
        name="artifacts", phrase="compression artifacts", category="field-of-view quality",
        operator=OnPixels(operators.artifacts), drawn="coding",
        near_words=(
            "artifacts", "image artifacts", "artefacts", "blocking artifacts", "jpeg artifacts", "interlacing",
            "interlacing artifacts", "video artifacts", "compression blocks", "digital artifacts", "encoding artifacts",
            "jpeg compression", "video compression", "interlaced lines", "blocky image", "pixelation",
            "strong compression", "transmission artifacts",
        ),
        held_out_words=("jpeg blocks", "interlaced video", "blocky compression", "digital compression artefacts"),
    ),
    Confounder(
        name="bright", phrase="bright lighting", category="lighting", excludes="dark",
        operator=OnPixels(operators.bright), drawn="exposure", measure=Measure("brightness", rises=True),
        near_words=(
            "bright light", "overexposure", "overexposed image", "strong illumination", "too much light",
            "bright illumination", "excessive brightness", "high brightness", "overexposed view", "intense light",
            "brightness", "strong lighting", "glaring brightness", "high exposure", "saturated exposure",
            "excessive light", "over exposure",
        ),
        held_out_words=(
            "overexposed bright image", "intense illumination", "excessive illumination", "strong bright light",
        ),
    ),
    Confounder(
        name="dark", phrase="dark lighting", category="lighting", excludes="bright",
        operator=OnPixels(operators.dark), drawn="exposure", measure=Measure("brightness", rises=False),
        near_words=(
            "darkness", "underexposure", "underexposed image", "low light", "poor illumination", "dim light",
            "dim lighting", "weak illumination", "dark image", "insufficient light", "too little light",
            "low brightness", "dark view", "low illumination", "underexposed view", "low exposure", "under exposure",
            "insufficient illumination", "weak light",
        ),
        held_out_words=("dim illumination", "poor light", "underexposed dark image", "insufficient lighting"),
    ),
    Confounder(
        name="uneven", phrase="uneven lighting", category="lighting",
        operator=OnPixels(operators.uneven), drawn="shading",
        near_words=(
            "uneven illumination", "non uniform illumination", "inhomogeneous lighting", "shadow on one side",
            "irregular illumination", "one sided lighting", "lighting gradient", "illumination gradient",
            "non uniform lighting", "uneven light", "shadows", "unbalanced lighting", "inhomogeneous illumination",
            "irregular lighting", "half dark half bright", "unequal lighting", "nonuniform lighting", "vignetting",
        ),
        held_out_words=("irregular light", "inhomogeneous light", "unbalanced illumination", "shadow gradient"),
    ),
    Confounder(
        name="narrow_band_imaging", phrase="narrow-band imaging", category="imaging technology", excludes="white_light",
        operator=OnPixels(operators.narrow_band_imaging), drawn="lamp", measure=Measure("red_share", rises=False),
        near_words=(
            "nbi", "narrow band light", "nbi mode", "narrow band illumination", "narrowband imaging",
            "blue green light", "virtual chromoendoscopy", "narrow band imaging mode", "chromoendoscopy",
            "narrow band mode", "nbi light", "image enhanced endoscopy", "blue light imaging", "narrowband light",
            "narrow band filter", "nbi illumination", "narrow spectrum light",
        ),
        held_out_words=("narrow band", "nbi imaging", "narrow spectrum imaging", "nbi endoscopy"),
    ),
    Confounder(
        name="white_light", phrase="white light", category="imaging technology", excludes="narrow_band_imaging",
        operator=OnPixels(operators.white_light), drawn="lamp",
        near_words=(
            "white light imaging", "wli", "white light endoscopy", "white light mode", "broadband light",
            "conventional white light", "white light illumination", "standard white light", "xenon light",
            "conventional imaging", "wli mode", "broadband white light", "wli imaging", "white xenon light",
            "broadband illumination",
        ),
        held_out_words=(
            "conventional broadband light", "white broadband illumination", "xenon white light imaging", "standard wli",
        ),
    ),
    Confounder(
        name="near_view", phrase="near view", category="distance", excludes="far_view",
        operator=OnGeometry(distance.near_view), drawn="camera",
        near_words=(
            "close up", "close view", "close-up view", "near distance", "short distance", "magnified view",
            "close range", "near field", "camera close to the wall", "zoomed in view", "proximity", "close distance",
            "magnification", "nearby view", "short range", "near range", "close proximity", "zoomed in",
        ),
        held_out_words=("near proximity", "magnified close up", "view from short distance", "zoomed in close"),
    ),
    Confounder(
        name="far_view", phrase="far view", category="distance", excludes="near_view",
        operator=OnGeometry(distance.far_view), drawn="camera",
        near_words=(
            "distant view", "long distance", "far distance", "wide view", "long shot", "distance view", "remote view",
            "camera far from the wall", "far away view", "long range", "zoomed out view", "far range", "distant range",
            "far field", "wide shot", "large distance", "zoomed out", "far away",
        ),
        held_out_words=("view from far away", "distant shot", "remote camera", "view from long distance"),
    ),
    Confounder(
        name="mucus", phrase="mucus", category="surface interference",
        operator=OnPixels(operators.mucus), drawn="wall",
        near_words=(
            "mucous", "mucus layer", "secretion", "phlegm", "slime", "sputum", "mucus coating", "sticky mucus",
            "mucus film", "viscous secretion", "yellow mucus", "mucous film", "mucous secretion", "thick mucus",
            "mucus plug", "mucoid secretion", "covering of mucus",
        ),
        held_out_words=("thick slime", "mucous coating", "sticky secretion", "yellow phlegm"),
    ),
    Confounder(
        name="blood", phrase="blood", category="surface interference",
        operator=OnPixels(operators.blood, placed=True), drawn="wall", measure=Measure("red_share", rises=True),
        near_words=(
            "bleeding", "hemorrhage", "haemorrhage", "blood stain", "fresh blood", "blood on the surface",
            "bloody surface", "blood clot", "active bleeding", "oozing blood", "pool of blood", "bleeding spot",
            "bloody mucosa", "bloody fluid", "red blood", "blood pool", "mucosal bleeding",
        ),
        held_out_words=("fresh bleeding", "active hemorrhage", "bloody clot", "oozing hemorrhage"),
    ),
    Confounder(
        name="reflection", phrase="specular reflection", category="surface interference",
        operator=OnPixels(operators.reflection, placed=True), drawn="glare", measure=Measure("glare_share", rises=True),
        near_words=(
            "reflection", "specular highlights", "glare", "highlights", "light reflection", "shiny spots", "reflexes",
            "specularity", "glossy spots", "white highlights", "wet reflection", "mirror reflection", "specular glare",
            "reflecting surface", "shiny surface", "reflected light", "glossy surface", "specular spots",
            "light reflexes",
        ),
        held_out_words=("shiny highlights", "glossy reflection", "white glare", "specular reflexes"),
    ),
    Confounder("screen", "whole screen", None, OnScreen(on_screen, "full")),
    Confounder("screen_cut", "whole screen, cut to the view", None, OnScreen(on_screen, "auto")),
)  # fmt: skip
REGISTRY: dict[str, Confounder] = {entry.name: entry for entry in _ENTRIES}
"""Name -> confounder."""


def phrases() -> list[str]:
    """Return what the confounders are called in prompts and tables."""
    return [entry.phrase for entry in REGISTRY.values()]


def of_a_dictionary(phrase: str) -> bool:
    """Return whether a confounder belongs to a dictionary, and so to means over it; screens don't."""
    return phrase not in {entry.phrase for entry in REGISTRY.values() if entry.category is None}


def named(phrase: str) -> Confounder:
    """Return the confounder that a phrase names.

    Raises:
        ValueError: there is none.
    """
    for entry in REGISTRY.values():
        if entry.phrase == phrase:
            return entry
    raise ValueError(f"no confounder '{phrase}'; legal: {', '.join(phrases())}")


def respelled(phrase: str) -> str | None:
    """Return the phrase that another one is but for case, hyphens, underscores and spaces; None: none, or itself."""
    known = {_letters(one): one for one in phrases()}
    found = known.get(_letters(phrase))
    return None if found == phrase else found


def without_operator(wanted: Iterable[str]) -> list[str]:
    """Return those of a dictionary's phrases that no confounder is called by, so that nothing draws them."""
    known = set(phrases())
    return [phrase for phrase in wanted if phrase not in known]


def apply_confounder(image: Array, name: str, strength: float, rng: np.random.Generator, where: Array | None) -> Array:
    """Return the image [H, W, 3] in 0..1 under one confounder that leaves everything in its place.

    Args:
        image: [H, W, 3] float32, 0..1.
        name: a key of `REGISTRY`.
        strength: 0..1; 0 changes nothing.
        rng: of what is drawn at random.
        where: [H, W], 0 and more: weighs the places where mucus, blood and reflections may lie; None: anywhere.

    Raises:
        ValueError: there is no such confounder, it moves the mask, or the strength is out of range.
    """
    legal = {key: entry.operator for key, entry in REGISTRY.items() if isinstance(entry.operator, OnPixels)}
    if name not in legal:
        raise ValueError(f"'{name}' does not act on pixels alone; legal: {', '.join(legal)}")
    if not 0.0 <= strength <= 1.0:
        raise ValueError(f"strength of '{name}' is {strength}, expected 0..1")
    if strength == 0.0:
        return image
    changed = legal[name].apply(np.asarray(image, dtype=np.float32), strength, rng, where)
    return np.asarray(np.clip(changed, 0, 1), dtype=np.float32)


def _letters(phrase: str) -> str:
    return "".join(letter for letter in phrase.lower() if letter.isalnum())
