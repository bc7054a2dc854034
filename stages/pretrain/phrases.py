"""What lite0's text tower learns to read: concepts, many phrasings of each, and the sentences around them.

A concept is a lesion class, `lesion` (any of them), `normal` mucosa, one of the 12 confounders, or `clear` (none of
them). Its first phrasing is its canonical one. The held-out phrasings are made of words that the training phrasings
use, too; they are never trained on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mcdrl.renderer.names import CONFOUNDERS, LESION_CLASSES

DENSE_CONCEPTS = (*LESION_CLASSES, "lesion", "normal")  # said of places
GLOBAL_CONCEPTS = (*CONFOUNDERS, "clear")  # said of whole frames
CONCEPTS = (*DENSE_CONCEPTS, *GLOBAL_CONCEPTS)

TRAINED: dict[str, tuple[str, ...]] = {
    "polyp": (
        "polyp", "polypoid lesion", "adenoma", "adenomatous polyp", "sessile polyp", "pedunculated polyp",
        "hyperplastic polyp", "serrated polyp", "polypoid growth", "colonic polyp", "serrated adenoma",
        "tubular adenoma", "mucosal polyp", "stalked polyp", "polypoid protrusion", "sessile adenoma",
    ),
    "tumor": (
        "tumor", "tumour", "cancer", "carcinoma", "neoplasm", "malignant mass", "malignancy", "adenocarcinoma",
        "malignant tumor", "lung cancer", "invasive cancer", "tumor mass", "neoplastic mass", "ulcerated mass",
        "squamous cell carcinoma", "exophytic tumor", "infiltrating carcinoma", "malignant neoplasm", "neoplasia",
    ),
    "inflammation": (
        "inflammation", "inflamed mucosa", "erythema", "redness", "colitis", "inflammatory change", "reddened mucosa",
        "mucosal inflammation", "erythematous mucosa", "inflamed tissue", "gastritis", "swollen red mucosa",
        "inflammatory lesion", "oedema", "edema", "ulcerative colitis", "laryngitis", "esophagitis", "bronchitis",
        "inflamed area",
    ),
    "nodule": (
        "nodule", "nodular lesion", "small nodule", "submucosal nodule", "bump", "lump", "granuloma", "papule",
        "vocal nodule", "nodular elevation", "round nodule", "small bump", "mucosal nodule", "nodular bump",
        "vocal cord nodule", "small lump", "firm nodule",
    ),
    "cyst": (
        "cyst", "cystic lesion", "fluid filled lesion", "retention cyst", "mucous cyst", "translucent cyst",
        "fluid filled sac", "bubble like lesion", "vocal cord cyst", "cystic swelling", "pale cyst", "blister",
        "cystic sac", "translucent sac", "epidermoid cyst", "fluid filled blister",
    ),
    "lesion": (
        "lesion", "abnormality", "abnormal tissue", "pathology", "pathological finding", "abnormal area", "finding",
        "suspicious lesion", "diseased tissue", "abnormal region", "mucosal lesion", "disease",
        "suspicious finding",
    ),
    "normal": (
        "normal mucosa", "healthy mucosa", "normal tissue", "healthy tissue", "background mucosa", "background",
        "no lesion", "unremarkable mucosa", "intact mucosa", "mucosa without lesion", "normal lining", "plain mucosa",
        "nothing abnormal", "clean mucosa", "healthy wall", "normal wall", "no abnormality", "no finding",
        "mucosa without abnormality",
    ),
    "blur": (
        "motion blur", "blur", "blurring", "blurred view", "out of focus", "defocus", "unsharp image", "blurry image",
        "camera motion", "image blur", "lack of focus", "blurry frame", "motion blurring", "defocus blur",
        "camera shake", "unsharp edges", "poor focus", "smeared image", "fuzzy image", "defocused view",
    ),
    "artifacts": (
        "compression artifacts", "artifacts", "image artifacts", "artefacts", "blocking artifacts", "jpeg artifacts",
        "interlacing", "interlacing artifacts", "video artifacts", "compression blocks", "digital artifacts",
        "encoding artifacts", "jpeg compression", "video compression", "interlaced lines", "blocky image",
        "pixelation", "strong compression", "transmission artifacts",
    ),
    "bright": (
        "bright lighting", "bright light", "overexposure", "overexposed image", "strong illumination", "too much light",
        "bright illumination", "excessive brightness", "high brightness", "overexposed view", "intense light",
        "brightness", "strong lighting", "glaring brightness", "high exposure", "saturated exposure",
        "excessive light", "over exposure",
    ),
    "dark": (
        "dark lighting", "darkness", "underexposure", "underexposed image", "low light", "poor illumination",
        "dim light", "dim lighting", "weak illumination", "dark image", "insufficient light", "too little light",
        "low brightness", "dark view", "low illumination", "underexposed view", "low exposure", "under exposure",
        "insufficient illumination", "weak light",
    ),
    "uneven": (
        "uneven lighting", "uneven illumination", "non uniform illumination", "inhomogeneous lighting",
        "shadow on one side", "irregular illumination", "one sided lighting", "lighting gradient",
        "illumination gradient", "non uniform lighting", "uneven light", "shadows", "unbalanced lighting",
        "inhomogeneous illumination", "irregular lighting", "half dark half bright", "unequal lighting",
        "nonuniform lighting", "vignetting",
    ),
    "narrow_band_imaging": (
        "narrow-band imaging", "nbi", "narrow band light", "nbi mode", "narrow band illumination", "narrowband imaging",
        "blue green light", "virtual chromoendoscopy", "narrow band imaging mode", "chromoendoscopy",
        "narrow band mode", "nbi light", "image enhanced endoscopy", "blue light imaging", "narrowband light",
        "narrow band filter", "nbi illumination", "narrow spectrum light",
    ),
    "white_light": (
        "white light", "white light imaging", "wli", "white light endoscopy", "white light mode", "broadband light",
        "conventional white light", "white light illumination", "standard white light", "xenon light",
        "conventional imaging", "wli mode", "broadband white light", "wli imaging", "white xenon light",
        "broadband illumination",
    ),
    "near_view": (
        "near view", "close up", "close view", "close-up view", "near distance", "short distance", "magnified view",
        "close range", "near field", "camera close to the wall", "zoomed in view", "proximity", "close distance",
        "magnification", "nearby view", "short range", "near range", "close proximity", "zoomed in",
    ),
    "far_view": (
        "far view", "distant view", "long distance", "far distance", "wide view", "long shot", "distance view",
        "remote view", "camera far from the wall", "far away view", "long range", "zoomed out view", "far range",
        "distant range", "far field", "wide shot", "large distance", "zoomed out", "far away",
    ),
    "mucus": (
        "mucus", "mucous", "mucus layer", "secretion", "phlegm", "slime", "sputum", "mucus coating", "sticky mucus",
        "mucus film", "viscous secretion", "yellow mucus", "mucous film", "mucous secretion", "thick mucus",
        "mucus plug", "mucoid secretion", "covering of mucus",
    ),
    "blood": (
        "blood", "bleeding", "hemorrhage", "haemorrhage", "blood stain", "fresh blood", "blood on the surface",
        "bloody surface", "blood clot", "active bleeding", "oozing blood", "pool of blood", "bleeding spot",
        "bloody mucosa", "bloody fluid", "red blood", "blood pool", "mucosal bleeding",
    ),
    "reflection": (
        "specular reflection", "reflection", "specular highlights", "glare", "highlights", "light reflection",
        "shiny spots", "reflexes", "specularity", "glossy spots", "white highlights", "wet reflection",
        "mirror reflection", "specular glare", "reflecting surface", "shiny surface", "reflected light",
        "glossy surface", "specular spots", "light reflexes",
    ),
    "clear": (
        "clear view", "good quality", "no artifacts", "no confounder", "clean view", "good visibility",
        "unobstructed view", "sharp image", "high quality", "nothing on the surface", "sharp view", "no interference",
        "good image quality", "clean image", "clear image", "no disturbance", "perfect visibility",
    ),
}  # fmt: skip

HELD_OUT: dict[str, tuple[str, ...]] = {
    "polyp": ("stalked adenoma", "hyperplastic polypoid growth", "colonic adenoma", "serrated sessile polyp"),
    "tumor": ("malignant carcinoma", "invasive tumour", "ulcerated carcinoma", "squamous cell cancer"),
    "inflammation": ("inflammatory redness", "swollen inflamed mucosa", "erythematous area", "ulcerative inflammation"),
    "nodule": ("nodular papule", "submucosal bump", "round lump", "firm small nodule"),
    "cyst": ("translucent cystic lesion", "pale cystic sac", "fluid filled cyst", "retention sac"),
    "lesion": ("suspicious abnormality", "pathological tissue", "diseased area"),
    "normal": ("normal background", "healthy lining", "intact healthy tissue", "without lesion"),
    "blur": ("blurry view", "unsharp view", "motion smeared image", "out of focus camera"),
    "artifacts": ("jpeg blocks", "interlaced video", "blocky compression", "digital compression artefacts"),
    "bright": ("overexposed bright image", "intense illumination", "excessive illumination", "strong bright light"),
    "dark": ("dim illumination", "poor light", "underexposed dark image", "insufficient lighting"),
    "uneven": ("irregular light", "inhomogeneous light", "unbalanced illumination", "shadow gradient"),
    "narrow_band_imaging": ("narrow band", "nbi imaging", "narrow spectrum imaging", "nbi endoscopy"),
    "white_light": ("conventional broadband light", "white broadband illumination", "xenon white light imaging",
                    "standard wli"),
    "near_view": ("near proximity", "magnified close up", "view from short distance", "zoomed in close"),
    "far_view": ("view from far away", "distant shot", "remote camera", "view from long distance"),
    "mucus": ("thick slime", "mucous coating", "sticky secretion", "yellow phlegm"),
    "blood": ("fresh bleeding", "active hemorrhage", "bloody clot", "oozing hemorrhage"),
    "reflection": ("shiny highlights", "glossy reflection", "white glare", "specular reflexes"),
    "clear": ("sharp clear image", "good clear visibility", "no interference no artifacts"),
}  # fmt: skip

DENSE_TEMPLATES = (
    "A {} in an endoscopic image", "An endoscopic image of a {}", "{}", "a photo of a {}", "endoscopy of {}",
    "an endoscopy frame that shows {}", "there is a {} in the image", "a {} on the mucosa", "a picture of the {}",
    "colonoscopy image with a {}", "bronchoscopy image with a {}", "laryngoscopy image with a {}",
    "a small {}", "a large {}", "an endoscopic view of {} in the colon", "a {} in the stomach", "a {} of the larynx",
    "a {} in the bronchus", "a video frame of a {}", "patient with {}", "an image of {} tissue", "medical photo of {}",
    "a {} in the rectum", "gastroscopy showing a {}", "a {} in the esophagus", "a tiny {}", "a big {}",
    "this is a {}", "one {}", "several {}", "an endoscopic photograph of {}", "a clinical image of a {}",
)  # fmt: skip

GLOBAL_TEMPLATES = (
    "An endoscopy image with {}", "An endoscopic image with {}", "{}", "a photo with {}", "endoscopy with {}",
    "an endoscopy frame that shows {}", "a frame under {}", "an image affected by {}", "there is {} in the image",
    "colonoscopy image with {}", "bronchoscopy image with {}", "laryngoscopy image with {}", "a video frame with {}",
    "an endoscopy image taken in {}", "a picture that suffers from {}", "the image has {}", "strong {}", "slight {}",
    "an endoscopic view with {}", "an endoscopic video with some {}", "gastroscopy showing {}", "an image of {}",
    "a frame in {}", "medical photo with {}", "a frame disturbed by {}", "severe {}", "a lot of {}",
)  # fmt: skip

PAIR_TEMPLATES = (
    "A {} with {}", "An endoscopic image of a {} with {}", "a {} and {}", "a {} under {}", "{} {}", "{} in {}",
    "a {} in an endoscopic image with {}", "an endoscopy frame that shows a {} with {}", "a photo of a {} with {}",
)  # fmt: skip

MODIFIERS = (
    "flat", "elevated", "round", "oval", "irregular", "suspicious", "visible", "single", "multiple", "left", "right",
    "upper", "lower", "proximal", "distal", "anterior", "posterior", "central", "peripheral", "mild", "moderate",
    "early", "late", "clinical", "typical", "possible", "likely", "real", "human", "adult", "pediatric", "diagnostic",
    "routine", "cecum", "sigmoid", "duodenum", "antrum", "trachea", "pharynx", "glottis", "airway", "throat", "bowel",
    "intestine", "lumen", "gastric", "colorectal", "laryngeal", "bronchial", "benign", "smooth", "rough", "brown",
    "pink", "whitish", "reddish", "dense", "faint", "marked", "diffuse", "focal", "local", "where", "which", "by", "at",
    "during", "its", "that", "these", "very", "here", "from", "has", "have", "are", "was", "many", "few",
)  # fmt: skip


@dataclass(frozen=True)
class Text:
    """A sentence and the one or two concepts that it names."""

    prompt: str
    concepts: tuple[str, ...]


def canonical(concept: str, phrase: str | None = None) -> str:
    """Return the paper's sentence about a concept (arXiv 2508.05008), with its first phrasing unless one is given."""
    template = DENSE_TEMPLATES[0] if concept in DENSE_CONCEPTS else GLOBAL_TEMPLATES[0]
    return template.format(phrase or TRAINED[concept][0])


def draw(rng: np.random.Generator, concept: str) -> Text:
    """Draw a sentence about one concept: any training phrasing in any template, the paper's template half the time."""
    templates = DENSE_TEMPLATES if concept in DENSE_CONCEPTS else GLOBAL_TEMPLATES
    template = templates[0] if rng.random() < 0.5 else _pick(rng, templates)
    return Text(template.format(_pick(rng, TRAINED[concept])), (concept,))


def draw_pair(rng: np.random.Generator, lesion: str, confounder: str) -> Text:
    """Draw a sentence about a lesion class seen with a confounder."""
    template = PAIR_TEMPLATES[0] if rng.random() < 0.5 else _pick(rng, PAIR_TEMPLATES)
    phrases = _pick(rng, TRAINED[lesion]), _pick(rng, TRAINED[confounder])
    return Text(template.format(*phrases), (lesion, confounder))


def sentences() -> Iterator[str]:
    """Yield templates with empty places, modifiers and training phrasings: all the words that are ever trained."""
    yield from (template.replace("{}", " ") for template in (*DENSE_TEMPLATES, *GLOBAL_TEMPLATES, *PAIR_TEMPLATES))
    yield from MODIFIERS
    for phrases in TRAINED.values():
        yield from phrases


def _pick(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]
