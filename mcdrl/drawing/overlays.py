"""Frames with outlines and heat maps, as inline pictures: which are shown, and how they are drawn."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from contourpy import contour_generator
from numpy.typing import NDArray
from PIL import Image

from mcdrl.base.seeds import generator
from mcdrl.drawing.html_tables import records

Array = NDArray[Any]
_QUALITY = 82  # JPEG quality of the pictures


@dataclass(frozen=True)
class Shot:
    """One picture of the page.

    Attributes:
        image: data URI of the frame.
        size_px: side of the picture's own coordinates.
        outlines: (style, SVG path) from bottom to top; styles are "truth", "predicted", "other", "selected".
        title: first line of the caption.
        note: second line.
    """

    image: str
    size_px: int
    outlines: tuple[tuple[str, str], ...]
    title: str
    note: str


def pick_examples(cell: pd.DataFrame, examples: int) -> list[tuple[str, str]]:
    """Choose the best, median and worst frames with a lesion by Dice.

    Args:
        cell: rows of `SCORES` of one (method, held-out site, seed).
        examples: frames of each kind; fewer where the site has too few.

    Returns:
        (kind, case_id) with kinds "best", "median", "worst"; no frame twice.
    """
    ranked = cell.dropna(subset=["dice"]).sort_values(["dice", "case_id"], ascending=[False, True])
    ids = [str(case) for case in ranked["case_id"]]
    each = max(1, min(examples, len(ids) // 3))
    start = (len(ids) - each + 1) // 2
    chosen = {"best": ids[:each], "median": ids[start : start + each], "worst": ids[len(ids) - each :]}
    found: dict[str, str] = {}
    for kind in ("worst", "best", "median"):
        for case in chosen[kind]:
            found.setdefault(case, kind)
    order = {"best": 0, "median": 1, "worst": 2}
    return sorted(((kind, case) for case, kind in found.items()), key=lambda one: (order[one[0]], ids.index(one[1])))


def pick_changes(rows: pd.DataFrame, count: int) -> list[dict[str, Any]]:
    """Choose the frames with the largest gains, then those with the largest losses, at most `count` of each.

    Args:
        rows: with `case_id` and `change`.
        count: frames of each kind.
    """
    ranked = rows.sort_values(["change", "case_id"], ascending=[False, True])
    gains = ranked[ranked["change"] > 0].head(count)
    losses = ranked[ranked["change"] < 0].tail(count).iloc[::-1]
    return records(pd.concat([gains, losses]))


def pick_frames(cases: pd.DataFrame, count: int, *names: str | int, negatives: bool = False) -> list[str]:
    """Draw frames with a lesion, or any with `negatives`, at random, by names alone; no frame when there is none."""
    ids = sorted(cases.loc[negatives | (cases["lesion_area_px"] > 0), "case_id"])
    drawn = generator("report", *names).permutation(len(ids))[:count]
    return [ids[index] for index in sorted(drawn)]


def picture(frame: Array) -> str:
    """Return a frame, [S, S, 3] uint8, as the data URI of a JPEG."""
    stream = io.BytesIO()
    Image.fromarray(frame).save(stream, format="JPEG", quality=_QUALITY, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()


def outline(values: Array, level: float = 0.5) -> str:
    """Return where an image [S, S] crosses a level, as an SVG path in pixels of the image."""
    padded = np.pad(values.astype(np.float64), 1)
    lines: Sequence[Any] = contour_generator(z=padded).lines(level)
    return "".join(_path(line - 0.5) for line in lines)


def grid_outline(selected: Array, size_px: int) -> str:
    """Return the border of the selected places [H, W], as an SVG path in pixels of a picture of that size."""
    repeat_y, repeat_x = size_px // selected.shape[0], size_px // selected.shape[1]
    blocks = np.kron(selected.astype(np.uint8), np.ones((max(1, repeat_y), max(1, repeat_x)), np.uint8))
    return outline(_fit(blocks, size_px, Image.Resampling.NEAREST))


def heat(frame: Array, similarity: Array) -> Array:
    """Lay S^ over a frame.

    Args:
        frame: [S, S, 3] uint8.
        similarity: [H, W] float; coloured from its own lowest to its own highest value.

    Returns:
        [S, S, 3] uint8.
    """
    from matplotlib import colormaps  # only the page needs it

    low, high = float(similarity.min()), float(similarity.max())
    scaled = (similarity.astype(np.float32) - low) / max(high - low, 1e-6)
    smooth = np.clip(_fit(scaled, frame.shape[0], Image.Resampling.BICUBIC), 0, 1)
    colour = colormaps["inferno"](smooth)[..., :3] * 255.0
    grey = frame.mean(axis=2, keepdims=True)
    blended: Array = np.rint(0.35 * grey + 0.65 * colour).astype(np.uint8)
    return blended


def _fit(values: Array, size_px: int, way: Image.Resampling) -> Array:
    return np.asarray(Image.fromarray(values).resize((size_px, size_px), way))


def _path(points: Array) -> str:
    """Return the polygon through points (x, y), rounded to tenths of a pixel."""
    text = " ".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f"M{text}Z"
