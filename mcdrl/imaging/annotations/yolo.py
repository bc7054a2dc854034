"""YOLO segmentation: a text file a frame, a line a lesion: the number of its class, then x y x y ... as shares.

https://docs.ultralytics.com/datasets/segment/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from mcdrl.base.errors import InputError
from mcdrl.base.strict_yaml import read_yaml
from mcdrl.imaging.annotations.annotated import Annotated, Mark, Problem, Sheet, below, name_of_own
from mcdrl.imaging.annotations.parsing import polygons, text_of, unreadable
from mcdrl.imaging.annotations.shapes import Polygons, Shares

TABLE, LIST = "data.yaml", "classes.txt"  # what names the classes; exporters write one of them


def read_yolo(files: Sequence[Path], root: Path) -> Annotated:
    """Read YOLO files, each of which belongs to the frame that is called like it; a bad one costs its frame alone.

    The names of classes are those of the nearest `data.yaml` or `classes.txt` beside a file or above it, as far as the
    root; without one, labels are numbers.

    Args:
        files: their paths; a `classes.txt` among them is none of a frame.
        root: the site's folder.

    Raises:
        InputError: the names of classes can't be read.
    """
    own = [file for file in files if file.name != LIST]
    names = {folder: _names(folder, root) for folder in {file.parent for file in own}}
    declared = {name for known in names.values() for name in known.values()}
    return Annotated([_sheet(file, below(file, root), names[file.parent]) for file in own], declared)


def _sheet(file: Path, place: PurePosixPath, names: Mapping[str, str]) -> Sheet:
    frame = name_of_own(place)
    try:
        lines = enumerate(text_of(file).splitlines(), 1)
    except InputError as error:
        return Sheet(str(place), frame, None, (), unreadable(error, file))
    marks = tuple(_mark(line, f"{place} line {number}", names) for number, line in lines if line.strip())
    return Sheet(str(place), frame, None, marks)


def _names(folder: Path, root: Path) -> Mapping[str, str]:
    """Return number -> name of the classes that are known in a folder."""
    for place in (folder, *folder.parents):
        for name in (TABLE, LIST):
            if (place / name).is_file():
                return _table(place / name) if name == TABLE else _listed(place / name)
        if place == root:
            break
    return {}


def _table(path: Path) -> Mapping[str, str]:
    content = read_yaml(path)
    names = content.get("names") if isinstance(content, dict) else None
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict):
        raise InputError(f"{path} has no 'names' of classes; expected a list, or number: name")
    return {str(number): str(name) for number, name in names.items()}


def _listed(path: Path) -> Mapping[str, str]:
    return {str(number): name.strip() for number, name in enumerate(text_of(path).splitlines()) if name.strip()}


def _mark(line: str, place: str, names: Mapping[str, str]) -> Mark:
    number, *values = line.split()
    labels = (names[number], number) if number in names else (number,)
    return Mark(place, labels, _shape(values, place))


def _shape(values: Sequence[str], place: str) -> Shares | Problem:
    if len(values) == 4:
        return "box without an outline", f"{place} has a box alone; export polygons"
    found = polygons([values], place)
    return Shares(found) if isinstance(found, Polygons) else found
