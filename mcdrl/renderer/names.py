"""Names every part of the phantom agrees on: the confounders and the lesion classes."""

CONFOUNDERS: tuple[str, ...] = (
    "blur",
    "artifacts",
    "bright",
    "dark",
    "uneven",
    "narrow_band_imaging",
    "white_light",
    "near_view",
    "far_view",
    "mucus",
    "blood",
    "reflection",
)
"""The 12 confounders of the dictionary (arXiv 2508.05008, section on the dictionary)."""

LESION_CLASSES: tuple[str, ...] = ("polyp", "tumor", "inflammation", "nodule", "cyst")
"""The five lesion classes of the per-lesion table of the paper."""

EXCLUSIVE_PAIRS: tuple[tuple[str, str], ...] = (
    ("near_view", "far_view"),
    ("bright", "dark"),
    ("narrow_band_imaging", "white_light"),
)
"""Confounders that cannot both be present in one frame."""

VIEW_CONFOUNDERS: tuple[str, ...] = ("near_view", "far_view")
"""Confounders that move the camera; they exist only while a scene is rendered."""
