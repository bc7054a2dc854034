"""LabelMe: a JSON file a frame, with `shapes` of points: polygon, rectangle, circle, mask.

https://github.com/wkentaro/labelme
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from mcdrl.base.errors import InputError
from mcdrl.base.issues import RefusedError
from mcdrl.imaging.annotations.annotated import Annotated, Mark, Problem, Sheet, below, frame_name, name_of_own
from mcdrl.imaging.annotations.parsing import json_of, numbers, polygons, sized, unreadable
from mcdrl.imaging.annotations.shapes import Bitmap, Box, Ellipse, Shape
from mcdrl.imaging.outlines import Filled
from mcdrl.imaging.picture import size_text

_OUTLINES = ("polygon", "oriented_rectangle")


def read_labelme(files: Sequence[Path], root: Path) -> Annotated:
    """Read LabelMe files, each of which belongs to the frame that is called like it; a bad one costs its frame alone.

    Args:
        files: their paths.
        root: the site's folder.
    """
    return Annotated([_sheet(file, below(file, root)) for file in files])


def _sheet(file: Path, place: PurePosixPath) -> Sheet:
    name = name_of_own(place)
    try:
        content = json_of(file)
    except InputError as error:
        return _unusable(place, *unreadable(error, file))
    shapes = content.get("shapes") if isinstance(content, dict) else None
    if not isinstance(shapes, list) or not isinstance(content.get("imagePath"), str):
        return _unusable(place, "no LabelMe file", f"{file.name} lacks shapes or imagePath")
    shown = frame_name(content["imagePath"], place.parent)
    if PurePosixPath(*shown[-1:]).stem == name[-1]:  # of an ending that nobody knows
        shown = (*shown[:-1], name[-1])
    if shown[-1:] != name[-1:]:
        told = f"{file.name} has imagePath '{content['imagePath']}'; rename the file or mend imagePath"
        return _unusable(place, "annotation of another frame", told)
    marks = tuple(_mark(shape, f"{place} shape {number}") for number, shape in enumerate(shapes))
    return sized(Sheet(str(place), shown, None, marks), content.get("imageWidth"), content.get("imageHeight"))


def _unusable(place: PurePosixPath, kind: str, detail: str) -> Sheet:
    return Sheet(str(place), name_of_own(place), None, (), (kind, detail))


def _mark(shape: Any, place: str) -> Mark:
    if not isinstance(shape, dict) or not isinstance(shape.get("label"), str):
        return Mark(place, ("",), ("malformed shape", f"{place}: expected label, points and shape_type"))
    return Mark(place, (shape["label"],), _shape(shape, place))


def _shape(shape: Mapping[str, Any], place: str) -> Shape | Problem:
    kind, points = shape.get("shape_type") or "polygon", shape.get("points")
    pairs = [numbers(point) for point in points] if isinstance(points, list) else []
    flat = [pair for pair in pairs if pair is not None and len(pair) == 2]
    if not flat or len(flat) < len(pairs):
        return "malformed shape", f"{place}: expected points of two finite numbers each"
    if kind in _OUTLINES or (kind == "rectangle" and len(flat) == 4):
        return polygons([[value for pair in flat for value in pair]], place)
    if kind not in ("rectangle", "circle", "mask"):
        return "shape without an area", f"{place} is a {kind}; draw the lesion as a polygon"
    if len(flat) != 2:
        return "malformed shape", f"{place}: a {kind} has two points, this one {len(flat)}"
    (left, top), (right, bottom) = flat
    if kind == "circle":
        radius = math.hypot(right - left, bottom - top)
        return Ellipse(left, top, radius, radius) if radius else ("shape without an area", f"{place}: radius 0")
    if kind == "mask":
        return _bitmap(shape.get("mask"), (left, top, right, bottom), place)
    return Box(min(left, right), min(top, bottom), max(left, right), max(top, bottom))


def _bitmap(mask: Any, corners: tuple[float, float, float, float], place: str) -> Bitmap | Problem:
    """Return the pixels of a PNG in base64 that covers a box, its last row and column included."""
    left, top, right, bottom = (round(value) for value in corners)
    wanted = right - left + 1, bottom - top + 1
    try:
        packed = base64.b64decode(mask, validate=True)
        with _opened(packed) as image:
            size = image.size
    except Exception as error:  # Pillow's parsers raise whatever a broken file makes them meet
        return "unreadable mask", f"{place}: {error}"
    if size != wanted:
        return "mask of another size than its box", f"{place}: {size_text(size)} in a box of {size_text(wanted)}"
    return Bitmap(left, top, size, partial(_unpacked, packed))


def _unpacked(packed: bytes) -> Filled:
    try:
        with _opened(packed) as image:
            return np.asarray(image.convert("L")) > 0
    except Exception as error:  # as above
        raise RefusedError("unreadable mask", str(error)) from None


def _opened(packed: bytes) -> Image.Image:
    return Image.open(io.BytesIO(packed), formats=("PNG",))
