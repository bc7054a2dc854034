"""Names every part of the phantom agrees on: the confounders that it draws and the lesion classes."""

from mcdrl.confounders.confounder import LAYERS, Confounder, Layer, OnPixels
from mcdrl.confounders.registry import REGISTRY

_DRAWN: dict[Layer, list[Confounder]] = {
    layer: [entry for entry in REGISTRY.values() if entry.drawn == layer] for layer in LAYERS
}

CONFOUNDERS: tuple[str, ...] = tuple(name for name, entry in REGISTRY.items() if entry.drawn is not None)
"""The confounders that the phantom draws, in the order of the registry."""

LAID_ON: dict[str, Layer] = {
    entry.name: layer for layer, entries in _DRAWN.items() for entry in entries if isinstance(entry.operator, OnPixels)
}
"""Those that are laid on a rendered picture -> their layer, in the order that light passes."""

LESION_CLASSES: tuple[str, ...] = ("polyp", "tumor", "inflammation", "nodule", "cyst")
"""The five lesion classes of the per-lesion table of the paper."""

EXCLUSIVE_PAIRS: tuple[tuple[str, str], ...] = tuple(
    (entry.name, entry.excludes)
    for layer in sorted(_DRAWN)
    for entry in _DRAWN[layer]
    if entry.excludes is not None and CONFOUNDERS.index(entry.name) < CONFOUNDERS.index(entry.excludes)
)
"""Confounders that cannot both be present in one frame, in the order in which chance decides between them."""
