"""COCO: a JSON file of `images`, `annotations` and `categories`; instances as polygons or run lengths (RLE).

https://cocodataset.org/#format-data
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from mcdrl.base.errors import InputError
from mcdrl.base.issues import Issue
from mcdrl.imaging.annotations.annotated import Annotated, Mark, Problem, Sheet, below, frame_name
from mcdrl.imaging.annotations.parsing import json_of, polygons, run_lengths, size_of
from mcdrl.imaging.annotations.shapes import Shape
from mcdrl.imaging.outlines import Size
from mcdrl.imaging.picture import size_text

_LISTS = ("images", "annotations", "categories")
_CROWD = "crowd regions (iscrowd), read like any other annotation"


def read_coco(files: Sequence[Path], root: Path) -> Annotated:
    """Read COCO files.

    Args:
        files: their paths.
        root: the site's folder.

    Raises:
        InputError: one is no such file.
    """
    found = Annotated()
    for file in files:
        _read(json_of(file), file, below(file, root), found)
    return found


def counts_of(text: str) -> list[int] | None:
    """Return the run lengths that a compressed RLE stands for; None: it is none.

    Each number is in groups of five bits, the lowest first, a group a letter from "0" on, with a sixth bit where more
    follow and the sign in the last; from the third on it is the difference to the last but one. pycocotools reads
    the same, but beyond the end of a text that is damaged.
    """
    counts: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift > 40:
            return None
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        value -= (1 << shift) if bits & 0x10 else 0
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    return counts if shift == 0 else None


def _read(content: Any, file: Path, place: PurePosixPath, found: Annotated) -> None:
    images, annotations, categories = (_list(content, key, file) for key in _LISTS)
    names = {one.get("id"): one.get("name") for one in categories if _hashable(one.get("id"))}
    sheets = dict(_sheets(images, place, found))
    marks: dict[Any, list[Mark]] = {key: [] for key in sheets}
    crowds = 0
    for number, one in enumerate(annotations):
        told, image = f"{place} annotation {one.get('id', f'number {number}')}", one.get("image_id")
        if not _hashable(image) or image not in sheets:
            found.refused.append(Issue(told, "annotation of an image that the file doesn't list", f"image_id {image}"))
            continue
        marks[image].append(Mark(told, _labels(one.get("category_id"), names), _shape(one, sheets[image].size, told)))
        crowds += bool(one.get("iscrowd"))
    found.notes += [Issue(str(place), _CROWD, f"{crowds} of {len(annotations)}")] * (crowds > 0)
    found.sheets += [replace(sheet, marks=tuple(marks[key])) for key, sheet in sheets.items()]


def _list(content: Any, key: str, file: Path) -> list[Mapping[str, Any]]:
    entries = content.get(key) if isinstance(content, dict) else None
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise InputError(f"{file} is no COCO instances file: '{key}' is no list; expected {', '.join(_LISTS)}")
    return entries


def _sheets(images: Sequence[Mapping[str, Any]], place: PurePosixPath, found: Annotated) -> Iterator[tuple[Any, Sheet]]:
    seen: set[Any] = set()
    for number, image in enumerate(images):
        key, name = image.get("id"), image.get("file_name")
        told = f"{place} image {image.get('id', f'number {number}')}"
        if not _hashable(key) or not isinstance(name, str) or not frame_name(name):
            found.refused.append(Issue(told, "malformed image", "expected id and file_name"))
        elif key in seen:
            found.refused.append(Issue(told, "image id used twice", name))
        else:
            seen.add(key)
            yield key, Sheet(told, frame_name(name, place.parent), size_of(image.get("width"), image.get("height")), ())


def _labels(category: Any, names: Mapping[Any, Any]) -> tuple[str, ...]:
    name = names.get(category) if _hashable(category) else None
    return (str(category),) if name is None else (str(name), str(category))


def _shape(annotation: Mapping[str, Any], size: Size | None, place: str) -> Shape | Problem:
    drawn = annotation.get("segmentation")
    if isinstance(drawn, dict):
        return _runs(drawn, size, place)
    if isinstance(drawn, list) and drawn:
        return polygons(drawn, place)
    return "box without an outline" if annotation.get("bbox") else "lesion without an outline", (
        f"{place} has no segmentation; export polygons or masks"
    )


def _runs(drawn: Mapping[str, Any], size: Size | None, place: str) -> Shape | Problem:
    given = drawn.get("size")
    own = size_of(given[1], given[0]) if isinstance(given, list) and len(given) == 2 else None
    if own is None:
        return "malformed RLE", f"{place}: expected size [height, width] and counts"
    if size not in (None, own):
        return "RLE of another size", f"{place}: RLE {size_text(own)}, its image {size_text(size or own)}"
    counts = drawn.get("counts")
    return run_lengths(counts_of(counts) if isinstance(counts, str) else counts, own, place)


def _hashable(key: Any) -> bool:
    return isinstance(key, int | float | str)
