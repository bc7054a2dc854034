"""Whether frames look like those that a model was trained on, quantity by quantity.

Each training site has a middle, its median, and an extent, from its 5th to its 95th percentile. New frames whose median
lies among the middles are inside; beyond all of them, but within an extent, at the edge; beyond all extents, outside.

A frame's height is a fact without such a place: networks are shown frames squashed to their working size, and what that
leaves of details, of large frames and of small ones, is their sharpness there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pandas as pd

LOW, HIGH = 0.05, 0.95


class Place(StrEnum):
    """Where new frames lie among those of the training sites."""

    INSIDE = "inside"
    EDGE = "at the edge"
    OUTSIDE = "outside"


@dataclass(frozen=True)
class Quantity:
    """What is measured of a frame.

    Attributes:
        column: as in profile.parquet.
        title: what people call it, and after a comma its unit.
        digits: behind the point.
        counts: whether it tells what a network is shown; else it is a fact beside that.
    """

    column: str
    title: str
    digits: int
    counts: bool = True


QUANTITIES = tuple(
    Quantity(*entry)
    for entry in (
        ("brightness", "brightness", 2),
        ("contrast", "contrast", 2),
        ("sharpness", "sharpness", 0),
        ("glare_share", "glare", 3),
        ("saturation", "saturation", 2),
        ("hue_deg", "hue, degrees from red", 0),
        ("red_share", "red, share of the light", 2),
        ("blue_share", "blue, share of the light", 2),
        ("view_share", "endoscopic view, share of the frame", 2),
        ("height_px", "height of the frame, px", 0, False),
        ("lesion_share", "lesion, share of its frame", 3),  # of frames with a lesion
    )
)


@dataclass(frozen=True)
class Shift:
    """One quantity of new frames beside the training sites.

    Attributes:
        quantity: what is measured.
        n_frames: new frames that have it.
        here: their median.
        lowest: the least median of a training site.
        highest: the largest.
        least: where the lowest extent of a training site begins.
        most: where the highest ends.
        beyond: share of the new frames below `least` or above `most`.
    """

    quantity: Quantity
    n_frames: int
    here: float
    lowest: float
    highest: float
    least: float
    most: float
    beyond: float

    @property
    def place(self) -> Place | None:
        """Where the new frames' median lies; None: the quantity doesn't count."""
        if not self.quantity.counts:
            return None
        if self.lowest <= self.here <= self.highest:
            return Place.INSIDE
        return Place.EDGE if self.least <= self.here <= self.most else Place.OUTSIDE


def site_spreads(frames: pd.DataFrame) -> pd.DataFrame:
    """Return the middle and extent of each site's quantities.

    Args:
        frames: a row a frame: `site`, and the column of each quantity, NaN where a frame hasn't it.

    Returns:
        Columns `site, quantity, n_frames, low, median, high`; no row where no frame of a site has a quantity.
    """
    rows = [row for site, own in frames.groupby("site", sort=True) for row in _spreads(str(site), own)]
    return pd.DataFrame(rows, columns=["site", "quantity", "n_frames", "low", "median", "high"])


def _spreads(site: str, frames: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    for quantity in QUANTITIES:
        values = frames[quantity.column].dropna().astype("float64")
        if len(values):
            low, median, high = values.quantile([LOW, 0.5, HIGH])
            yield site, quantity.column, len(values), low, median, high


def shifts(frames: pd.DataFrame, training: pd.DataFrame) -> list[Shift]:
    """Return how new frames lie among the training sites, for the quantities that both have.

    Args:
        frames: a row a frame, with the columns of some quantities.
        training: as `site_spreads` gives it.
    """
    found = []
    for quantity in (one for one in QUANTITIES if one.column in frames.columns):
        values = frames[quantity.column].dropna().astype("float64")
        sites = training[training["quantity"] == quantity.column]
        if len(values) and len(sites):
            least, most = float(sites["low"].min()), float(sites["high"].max())
            beyond = float(((values < least) | (values > most)).mean())
            middles = float(sites["median"].min()), float(sites["median"].max())
            found.append(Shift(quantity, len(values), float(values.median()), *middles, least, most, beyond))
    return found
