"""Which files are videos, and how one is opened."""

from __future__ import annotations

from pathlib import Path, PurePath

from mcdrl.imaging.dicom import is_dicom, pictures_in
from mcdrl.imaging.picture import ENDINGS as PICTURES
from mcdrl.imaging.picture import OTHER_ENDINGS, is_picture
from mcdrl.imaging.video.container import Container
from mcdrl.imaging.video.dicom import open_dicom
from mcdrl.imaging.video.frames import Video

ENDINGS = frozenset(
    (".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv",
     ".vob", ".webm", ".wmv")
)  # fmt: skip
_KNOWN = frozenset((*ENDINGS, *PICTURES, *OTHER_ENDINGS))
_HEAD = 200  # bytes that tell the format
_QUICKTIME = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")  # at 4: MP4, MOV and their kin
_STILLS = (b"avif", b"heic", b"heix", b"mif1")  # at 8: pictures of the same family
_STARTS = (
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"0&\xb2u\x8ef\xcf\x11",  # ASF, WMV
    b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3",  # MPEG
    b"FLV", b"OggS",
)  # fmt: skip
_SYNC, _PACKET = 0x47, 188  # of transport streams; Blu-ray's have four bytes in front of a packet


def is_video(path: Path) -> bool:
    """Return whether a file is a video by its content, or by its ending where its content is no picture."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError:  # reading it says what is wrong
        return False
    if _begins_like_one(head):
        return True
    if is_dicom(path):
        return pictures_in(path) > 1
    return path.suffix.lower() in ENDINGS and not is_picture(path)


def without_ending(path: PurePath) -> str:
    """Return a path without the ending of a picture or a video.

    Any other part behind a dot is the name's: files that are called by a DICOM UID, such as 1.2.840.5, have no ending.
    """
    return str(path.with_suffix("") if path.suffix.lower() in _KNOWN else path)


def said_of(path: Path) -> str:
    """Return what a file is that `is_video` takes for one: a DICOM file is no video by itself, but holds pictures."""
    return f"holds {pictures_in(path)} pictures" if is_dicom(path) else "is a video"


def open_video(path: Path) -> Video:
    """Open a file that `is_video` takes for one.

    Raises:
        RefusedError: it holds no frame that can be read.
        InputError: the library that reads it isn't installed, or the system can't read it.
    """
    return open_dicom(path) if is_dicom(path) else Container(lambda: path.open("rb"), path.name)


def _begins_like_one(head: bytes) -> bool:
    if head[4:8] in _QUICKTIME:
        return head[8:12] not in _STILLS
    if head.startswith(b"RIFF"):
        return head[8:11] == b"AVI"
    synced = any(head[at : at + 1] == head[at + _PACKET : at + _PACKET + 1] == bytes((_SYNC,)) for at in (0, 4))
    return synced or head.startswith(_STARTS)
