"""What lies in a folder that no card fits: pictures by folder, annotations by their keys, and what isn't read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mcdrl.base.folders import walked
from mcdrl.sites.naming import is_image, like_masks

_SNIFFED = 1 << 16  # bytes of a text file's beginning, and as many of its end, in which keys are looked for
_MOST = 50  # annotation files that are opened
_SHOWN = 8  # folders that are named
_JSON = {
    "COCO annotations": ('"images"', '"annotations"', '"categories"'),
    "LabelMe annotations": ('"shapes"', '"imagePath"'),
    "VIA annotations": ('"_via_img_metadata"',),
    "nnU-Net's description of a data set": ('"labels"', '"file_ending"'),
    "outlines as of BM-BronchoLC": ('"object_id"', '"label_ids"'),
}  # kind -> keys that it has, all of them
_XML = {"CVAT annotations": ("<annotations",), "Pascal VOC boxes": ("<annotation>", "<bndbox>")}
_YOLO = "YOLO annotations"
_YOLO_LINE = re.compile(r"\s*\d+(\s+-?\d+(\.\d+)?(e-?\d+)?){6,}\s*$", re.MULTILINE)  # a class and three points
_KINDS = {
    "archives, to be unpacked first": (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar"),
    "videos, to be cut into frames first": (".mp4", ".avi", ".mov", ".mkv", ".mpg", ".mpeg", ".wmv"),
    "tables": (".csv", ".tsv", ".xls", ".xlsx"),
}


@dataclass
class Survey:
    """What lies below a folder.

    Attributes:
        pictures: folder below the root -> the names of its pictures, sorted.
        others: kind -> the files of it, below the root, sorted.
        backslashes: names with a backslash, as archives made on Windows leave them.
    """

    pictures: dict[PurePosixPath, list[str]] = field(default_factory=dict)
    others: dict[str, list[str]] = field(default_factory=dict)
    backslashes: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return a line for each kind of thing that was found."""
        shown = [_line(folder, names) for folder, names in sorted(self.pictures.items())]
        more = [f"and pictures in {len(shown) - _SHOWN} more folders"] if len(shown) > _SHOWN else []
        kinds = [f"{len(files)} x {kind}: {_few(files)}" for kind, files in sorted(self.others.items())]
        odd = [f"{len(self.backslashes)} names with a backslash, unpack them anew: {_few(self.backslashes)}"]
        return [*shown[:_SHOWN], *more, *kinds, *odd * bool(self.backslashes)]


def survey(root: Path) -> Survey:
    """Look at all that lies below a folder, hidden names aside.

    Raises:
        InputError: a folder can't be read.
    """
    found, opened = Survey(), Counter[str]()
    for folder, names in walked(root):
        below = PurePosixPath(folder.relative_to(root).as_posix())
        found.backslashes += [name for name in names if "\\" in name]
        pictures = [name for name in names if is_image(Path(name))]
        if pictures:
            found.pictures[below] = pictures
        for name in names:
            kind = _kind(folder / name, opened)
            if kind is not None:
                found.others.setdefault(kind, []).append((below / name).as_posix())
    return found


def _kind(path: Path, opened: Counter[str]) -> str | None:
    ending = path.suffix.lower()
    for kind, endings in _KINDS.items():
        if ending in endings:
            return kind
    if ending == ".txt" and path.is_file() and opened[ending] < _MOST:
        opened[ending] += 1
        return _YOLO if _YOLO_LINE.match(_ends(path)) else None
    keys: Mapping[str, tuple[str, ...]] = {".json": _JSON, ".xml": _XML}.get(ending, {})
    if not keys or not path.is_file() or opened[ending] >= _MOST:
        return f"further {ending[1:].upper()} files" if keys else None
    opened[ending] += 1
    text = _ends(path)
    return next((kind for kind, words in keys.items() if all(word in text for word in words)), f"{ending[1:]} files")


def _ends(path: Path) -> str:
    """Return the beginning and the end of a text file; an unreadable one is empty."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_SNIFFED)
            stream.seek(max(len(head), path.stat().st_size - _SNIFFED))
            return (head + stream.read(_SNIFFED)).decode("utf-8", "replace")
    except OSError:
        return ""


def _line(folder: PurePosixPath, names: list[str]) -> str:
    endings = Counter(Path(name).suffix.lower() for name in names)
    kinds = ", ".join(f"{count} {ending}" for ending, count in sorted(endings.items()))
    what = "masks, by the folder's name" if like_masks(folder) else "pictures"
    return f"{folder.as_posix()}/: {len(names)} {what} ({kinds}), such as {names[0]}"


def _few(files: list[str]) -> str:
    return ", ".join(files[:2]) + (", ..." if len(files) > 2 else "")
