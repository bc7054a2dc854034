"""Tables and annotations beside frames and masks, which a card passes over, with what would have them read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from mcdrl.base.folders import is_hidden, names_in
from mcdrl.commands.sites.annotated import READ, pattern_of
from mcdrl.commands.sites.kinds import VIA, YOLO_BOXES, kind_of

_SHEETS = (".ods", ".xls", ".xlsb", ".xlsm", ".xlsx")  # of programs that can save a table as CSV
_ANNOTATIONS = (".csv", ".json", ".txt", ".xml")  # endings of what annotation tools write


def unread(root: Path, values: Mapping[str, Any]) -> list[str]:
    """Return a line for each table, and for each kind of annotations, that lies beside frames and masks.

    Annotations are looked for in the folder itself and in those in it.

    Args:
        root: the folder.
        values: keys of the site that were given.

    Raises:
        InputError: a folder can't be read.
    """
    found = _annotations(root)
    taken = {one.as_posix() for files in found.values() for one in files}
    tables = [] if "table" in values else [line for name, line in _tables(root) if name not in taken]
    return tables + [_told(kind, files) for kind, files in found.items()]


def _tables(root: Path) -> list[tuple[str, str]]:
    """Return the name of each table beside the frames' folder, and a line that says what would have it read."""
    tables = [Path(name) for name in names_in(root) if not name.startswith((".", "~$"))]  # Excel locks with a ~$
    how = {one: one if one.suffix.lower() == ".csv" else one.with_suffix(".csv") for one in tables}
    saved = {one: "" if one == how[one] else "save it as CSV UTF-8, then " for one in tables}
    keys = "table_file, table_group, table_class, table_rows say how"
    return [
        (one.name, f"{one} isn't read: {saved[one]}table={how[one]}, {keys}")
        for one in tables
        if one.suffix.lower() in (".csv", *_SHEETS) and (root / one).is_file()
    ]


def _annotations(root: Path) -> dict[str, list[PurePosixPath]]:
    """Return kind -> the files of it in a folder and in those in it, as far as `kind_of` opens them."""
    found, opened = dict[str, list[PurePosixPath]](), Counter[str]()
    folders = ["", *(name for name in names_in(root) if not is_hidden(name) and (root / name).is_dir())]
    for place in (PurePosixPath(folder, name) for folder in folders for name in names_in(root / folder)):
        if place.suffix.lower() not in _ANNOTATIONS or is_hidden(place.name) or not (root / place).is_file():
            continue
        kind = kind_of(root / place, opened)
        if kind is not None and kind in (VIA, *READ):
            found.setdefault(kind, []).append(place)
    return found


def _told(kind: str, files: Sequence[PurePosixPath]) -> str:
    """Return that annotations aren't read, and what would read them in the place of masks."""
    several = len(files) > 1
    which = f"{files[0]}{', ...' * several} ({kind}) {'are' if several else 'is'}n't read"
    if kind == YOLO_BOXES:
        return f"{which}: a box has no outline, so the masks count"
    if kind == VIA:
        return (
            f"{which}: in VIA, export as COCO; annotations=FILE, annotation_format=coco read that in the masks' place"
        )
    how = f"annotations={pattern_of(files)}, annotation_format={READ[kind]}"
    return f"{which}: {how} {'may read them' if several else 'read it'} in the masks' place"
