"""CVAT: XML "for images 1.1", an `image` a frame with polygons, boxes, ellipses and masks.

https://docs.cvat.ai/docs/manual/advanced/xml_format/
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element

from mcdrl.base.errors import InputError
from mcdrl.base.issues import Issue
from mcdrl.imaging.annotations.annotated import Annotated, Mark, Problem, Sheet, below, frame_name
from mcdrl.imaging.annotations.parsing import numbers, polygons, run_lengths, size_of, sized, xml_of
from mcdrl.imaging.annotations.shapes import Bitmap, Box, Ellipse, RunLengths, Shape, unrolled
from mcdrl.imaging.outlines import Filled

_TAG = "tag"  # of a whole frame
_NO_AREA = ("polyline", "points", "cuboid", "skeleton")


def read_cvat(files: Sequence[Path], root: Path) -> Annotated:
    """Read CVAT files.

    Args:
        files: their paths.
        root: the site's folder.

    Raises:
        InputError: one is no such file, or is one for videos.
    """
    found = Annotated()
    for file in files:
        content, place = xml_of(file), below(file, root)
        if content.tag != "annotations":
            raise InputError(f"{file} is no CVAT file: its root is <{content.tag}>, expected <annotations>")
        if content.find("track") is not None:
            raise InputError(f"{file} is CVAT's format for videos; export it as 'CVAT for images 1.1'")
        found.declared |= {name.text.strip() for name in content.iterfind("meta//label/name") if name.text}
        for number, image in enumerate(content.findall("image")):
            _take(image, f"{place} image {image.get('id', number)}", place, found)
    return found


def _take(image: Element, told: str, place: PurePosixPath, found: Annotated) -> None:
    name = frame_name(image.get("name", ""), place.parent)
    if not image.get("name") or not name:
        found.refused.append(Issue(told, "malformed image", "expected a name"))
        return
    marks = [
        Mark(f"{told} {one.tag} {number}", (one.get("label", ""),), _shape(one, f"{told} {one.tag} {number}"))
        for number, one in enumerate(image)
        if one.tag != _TAG
    ]
    tags = sorted({one.get("label", "") for one in image.findall(_TAG)})
    found.notes += [Issue(told, "tag of a whole frame, not read", ", ".join(tags))] * bool(tags)
    found.sheets.append(sized(Sheet(told, name, None, tuple(marks)), image.get("width"), image.get("height")))


def _values(given: Mapping[str, str], *keys: str) -> list[float] | None:
    return numbers([given.get(key, "") for key in keys])


def _shape(one: Element, place: str) -> Shape | Problem:
    if one.tag in _SHAPES:
        return _SHAPES[one.tag](one.attrib, place)
    kind = "shape without an area" if one.tag in _NO_AREA else "shape of an unknown kind"
    return kind, f"{place}; draw the lesion as a polygon"


def _polygon(given: Mapping[str, str], place: str) -> Shape | Problem:
    return polygons([given.get("points", "").replace(";", ",").split(",")], place)


def _box(given: Mapping[str, str], place: str) -> Shape | Problem:
    corners, turn = _values(given, "xtl", "ytl", "xbr", "ybr"), numbers([given.get("rotation", 0)])
    if corners is None or turn is None:
        return "malformed box", f"{place}: expected xtl, ytl, xbr and ybr"
    left, top, right, bottom = corners
    if not turn[0]:
        return Box(left, top, right, bottom)
    x, y, angle = (left + right) / 2, (top + bottom) / 2, math.radians(turn[0])
    cos, sin = math.cos(angle), math.sin(angle)
    points = [(px - x, py - y) for px, py in ((left, top), (right, top), (right, bottom), (left, bottom))]
    return polygons([[value for u, v in points for value in (x + u * cos - v * sin, y + u * sin + v * cos)]], place)


def _ellipse(given: Mapping[str, str], place: str) -> Shape | Problem:
    found, turn = _values(given, "cx", "cy", "rx", "ry"), numbers([given.get("rotation", 0)])
    if found is None or turn is None or min(found[2:]) <= 0:
        return "malformed ellipse", f"{place}: expected cx, cy and positive rx and ry"
    return Ellipse(*found, *turn)


def _mask(given: Mapping[str, str], place: str) -> Shape | Problem:
    """Return the pixels of a box, whose runs go row by row."""
    corner, box = _values(given, "left", "top"), size_of(given.get("width"), given.get("height"))
    if corner is None or box is None:
        return "malformed mask", f"{place}: expected rle, left, top, width and height"
    runs = run_lengths(numbers(given.get("rle", "").split(",")), box, place)
    if isinstance(runs, tuple):
        return runs
    return Bitmap(round(corner[0]), round(corner[1]), box, partial(_rows, runs))


def _rows(runs: RunLengths) -> Filled:
    return unrolled(runs.counts).reshape(runs.size[::-1])


_SHAPES: Mapping[str, Callable[[Mapping[str, str], str], Shape | Problem]] = {
    "polygon": _polygon,
    "box": _box,
    "ellipse": _ellipse,
    "mask": _mask,
}
