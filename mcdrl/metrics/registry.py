"""The metrics of a frame, one entry each: columns, tables, headings, sorting and the page's words follow from it.

A figure of a whole table (an AUROC over frames, a free-response curve) is no metric of a frame and stands elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mcdrl.metrics.counts import Bools, Counts, Floats, accuracy, dice, has_lesion, iou
from mcdrl.metrics.surface import MaskPair, hd95_px, nsd


@dataclass(frozen=True)
class OfCounts:
    """A metric of pixel counts at the frames' own sizes: counts of B frames -> [B]."""

    function: Callable[[Counts], Floats]

    def values(self, counts: Counts, _masks: Sequence[MaskPair]) -> tuple[Floats, Bools]:
        """Return the values of B frames, and which of them have a lesion."""
        return self.function(counts), has_lesion(counts)


@dataclass(frozen=True)
class OfMasks:
    """A metric of a frame's masks at working size, unsquashed, where pixels compare between cameras."""

    function: Callable[[MaskPair], float]

    def values(self, _counts: Counts, masks: Sequence[MaskPair]) -> tuple[Floats, Bools]:
        """Return the values of B frames, and which of them have a lesion."""
        found = [self.function(pair) for pair in masks]
        return np.array(found, dtype=np.float64), np.array([pair.truth.any() for pair in masks], dtype=bool)


@dataclass(frozen=True)
class FrameMetric:
    """A metric of a frame.

    Attributes:
        name: its column; ends in its unit, such as hd95_px.
        heading: what people call it.
        of: how it is worked out.
        meaning: what it says and when it is undefined, in sentences for people.
        over: the frames that it is defined on and its means are over: those with a lesion, or all.
        sometimes_undefined: whether it is NaN or infinite on some of these; such frames are left out and counted.
        better: which end is good.
        unit: empty for shares.
        digits: behind the point, for people.
    """

    name: str
    heading: str
    of: OfCounts | OfMasks
    meaning: str
    over: Literal["lesion", "all"] = "lesion"
    sometimes_undefined: bool = False
    better: Literal["higher", "lower"] = "higher"
    unit: str = ""
    digits: int = 3

    @property
    def label(self) -> str:
        """The heading with its unit."""
        return f"{self.heading} {self.unit}".strip()

    @property
    def nullable(self) -> bool:
        """Whether some frames may lack it."""
        return self.over == "lesion" or self.sometimes_undefined

    @property
    def undefined_column(self) -> str:
        """The column that counts the frames that it should be defined on and isn't, of one that is so sometimes."""
        return f"n_{self.name.removesuffix(f'_{self.unit}')}_undefined"

    def values(self, counts: Counts, masks: Sequence[MaskPair]) -> Floats:
        """Return the metric of B frames, [B]; NaN where it is undefined or infinite.

        Raises:
            ValueError: it is so on a frame of `over` though it isn't `sometimes_undefined`.
        """
        found, lesion = self.of.values(counts, masks)
        wanted = lesion if self.over == "lesion" else np.ones_like(lesion)
        defined = wanted & np.isfinite(found)
        if not self.sometimes_undefined and (wanted & ~defined).any():
            raise ValueError(f"metric {self.name} is undefined on a frame of {self.over}; say sometimes_undefined=True")
        return np.where(defined, found, np.nan)


_ENTRIES = (
    FrameMetric(
        "dice", "Dice", OfCounts(dice),
        "2·tp / (2·tp + fp + fn), frame by frame at the frame's own size, over frames with a lesion. A lesion with "
        "nothing predicted scores 0. Frames without a lesion have no Dice; they are judged by false positives.",
    ),
    FrameMetric("iou", "IoU", OfCounts(iou), "tp / (tp + fp + fn), on the frames that Dice is taken of."),
    FrameMetric(
        "accuracy", "accuracy", OfCounts(accuracy),
        "Share of pixels that are right, over all frames. It says little where lesions are small.",
        over="all",
    ),
    FrameMetric(
        "nsd", "NSD", OfMasks(nsd),
        "Normalised surface distance: share of outline pixels of truth and prediction that lie within a tolerance of "
        "the other outline, at working size, with the view in its own shape. Nothing predicted: 0. A lesion that "
        "vanishes there has none; it is counted.",
    ),
    FrameMetric(
        "hd95_px", "HD95", OfMasks(hd95_px),
        "The larger of the two 95th percentiles of the outlines' distances, in px at working size, with the view in "
        "its own shape. Infinite where nothing is predicted: such frames are left out and counted. Where a site has it "
        "on no frame at all, there is no mean over the sites. A lesion that vanishes there has none; it is counted.",
        sometimes_undefined=True, better="lower", unit="px", digits=1,
    ),
)  # fmt: skip
FRAME_METRICS: dict[str, FrameMetric] = {entry.name: entry for entry in _ENTRIES}
"""Column -> metric, in the order of tables. `dice` is what methods are compared by, `nsd` tells where outlines are."""


def scores(counts: Counts, masks: Sequence[MaskPair]) -> dict[str, Floats]:
    """Return every metric of B frames, column -> [B]; NaN where one is undefined.

    Args:
        counts: pixels at the frames' own sizes.
        masks: the frames at working size, unsquashed.
    """
    return {name: metric.values(counts, masks) for name, metric in FRAME_METRICS.items()}
