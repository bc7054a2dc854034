"""COCO: a JSON file of `images`, `annotations` and `categories`; instances as polygons or run lengths (RLE).

https://cocodataset.org/#format-data
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from mcdrl.base.errors import InputError
from mcdrl.base.issues import Issue
from mcdrl.imaging.annotations.annotated import Annotated, Mark, Problem, Sheet, below, frame_name
from mcdrl.imaging.annotations.parsing import json_of, polygons, run_lengths, size_of, sized, whole
from mcdrl.imaging.annotations.shapes import Shape
from mcdrl.imaging.outlines import Size
from mcdrl.imaging.picture import size_text

_LISTS = ("images", "annotations", "categories")
_CROWD = "crowd regions (iscrowd), read like any other annotation"
_Id = int | str


def read_coco(files: Sequence[Path], root: Path) -> Annotated:
    """Read COCO files.

    Args:
        files: their paths.
        root: the site's folder.

    Raises:
        InputError: one is no such file, its categories share an id, or an annotation is of an image or a category that
            it doesn't list.
    """
    found = Annotated()
    for file in files:
        _read(json_of(file), file, below(file, root), found)
    return found


def counts_of(text: str) -> list[int] | None:
    """Return the run lengths that a compressed RLE stands for; None: it is none.

    Each number is in groups of five bits, the lowest first, a group a letter from "0" on, with a sixth bit where more
    follow and the sign in the last; from the fourth on it is the difference to the last but one. pycocotools reads
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
    names = _categories(categories, file)
    sheets = list(_sheets(images, place, found))
    marks: dict[_Id, list[Mark]] = {key: [] for key, _ in sheets}
    sizes = {key: sheet.size for key, sheet in sheets}
    for number, one in enumerate(annotations):
        told = f"annotation {one.get('id', f'number {number}')}"
        image = _listed(one, "image_id", sizes, "images", f"{file} {told}")
        category = _listed(one, "category_id", names, "categories", f"{file} {told}")
        shape = _shape(one, sizes[image], f"{place} {told}")
        marks[image].append(Mark(f"{place} {told}", names[category], shape))
    crowds = sum(bool(one.get("iscrowd")) for one in annotations)
    found.notes += [Issue(str(place), _CROWD, f"{crowds} of {len(annotations)}")] * (crowds > 0)
    found.declared |= {labels[0] for labels in names.values()}
    found.sheets += [replace(sheet, marks=() if sheet.problem else tuple(marks[key])) for key, sheet in sheets]


def _list(content: Any, key: str, file: Path) -> list[Mapping[str, Any]]:
    entries = content.get(key) if isinstance(content, dict) else None
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise InputError(f"{file} is no COCO instances file: '{key}' is no list; expected {', '.join(_LISTS)}")
    return entries


def _sheets(images: Sequence[Mapping[str, Any]], place: PurePosixPath, found: Annotated) -> Iterator[tuple[_Id, Sheet]]:
    """Yield a sheet an image; nobody can tell which images annotations are of whose id is that of several."""
    counts = Counter(_id(image.get("id")) for image in images)
    for number, image in enumerate(images):
        key, name = _id(image.get("id")), image.get("file_name")
        told = f"{place} image {image.get('id', f'number {number}')}"
        if key is None or not isinstance(name, str) or not frame_name(name):
            found.refused.append(Issue(told, "malformed image", "expected id and file_name"))
            continue
        twice = "image id used twice", f"{told} is one of {counts[key]} with this id; give each image its own"
        sheet = sized(Sheet(told, frame_name(name, place.parent), None, ()), image.get("width"), image.get("height"))
        yield key, replace(sheet, problem=twice) if counts[key] > 1 else sheet


def _categories(categories: Sequence[Mapping[str, Any]], file: Path) -> Mapping[_Id, tuple[str, ...]]:
    """Return id -> what a category is called: its name, then its id."""
    found: dict[_Id, tuple[str, ...]] = {}
    for one in categories:
        key, name = _id(one.get("id")), one.get("name")
        if key is None:
            raise InputError(f"{file}: a category has the id {one.get('id')!r}; expected a whole number or a text")
        if str(key) in map(str, found):
            raise InputError(f"{file}: two categories have the id {key!r}; give each its own and export again")
        found[key] = (str(key),) if name is None else (str(name), str(key))
    return found


def _listed(annotation: Mapping[str, Any], key: str, known: Collection[_Id], where: str, told: str) -> _Id:
    found = _id(annotation.get(key))
    if found is None or found not in known:
        raise InputError(
            f"{told} has {key} {annotation.get(key)!r}, which none of the file's {where} has as its id (a text such as "
            f"'3' is not the number 3); mend the ids or export the file again, as its lesions may belong anywhere"
        )
    return found


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


def _id(value: Any) -> _Id | None:
    """Return an id as it is written, or None where it is none."""
    return value if isinstance(value, str) else whole(value)
