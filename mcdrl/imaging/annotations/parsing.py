"""Numbers, JSON and XML of annotation files, which anybody may have written."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from mcdrl.base.errors import InputError
from mcdrl.base.files import regular
from mcdrl.imaging.annotations.annotated import Problem, Sheet
from mcdrl.imaging.annotations.shapes import Point, Polygons, RunLengths
from mcdrl.imaging.outlines import Size
from mcdrl.imaging.picture import size_text

MOST_BYTES = 1 << 30  # of a file; the largest public one, COCO's own, has half of it
_MOST_PX = 1 << 28  # of run lengths; larger frames aren't read either


def bytes_of(path: Path) -> bytes:
    """Return a file's contents.

    Raises:
        InputError: it is too large, or no regular file.
    """
    size = regular(path).stat().st_size
    if size > MOST_BYTES:
        raise InputError(f"{path} has {size:,} bytes, more than {MOST_BYTES:,}; split it into several files")
    return path.read_bytes()


def text_of(path: Path) -> str:
    """Return a text file's contents.

    Raises:
        InputError: it is no UTF-8, or as `bytes_of`.
    """
    try:
        return bytes_of(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no UTF-8 text ({error.reason} at byte {error.start})") from None


def json_of(path: Path) -> Any:
    """Return what a JSON file says.

    Raises:
        InputError: it is no JSON, too deep, or as `text_of`.
    """
    try:
        return json.loads(text_of(path))
    except RecursionError:
        raise InputError(f"{path} nests too deeply; it is no annotation file") from None
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON: {error}") from None


def xml_of(path: Path) -> Element:
    """Return the root of an XML file.

    Raises:
        InputError: it is no XML, has a document type of its own (entities can fill the memory), or as `bytes_of`.
    """
    try:
        root: Element = fromstring(bytes_of(path), forbid_dtd=True)
    except DefusedXmlException:
        raise InputError(f"{path} declares a document type or entities, which annotation tools don't") from None
    except (ParseError, LookupError, ValueError) as error:  # the last two: of an encoding that nobody knows
        raise InputError(f"{path} is not valid XML: {error}") from None
    return root


def unreadable(error: InputError, file: Path) -> Problem:
    """Return why the frame of a file that can't be read can't be used."""
    return "unreadable annotation", str(error).replace(str(file), file.name)


def whole(value: Any) -> int | None:
    """Return a number without fraction, or None."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def numbers(values: Any) -> list[float] | None:
    """Return a list of finite numbers, or of texts that say such, or None."""
    if not isinstance(values, list | tuple):
        return None
    try:
        found = [float(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        return None
    return found if all(map(math.isfinite, found)) else None


def size_of(width: Any, height: Any) -> Size | None:
    """Return a width and height, or None where they aren't two positive whole numbers or texts that say such."""
    pair = _extent(width), _extent(height)
    return (pair[0], pair[1]) if pair[0] and pair[1] else None


def sized(sheet: Sheet, width: Any, height: Any) -> Sheet:
    """Return a sheet with the size of its frame as its file gives it, or with the problem that it is none.

    A width or height that is left out, empty or 0 is one that the file doesn't say.
    """
    if _extent(width) is None or _extent(height) is None:
        told = f"{sheet.place}: {width!r:.40} x {height!r:.40}; expected width and height of the frame in whole pixels"
        return replace(sheet, problem=("malformed size", told))
    return replace(sheet, size=size_of(width, height))


def _extent(value: Any) -> int | None:
    """Return a width or height in pixels, 0 where nobody says it, or None."""
    text = isinstance(value, str)
    if value is None or (text and not value.strip()):
        return 0
    found = numbers([value]) if text else None
    number = whole(found[0] if found else value)
    return number if number is not None and number >= 0 else None


def polygons(rings: Sequence[Any], place: str) -> Polygons | Problem:
    """Return polygons given as flat lists x, y, x, y, ..., or why they are none."""
    found: list[tuple[Point, ...]] = []
    for ring in rings:
        values = numbers(ring)
        if values is None or len(values) % 2:
            return "malformed polygon", f"{place}: expected finite numbers x, y, x, y, ..."
        points = tuple(zip(values[::2], values[1::2], strict=True))
        if len(set(points)) < 3:
            return "polygon with under three points", place
        found.append(points)
    return Polygons(tuple(found)) if found else ("lesion without an outline", f"{place} has no polygon")


def run_lengths(counts: Any, size: Size, place: str) -> RunLengths | Problem:
    """Return run lengths as a list of counts, or why they are none."""
    found = [whole(count) for count in counts] if isinstance(counts, list) else []
    runs = tuple(count for count in found if count is not None and 0 <= count <= _MOST_PX)
    if not runs or len(runs) < len(found):
        return "malformed RLE", f"{place}: expected counts of pixels"
    if sum(runs) != size[0] * size[1]:
        told = f"its runs make {sum(runs)} pixels, {size_text(size)} has {size[0] * size[1]}"
        return "RLE of another size", f"{place}: {told}"
    return RunLengths(runs, size)
