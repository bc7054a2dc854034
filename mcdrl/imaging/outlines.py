"""Lesions drawn as outlines, several a frame and of several classes, instead of as masks; BM-BronchoLC's form of them.

What annotation tools write is in `mcdrl.imaging.annotations`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from PIL import Image, ImageDraw

from mcdrl.base.errors import InputError
from mcdrl.base.files import regular
from mcdrl.base.folders import composed, matching
from mcdrl.base.issues import Issue, RefusedError
from mcdrl.imaging.picture import size_text
from mcdrl.study.meanings import IGNORE
from mcdrl.study.reading import Reading

LABELS = "labels.json"  # beside each file of outlines
Labels = np.ndarray[Any, np.dtype[np.uint8]]
Filled = np.ndarray[Any, np.dtype[np.bool_]]
Size = tuple[int, int]  # width, height, px
Bounds = tuple[float, float, float, float]  # left, top, right, bottom, px
Outside = Literal["none", "some", "all"]  # how much of an outline lies out of its frame


@dataclass(frozen=True)
class Region:
    """What a drawn lesion is on a frame of some size.

    Attributes:
        area: about how many pixels it has; larger ones are drawn below smaller ones.
        outside: how much of it lies out of the frame.
        filled: gives [H, W] bool, true where it is; not to be asked for where all of it lies outside.
    """

    area: float
    outside: Outside
    filled: Callable[[], Filled]


class Drawn(Protocol):
    """A lesion that somebody drew on a frame, in whatever form."""

    @property
    def place(self) -> str:
        """Where it stands, for messages."""

    @property
    def lesion_class(self) -> str | None:
        """Its class; `ignore`: nobody judged what it covers; None: the site's reading names the class elsewhere."""

    @property
    def drawn_on(self) -> Size | None:
        """Width and height of the frame that it was drawn on; None: nobody says."""

    def on(self, size: Size) -> Region:
        """Return what it is on a frame; one that was drawn on a frame of another size is refused."""


@dataclass(frozen=True)
class Outline:
    """One polygon of a lesion.

    Attributes:
        place: where it stands, such as "annotation.json entry 7".
        lesion_class: its class; None: the site's reading names it elsewhere.
        points: (x, y) in pixels of the frame, from its upper left corner.
    """

    place: str
    lesion_class: str | None
    points: tuple[tuple[float, float], ...]

    @property
    def drawn_on(self) -> None:
        """No frame of a known size: the files don't say."""
        return None

    def on(self, size: Size) -> Region:
        """Return what it is on a frame: coordinates cut to whole pixels, the outline itself included.

        Raises:
            RefusedError: it lies far outside.
        """
        xs, ys = zip(*self.points, strict=True)
        try:
            outside = beyond((min(xs), min(ys), max(xs), max(ys)), size)
        except RefusedError as error:
            raise RefusedError(error.kind, f"{self.place}: {error.detail}") from None
        return Region(polygon_area(self.points), outside, partial(self._filled, size))

    def _filled(self, size: Size) -> Filled:
        canvas = Image.new("1", size)
        ImageDraw.Draw(canvas).polygon([(math.floor(x), math.floor(y)) for x, y in self.points], fill=1, outline=1)
        return np.asarray(canvas)


@dataclass
class Outlines:
    """What a site's polygon files or annotations say.

    Attributes:
        of: frame (its stem for polygons, its path below the root for annotations) -> its lesions.
        named: frames that any entry names, landmarks included, and names that are no frame's.
        problems: frame -> why it can't be used, kind and detail.
        refused: entries that can't be used.
        notes: whatever else a person should know.
        near: frame that no entry names -> what an entry of no frame has, and may mean it.
    """

    of: dict[str, list[Drawn]] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    problems: dict[str, tuple[str, str]] = field(default_factory=dict)
    refused: list[Issue] = field(default_factory=list)
    notes: list[Issue] = field(default_factory=list)
    near: dict[str, str] = field(default_factory=dict)


def read_outlines(root: Path, reading: Reading) -> Outlines:
    """Read the polygon files of a site.

    An entry is refused if it isn't well-formed or has under three different points. The frame of such an entry is
    refused, too, unless the entry's label is known to be no lesion: its mask would lack a lesion. So is a frame with a
    label that `label_class` doesn't list, and one with a polygon of two classes.

    Args:
        root: the site's folder.
        reading: its `polygons` and `label_class` count.

    Raises:
        InputError: no file matches, one isn't a JSON list, or a folder that may hold some can't be read.
    """
    files = matching(root, str(reading.polygons))
    if not files:
        raise InputError(f"no file matches polygons '{reading.polygons}' in {root}")
    found = Outlines()
    for file in files:
        names = _label_names(file.with_name(LABELS)) if reading.label_class is not None else {}
        place = file.relative_to(root).as_posix()
        for number, entry in enumerate(_json_list(file)):
            _take(entry, f"{place} entry {number}", names, reading.label_class, found)
    return found


def draw(outlines: Sequence[Drawn], size: Size, values: Mapping[str | None, int]) -> Labels:
    """Fill a frame's outlines, the larger ones first, so that a small lesion on a large one stays visible.

    An `Outline`'s coordinates are cut to whole pixels and the outline itself belongs to the lesion, as in the code that
    the authors of BM-BronchoLC published with it; for other forms see `mcdrl.imaging.annotations`. What lies outside
    the frame is cut off. A pixel has one class: see `overlapping_px`. Lesions lie above what nobody judged.

    Args:
        outlines: the lesions.
        size: width and height of the frame in pixels.
        values: lesion class -> value 1..255 in the result.

    Returns:
        [H, W] uint8, 0 where there is no lesion.

    Raises:
        RefusedError: a lesion lies outside the frame altogether or far out of it, or covers not one of its pixels.
    """
    canvas = np.zeros(size[::-1], np.uint8)
    regions = [(outline, outline.on(size)) for outline in outlines]
    for outline, region in sorted(regions, key=lambda pair: (pair[0].lesion_class != IGNORE, -pair[1].area)):
        filled = region.filled() if region.outside != "all" else np.zeros(1, bool)
        if not filled.any():
            kind = "lesion without a pixel" if region.outside == "none" else "polygon outside the frame"
            raise RefusedError(kind, f"{outline.place}; the frame is {size_text(size)}")
        canvas[filled] = values[outline.lesion_class]
    return canvas


def overlapping_px(outlines: Sequence[Drawn], size: Size) -> int:
    """Return how many pixels of a frame of `size` = (width, height) lie inside outlines of two classes or more."""
    kinds = dict.fromkeys(outline.lesion_class for outline in outlines if outline.lesion_class != IGNORE)
    if len(kinds) < 2:
        return 0
    count = np.zeros(size[::-1], np.uint8)
    for kind in kinds:
        inside = np.zeros(size[::-1], bool)
        for outline in (one for one in outlines if one.lesion_class == kind):
            inside |= outline.on(size).filled()
        count += inside
    return int((count > 1).sum())


def clipped(outlines: Sequence[Drawn], size: Size) -> list[Drawn]:
    """Return the outlines that reach beyond a frame of `size` = (width, height) pixels."""
    return [outline for outline in outlines if outline.on(size).outside == "some"]


def beyond(bounds: Bounds, size: Size) -> Outside:
    """Return how much of a thing within some bounds lies out of a frame.

    Raises:
        RefusedError: it reaches out by more than the frame's own size, as coordinates of another scale do.
    """
    left, top, right, bottom = bounds
    if left < -size[0] or top < -size[1] or right > 2 * size[0] or bottom > 2 * size[1]:
        found = ", ".join(f"{value:.6g}" for value in bounds)
        raise RefusedError("shape far outside the frame", f"it lies within {found}; the frame is {size_text(size)}")
    if right < 0 or bottom < 0 or left >= size[0] or top >= size[1]:
        return "all"
    return "some" if left < 0 or top < 0 or right >= size[0] + 1 or bottom >= size[1] + 1 else "none"


def polygon_area(points: Sequence[tuple[float, float]]) -> float:
    """Return the area of a polygon that doesn't cross itself."""
    closed = [*points[1:], points[0]]
    return abs(sum(x * v - u * y for (x, y), (u, v) in zip(points, closed, strict=True))) / 2


def _take(
    entry: Any, place: str, names: Mapping[str, str], classes: Mapping[str, str | None] | None, found: Outlines
) -> None:
    if not isinstance(entry, dict) or not isinstance(entry.get("object_id"), str):
        found.refused.append(Issue(place, "malformed polygon", "expected object_id, label_ids and data"))
        return
    stem = composed(entry["object_id"])
    found.named.add(stem)
    try:
        lesion, lesion_class = _meaning(entry, place, names, classes)
    except RefusedError as error:
        found.problems[stem] = (error.kind, error.detail)
        return
    points = _points(entry.get("data"))
    if points is None:
        found.refused.append(Issue(place, "polygon with under three points", f"of frame {stem}"))
        if lesion:
            found.problems[stem] = (
                "lesion without an outline",
                f"{place} lacks three different points of finite x and y",
            )
    elif lesion:
        found.of.setdefault(stem, []).append(Outline(place, lesion_class, points))


def _meaning(
    entry: Mapping[str, Any], place: str, names: Mapping[str, str], classes: Mapping[str, str | None] | None
) -> tuple[bool, str | None]:
    """Return whether an entry is a lesion, and its class if the labels say it."""
    if classes is None:
        return True, None
    ids = entry.get("label_ids")
    labels = [str(one) for one in ids] if isinstance(ids, list) else []
    keys = [key for key in (next((key for key in (one, names.get(one, "")) if key in classes), None) for one in labels)]
    if not labels or None in keys:
        shown = [names.get(one, one) for one, key in zip(labels, keys, strict=True) if key is None]
        raise RefusedError("label without a class", f"{place}: '{', '.join(shown)}'; list it in label_class")
    meant = {classes[key] for key in keys if key is not None} - {None}
    if len(meant) > 1:
        raise RefusedError("polygon of two classes", f"{place}: {', '.join(sorted(str(one) for one in meant))}")
    return bool(meant), next(iter(meant), None)


def _points(data: Any) -> tuple[tuple[float, float], ...] | None:
    """Return the points of a polygon; None: fewer than three different ones, or something else."""
    if not isinstance(data, list):
        return None
    try:
        points = tuple((float(point["x"]), float(point["y"])) for point in data)
    except (TypeError, KeyError, ValueError, OverflowError):
        return None
    finite = all(math.isfinite(value) for point in points for value in point)
    return points if finite and len(set(points)) >= 3 else None


def _label_names(path: Path) -> dict[str, str]:
    entries = [one for one in _json_list(path) if isinstance(one, dict)]
    return {str(one["id"]): str(one["name"]) for one in entries if {"id", "name"} <= set(one)}


def _json_list(path: Path) -> list[Any]:
    try:
        value = json.loads(regular(path).read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; it says what the labels are called") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(value, list):
        raise InputError(f"{path} holds a {type(value).__name__}, expected a list")
    return value
