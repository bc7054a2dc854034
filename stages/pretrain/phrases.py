"""What the text tower of a small CLIP learns to read: concepts, many phrasings of each, and the sentences around them.

A concept is a lesion class, `lesion` (any of them), `normal` mucosa, one of the confounders that the phantom draws
(their phrasings are in their registry), or `clear` (none of them). Its first phrasing is its canonical one. The
held-out phrasings are made of words that the training phrasings use, too; they are never trained on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mcdrl.confounders.registry import REGISTRY
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
    **{name: (REGISTRY[name].phrase, *REGISTRY[name].near_words) for name in CONFOUNDERS},
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
    **{name: REGISTRY[name].held_out_words for name in CONFOUNDERS},
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


LOOKS: dict[str, tuple[tuple[str, ...], ...]] = {
    "polyp": (
        ("ruddy", "crimson", "cherry", "ruddier than around it"),
        ("knob", "rounded hillock", "mound", "cushion"),
        ("with fine pits", "with a pitted top", "crossed by thin veins", ""),
        ("standing up", "raised on a fold", "with a crisp outline", ""),
    ),
    "tumor": (
        ("livid", "purple", "mottled violet", "purple and ochre"),
        ("coarse heap", "knobbly heap", "cluster of humps", "craggy ground"),
        ("with an ochre crater", "with maroon dots", "with ragged pits", ""),
        ("broad and tall", "with a jagged outline", "", ""),
    ),
    "inflammation": (
        ("scarlet", "flushed", "rose", "scarlet throughout"),
        ("level patch", "broad blotch", "level ground", "blush"),
        ("with fine specks", "with chalky flecks", "that hides the veins", ""),
        ("with a soft margin", "that fades outward", "level with its surroundings", ""),
    ),
    "nodule": (
        ("cream", "buff", "straw", "paler than around it"),
        ("dome", "button", "shallow dome", "pea"),
        ("with an even top", "that looks hard", "polished", ""),
        ("rosy at its foot", "covered by the same skin", "", ""),
    ),
    "cyst": (
        ("grey", "bluish grey", "glassy", "see through"),
        ("bubble", "glass bead", "bead", "droplet"),
        ("with a gleaming rim", "through which one sees", "crossed by branching veins", ""),
        ("resting on the ground", "bulging", "", ""),
    ),
}  # fmt: skip
"""Lesion class -> what of it is seen in the phantom, in plain words: colours, shapes, surfaces, places."""


@dataclass(frozen=True)
class Text:
    """A sentence and the one or two concepts that it names."""

    prompt: str
    concepts: tuple[str, ...]


def canonical(concept: str, phrase: str | None = None) -> str:
    """Return the paper's sentence about a concept (arXiv 2508.05008), with its first phrasing unless one is given."""
    template = DENSE_TEMPLATES[0] if concept in DENSE_CONCEPTS else GLOBAL_TEMPLATES[0]
    return template.format(phrase or TRAINED[concept][0])


def draw(rng: np.random.Generator, concept: str, described: float = 0) -> Text:
    """Draw a sentence about one concept: any training phrasing in any template, the paper's template half the time.

    Args:
        rng: draws it.
        concept: what it is about.
        described: how often a lesion class is described instead of named, 0..1.
    """
    templates = DENSE_TEMPLATES if concept in DENSE_CONCEPTS else GLOBAL_TEMPLATES
    template = templates[0] if rng.random() < 0.5 else _pick(rng, templates)
    return Text(template.format(_phrase(rng, concept, described)), (concept,))


def draw_pair(rng: np.random.Generator, lesion: str, confounder: str, described: float = 0) -> Text:
    """Draw a sentence about a lesion class seen with a confounder; `described` as in `draw`."""
    template = PAIR_TEMPLATES[0] if rng.random() < 0.5 else _pick(rng, PAIR_TEMPLATES)
    phrases = _phrase(rng, lesion, described), _pick(rng, TRAINED[confounder])
    return Text(template.format(*phrases), (lesion, confounder))


def describe(rng: np.random.Generator, lesion: str) -> str:
    """Draw a description of a lesion class: a colour and a shape, and at times what its surface and place are like."""
    return " ".join(part for part in (_pick(rng, choices) for choices in LOOKS[lesion]) if part)


def draw_caption(rng: np.random.Generator, present: Sequence[str]) -> Text:
    """Draw a sentence about a frame: its lesion class with one of its confounders, or else one thing that is there."""
    lesions = [name for name in present if name in LESION_CLASSES]
    confounders = [name for name in present if name in CONFOUNDERS]
    if lesions and confounders:
        return draw_pair(rng, lesions[0], _pick(rng, confounders))
    return draw(rng, _pick(rng, present))


def draw_twins(rng: np.random.Generator, present: Sequence[str], gone: str, come: str) -> tuple[Text, Text]:
    """Draw a sentence about a frame and one about its negative twin that differ in one thing alone.

    Args:
        rng: draws both.
        present: what is there in the frame.
        gone: of it what isn't there in the twin.
        come: what is there in the twin in its place.
    """
    lesions = [name for name in present if name in LESION_CLASSES]
    start = [_pick(rng, TRAINED[name]) for name in lesions]
    template = _pick(rng, PAIR_TEMPLATES if lesions else GLOBAL_TEMPLATES)
    first, second = (
        Text(template.format(*start, _pick(rng, TRAINED[name])), (*lesions, name)) for name in (gone, come)
    )
    return first, second


def sentences(*, described: bool = False) -> Iterator[str]:
    """Yield templates with empty places, modifiers and training phrasings: all the words that are ever trained.

    Args:
        described: whether lesion classes are described, too.
    """
    yield from (template.replace("{}", " ") for template in (*DENSE_TEMPLATES, *GLOBAL_TEMPLATES, *PAIR_TEMPLATES))
    yield from MODIFIERS
    for phrases in TRAINED.values():
        yield from phrases
    if described:
        yield from (part for parts in LOOKS.values() for choices in parts for part in choices)


def _phrase(rng: np.random.Generator, concept: str, described: float) -> str:
    if described and concept in LOOKS and rng.random() < described:
        return describe(rng, concept)
    return _pick(rng, TRAINED[concept])


def _pick(rng: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(rng.integers(len(choices)))]
