"""Ranges that numbers of a style are drawn from, whole or without the part that the five phantom sites have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import numpy as np

Span = tuple[float, float]

SITES: Mapping[str, Span] = MappingProxyType(
    {
        "red": (0.695, 0.912),
        "mottling": (0.037, 0.113),
        "grain": (0.035, 0.06),
        "patches": (0.12, 0.26),
        "vessels": (0.105, 0.975),
        "vessel_trees": (12, 18),
        "vessel_calibre": (0.765, 1.56),
        "relief": (0.25, 0.8),
        "sheen": (0.105, 0.39),
        "spacing": (0.62, 1.5),
        "depth": (0.1, 0.42),
        "width": (0.11, 0.2),
        "waviness": (0.08, 0.35),
        "lobes": (0.35, 0.8),
        "bend": (0.06, 0.25),
        "half_width": (1.0, 1.1),
        "falloff": (0.8, 1.05),
        "ambient": (0.22, 0.32),
        "contrast": (0.637, 1.15),
        "size": (0.765, 1.15),
        "gain_red": (0.95, 1.0),
        "gain_blue": (1.0, 1.08),
        "gamma": (0.88, 1.1),
        "saturation": (0.8, 1.15),
        "exposure": (0.576, 0.685),
        "noise": (0.01, 0.018),
        "vignetting": (0.2, 0.5),
    }
)
"""Number of a style -> from the lowest to the highest that a patient of the sites A to E has.

What can't be cut is missing: colours' ratios of green to red and blue to green and lesions' tint, whose whole ranges
the sites and their patients cover; the tilt of the view, of which all that is drawn starts within theirs; the camera's
distance from the axis, its softness and its gain of green, of which all sites have one and the same number; and
apertures, which are kinds. Lesion classes, confounders and their strengths are no style, and both have them in common.
"""

STYLES: Mapping[str, Mapping[str, Span]] = MappingProxyType({"wide": {}, "apart": SITES})
"""`pretrain.styles` -> what is cut out of the corpus's ranges."""


@dataclass(frozen=True)
class Ranges:
    """Draws numbers of a style.

    Attributes:
        rng: draws them.
        cut: number -> the part of its range that is never drawn.
    """

    rng: np.random.Generator
    cut: Mapping[str, Span]

    def number(self, name: str, low: float, high: float) -> float:
        """Draw uniformly from a range, or from what is left of it."""
        spans = self._left(name, low, high)
        gaps = [(end, start - end) for (_, end), (start, _) in pairwise(spans)]
        at = self.rng.uniform(spans[0][0], spans[-1][1] - sum(width for _, width in gaps))
        return at + sum(width for end, width in gaps if at > end)

    def whole(self, name: str, low: int, high: int) -> int:
        """Draw a whole number from low to below high, or one of those that are left."""
        first, last = self.cut.get(name, (high, high))
        left = [value for value in range(low, high) if not first <= value <= last]
        return left[int(self.rng.integers(len(left)))]

    def _left(self, name: str, low: float, high: float) -> list[Span]:
        start, end = self.cut.get(name, (high, high))
        return [(a, b) for a, b in ((low, min(start, high)), (max(end, low), high)) if a < b]
