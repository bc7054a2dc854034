"""What kind a file beside pictures is, by its ending and by the words in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mcdrl.base.folders import ARCHIVES, PACKED
from mcdrl.imaging.dicom import is_dicom
from mcdrl.imaging.video.files import ENDINGS
from mcdrl.sites.naming import SILENT, TABLES

COCO, LABELME, CVAT, YOLO = "COCO annotations", "LabelMe annotations", "CVAT annotations", "YOLO annotations"
VIA, QUPATH, SUPERVISELY, VOC = "VIA annotations", "QuPath annotations", "Supervisely annotations", "Pascal VOC boxes"
YOLO_BOXES = "YOLO boxes"
UNKNOWN_JSON = "json files"
VIDEOS = "videos, to be cut into frames first"
_MOST = 50  # annotation files that are opened, of one folder and ending
_HEAD = 1 << 16  # bytes of a text file or a table that are looked at
_CHUNK = 1 << 20  # bytes of another one that are looked at together
_JSON = (
    (COCO, (b'"images"', b'"annotations"', b'"categories"')),
    (LABELME, (b'"shapes"', b'"imagePath"')),
    (VIA, (b'"_via_img_metadata"',)),
    (VIA, (b'"regions"', b'"shape_attributes"')),
    (VIA, (b'"filename"', b'"regions"', b'"file_attributes"')),  # of a project in which nothing is drawn yet
    (SUPERVISELY, (b'"objects"', b'"classTitle"')),
    ("nnU-Net's description of a data set", (b'"labels"', b'"file_ending"')),
    ("outlines as of BM-BronchoLC", (b'"object_id"', b'"label_ids"')),
)  # kind, words that stand in its files, all of them
_XML = ((CVAT, (b"<annotations",)), (VOC, (b"<annotation>", b"<bndbox>")))
_GEOJSON = ((QUPATH, (b'"Feature', b'"geometry"')),)
_BY_WORDS = {".json": _JSON, ".geojson": _GEOJSON, ".xml": _XML}
_OVERLAP = max(len(word) for kinds in _BY_WORDS.values() for _, words in kinds for word in words) - 1
_VIA_COLUMN = "region_shape_attributes"
_YOLO_LINE = re.compile(r"^[ \t]*\d+([ \t]+-?\d+(\.\d+)?(e-?\d+)?){6,}[ \t]*\r?$", re.MULTILINE)  # class, three points
_SHARE = r"(?:[01]?\.\d+|[01]|\d(?:\.\d+)?e-\d+)"  # of a frame's width or height
# class, centre, width, height; four whole numbers are something else
_YOLO_BOX = re.compile(rf"^(?=[^\n]*\.)[ \t]*\d+(?:[ \t]+{_SHARE}){{4}}[ \t]*\r?$", re.MULTILINE)
_BY_ENDING = (
    ("volumes, to be exported as pictures first, a PNG a slice", (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd")),
    ("arrays, to be saved as pictures first, a PNG a frame", (".npy", ".npz", ".mat", ".h5", ".hdf5", ".parquet")),
    ("archives, to be unpacked first", (*ARCHIVES, *PACKED)),
    (VIDEOS, tuple(ENDINGS)),
    ("pictures that aren't read, to be saved as PNG first", (".gif", ".heic", ".heif", ".avif", ".jp2", ".svg")),
    ("tables", TABLES),
)


def kind_of(path: Path, opened: Counter[str]) -> str | None:
    """Return what kind a file is that is no picture by its ending; None: it says nothing of lesions.

    Args:
        path: of the file.
        opened: how many annotation files of a folder and ending were recognised; counts on.
    """
    ending = path.suffix.lower()
    if ending in SILENT:
        return None
    if not ending or ending[1:].isdecimal():
        return "DICOM without an ending, to be called .dcm first" if _begins_like_dicom(path) else None
    if ending not in (".txt", ".csv", *_BY_WORDS):
        return _by_ending(path.name) or "files of other kinds"
    place = f"{path.parent}/{ending}"
    if opened[place] >= _MOST:
        return f"further {ending[1:].upper()} files"
    if not path.is_file():  # opening a pipe would wait for ever
        return f"{ending[1:]} files"
    found = _by_words(path, _BY_WORDS[ending]) if ending in _BY_WORDS else _by_text(_head(path), ending)
    opened[place] += found is not None
    return found or _by_ending(path.name) or _unknown(path, ending)


def _unknown(path: Path, ending: str) -> str:
    if ending != ".txt":
        return f"{ending[1:]} files"
    return "text files" if _head(path).strip() else "empty text files"


def _by_ending(name: str) -> str | None:
    return next((kind for kind, endings in _BY_ENDING if name.lower().endswith(endings)), None)


def _by_text(text: str, ending: str) -> str | None:
    if ending == ".csv":
        return VIA if _VIA_COLUMN in text.partition("\n")[0] else None
    if _YOLO_LINE.search(text):
        return YOLO
    return YOLO_BOXES if _YOLO_BOX.search(text) else None


def _by_words(path: Path, kinds: Sequence[tuple[str, tuple[bytes, ...]]]) -> str | None:
    """Return the first kind whose words all stand in a file, wherever they do; None: none, or it can't be read."""
    missing = [(kind, set(words)) for kind, words in kinds]
    before = b""
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                text = before + chunk
                for kind, words in missing:
                    words -= {word for word in words if word in text}
                    if not words:
                        return kind
                before = text[-_OVERLAP:]
    except OSError:
        pass
    return None


def _head(path: Path) -> str:
    """Return the beginning of a text file; an unreadable one is empty."""
    try:
        with path.open("rb") as stream:
            return stream.read(_HEAD).decode("utf-8-sig", "replace")
    except OSError:
        return ""


def _begins_like_dicom(path: Path) -> bool:
    try:
        return path.is_file() and is_dicom(path)
    except OSError:
        return False
