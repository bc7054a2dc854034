"""DICOM files, such as VL Endoscopic Images: decoded by pydicom, with the values that are stored.

Palettes are applied and inverted grey is turned; a window (VOI LUT) or a rescale, as a viewer may apply, is not. Frames
of 9 to 15 bits are brought to 16; masks keep their values, which are ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from mcdrl.base.errors import InputError
from mcdrl.base.issues import RefusedError

_MARK_AT, _MARK = 128, b"DICM"
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00")  # that a file without preamble begins with, in little endian
_TYPES = frozenset(b"AE AS AT CS DA DT LO LT OB OW PN SH SQ ST TM UI UL UN US UT".split())
_LONGEST = 1 << 12  # bytes of a file's first element, where its type isn't told
_INVERTED, _INDEXED = "MONOCHROME1", "PALETTE COLOR"
_MASKS = "SEG"  # the modality of Segmentations
_DEEP = 16  # bits a channel that a picture of more than 8 is brought to
Array = np.ndarray[Any, np.dtype[Any]]
What = Literal["frame", "mask"]  # what a picture is


def is_dicom(path: Path) -> bool:
    """Return whether a file begins as DICOM files do, whatever its ending says; old ones have no preamble."""
    start = _start(path)
    return start[_MARK_AT:] == _MARK or _begins_at_once(start)


def _start(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_MARK_AT + len(_MARK))


def _begins_at_once(start: bytes) -> bool:
    """Return whether bytes are a DICOM element of a first group: its group and number, its type if told, its length."""
    if start[:2] not in _FIRST_GROUPS or len(start) < _MARK_AT:
        return False
    length = int.from_bytes(start[4:8], "little")
    return start[4:6] in _TYPES or (length < _LONGEST and length % 2 == 0 and start[3] == 0)


def read_dicom(path: Path, what: What) -> tuple[Image.Image, int]:
    """Decode a file with one picture.

    Args:
        path: of the file.
        what: it is; grey of a mask isn't scaled.

    Returns:
        Colours as RGB of 8 bits, grey as "L", or as "I" with values 0..65535 where it has more than 8 bits; and how
        many bits a channel the file has, 8 where it has a palette.

    Raises:
        RefusedError: it has no pixels, several pictures, values below 0, or pixels packed in a way that nobody here can
            unpack.
        InputError: pydicom isn't installed.
    """
    content = _content(path)
    if "PixelData" not in content:
        raise without_pixels(path)
    pictures = _pictures(content)
    if pictures > 1:
        told = f"{path.name} holds {pictures}; `mcdrl predict` takes it as a video, elsewhere store each by itself"
        raise RefusedError(f"several pictures in one {what}", told)
    with unpacking(path, content):
        from pydicom.pixels.utils import pixel_array

        pixels: Array = pixel_array(content)
    bits = 8 if content.PhotometricInterpretation == _INDEXED else int(content.BitsStored)
    return shown(pixels, content, path, scaled=what == "frame"), bits


def head(path: Path) -> Any:
    """Return what a file says of its pictures, without them.

    Raises:
        InputError: pydicom isn't installed.
    """
    return _content(path, stop_before_pixels=True)


def whole(path: Path) -> Any:
    """Return all that a file holds.

    Raises:
        InputError: pydicom isn't installed.
    """
    return _content(path)


def kind_of(path: Path) -> str | None:
    """Return the UID of what a file says it is; None: it doesn't.

    Raises:
        Exception: whatever a broken file raises, or pydicom isn't installed.
    """
    from pydicom.filereader import read_file_meta_info

    marked = _start(path)[_MARK_AT:] == _MARK
    told = read_file_meta_info(path).get("MediaStorageSOPClassUID") if marked else head(path).get("SOPClassUID")
    return None if told is None else str(told)


def pictures_in(path: Path) -> int:
    """Return how many pictures a file holds; 0: masks alone, or nobody here can tell."""
    try:
        content = head(path)
        return 0 if content.get("Modality") == _MASKS else _pictures(content)
    except Exception:  # whatever a broken file raises: reading it says what is wrong
        return 0


def each_of(path: Path) -> Iterator[Array]:
    """Yield the stored pixels of each picture, [H, W] or [H, W, 3], one in memory at a time.

    Raises:
        RefusedError: the pixels are missing, or packed in a way that nobody here can unpack.
    """
    from pydicom.pixels.utils import iter_pixels

    content = head(path)
    with unpacking(path, content):
        yield from iter_pixels(path if content.preamble else _content(path))


@contextmanager
def unpacking(path: Path, content: Any) -> Iterator[None]:
    """Turn what pydicom raises on pixels that it can't unpack into a `RefusedError`."""
    try:
        yield
    except (NotImplementedError, RuntimeError, AttributeError, ValueError) as error:
        if isinstance(error, ValueError) and "is not a transfer syntax" not in str(error):
            raise
        if "no pixel data" in str(error):
            raise without_pixels(path) from None
        syntax = content.file_meta.get("TransferSyntaxUID")
        told = f"{path.name}, transfer syntax {syntax.name if syntax else 'not given'}: {error}"
        raise RefusedError("DICOM that can't be unpacked", " ".join(told.split())) from None


def shown(pixels: Array, content: Any, path: Path, *, scaled: bool = True) -> Image.Image:
    """Return the stored pixels of one picture, [H, W] or [H, W, 3], as `read_dicom` does of a frame.

    Args:
        pixels: as they are stored.
        content: of the file.
        path: of the file.
        scaled: whether grey of 9 to 15 bits is brought to 16.

    Raises:
        RefusedError: they have values below 0.
    """
    if pixels.min() < 0:
        raise RefusedError("DICOM with values below 0", f"{path.name}: {pixels.min()}; export it with values from 0 on")
    if content.PhotometricInterpretation == _INDEXED:
        from pydicom.pixels.processing import apply_color_lut

        pixels = apply_color_lut(pixels, content)
    return _picture(pixels, content, scaled)


def is_dim(pixels: Array, content: Any) -> bool:
    """Return whether the stored pixels of one picture are deep and stay in the lower half of their range.

    Grey of values up to 255 is 8-bit data, whatever the file says.
    """
    bits = int(content.BitsStored)
    if content.PhotometricInterpretation == _INDEXED or not 8 < bits <= _DEEP:
        return False
    top = (1 << bits) - 1 - int(pixels.min()) if content.PhotometricInterpretation == _INVERTED else int(pixels.max())
    return top < 1 << (bits - 1) and (pixels.ndim == 3 or top << (_DEEP - bits) > 0xFF)


def _content(path: Path, **how: Any) -> Any:
    try:
        from pydicom import dcmread
        from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
    except ImportError:
        told = "pip install 'mcdrl[dicom]', in a clone pip install -e '.[dicom]'"
        raise InputError(f"{path} is a DICOM file, and pydicom isn't installed: {told}") from None
    content = dcmread(path, force=True, **how)
    if "TransferSyntaxUID" not in content.file_meta and not content.preamble:
        content.file_meta.TransferSyntaxUID = (
            ImplicitVRLittleEndian if content.is_implicit_VR else ExplicitVRLittleEndian
        )
    return content


def _pictures(content: Any) -> int:
    return int(content.get("NumberOfFrames") or 1)


def without_pixels(path: Path) -> RefusedError:
    """Return what is wrong with a file that has no pixels: pydicom leaves out an element that breaks off, too."""
    return RefusedError("DICOM without pixels", f"{path.name} holds no picture, or breaks off; export or copy it again")


def _picture(pixels: Array, content: Any, scaled: bool) -> Image.Image:
    """Return pixels [H, W] or [H, W, 3] as a picture, bright where the object is bright."""
    bits = 8 * pixels.dtype.itemsize if content.PhotometricInterpretation == _INDEXED else int(content.BitsStored)
    if content.PhotometricInterpretation == _INVERTED:
        pixels = (1 << bits) - 1 - pixels
    if bits <= 8:
        return Image.fromarray(pixels.astype(np.uint8))
    grey = pixels.ndim == 2
    deep = pixels.astype(np.int32) << (max(_DEEP - bits, 0) if scaled or not grey else 0)
    return Image.fromarray(deep if grey else (deep >> 8).clip(0, 255).astype(np.uint8))
