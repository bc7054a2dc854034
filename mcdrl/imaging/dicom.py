"""DICOM files with one picture, such as VL Endoscopic Images: decoded by pydicom, with the values that are stored.

Palettes are applied and inverted grey is turned; a window (VOI LUT) or a rescale, as a viewer may apply, is not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mcdrl.base.errors import InputError
from mcdrl.base.issues import RefusedError

_MARK_AT, _MARK = 128, b"DICM"
_INVERTED, _INDEXED = "MONOCHROME1", "PALETTE COLOR"
_DEEP = 16  # bits a channel that a picture of more than 8 is brought to
Array = np.ndarray[Any, np.dtype[Any]]


def is_dicom(path: Path) -> bool:
    """Return whether a file begins as DICOM files do, whatever its ending says."""
    with path.open("rb") as stream:
        return stream.read(_MARK_AT + len(_MARK))[_MARK_AT:] == _MARK


def read_dicom(path: Path, what: str) -> Image.Image:
    """Decode a file with one picture.

    Args:
        path: of the file.
        what: it is, for the message: frame or mask.

    Returns:
        Colours as RGB of 8 bits, grey as "L", or as "I" with values 0..65535 where it has more than 8 bits.

    Raises:
        RefusedError: it has no pixels, several pictures, values below 0, or pixels packed in a way that nobody here can
            unpack.
        InputError: pydicom isn't installed.
    """
    try:
        from pydicom import dcmread
    except ImportError:
        told = "pip install 'mcdrl[dicom]', in a clone pip install -e '.[dicom]'"
        raise InputError(f"{path} is a DICOM file, and pydicom isn't installed: {told}") from None
    content = dcmread(path)
    if "PixelData" not in content:
        raise RefusedError("DICOM without pixels", f"{path.name} holds no picture")
    pictures = int(content.get("NumberOfFrames") or 1)
    if pictures > 1:
        raise RefusedError(f"several pictures in one {what}", f"{path.name} holds {pictures}")
    pixels = _pixels(content, path)
    if pixels.min() < 0:
        raise RefusedError("DICOM with values below 0", f"{path.name}: {pixels.min()}; export it with values from 0 on")
    return _picture(pixels, content)


def _pixels(content: Any, path: Path) -> Array:
    from pydicom.pixels.processing import apply_color_lut
    from pydicom.pixels.utils import pixel_array

    try:
        stored: Array = pixel_array(content)
    except (NotImplementedError, RuntimeError, AttributeError) as error:
        syntax = content.file_meta.get("TransferSyntaxUID")
        told = f"{path.name}, transfer syntax {syntax.name if syntax else 'not given'}: {error}"
        raise RefusedError("DICOM that can't be unpacked", " ".join(told.split())) from None
    return apply_color_lut(stored, content) if content.PhotometricInterpretation == _INDEXED else stored


def _picture(pixels: Array, content: Any) -> Image.Image:
    """Return pixels [H, W] or [H, W, 3] as a picture, bright where the object is bright."""
    bits = 8 * pixels.dtype.itemsize if content.PhotometricInterpretation == _INDEXED else int(content.BitsStored)
    if content.PhotometricInterpretation == _INVERTED:
        pixels = (1 << bits) - 1 - pixels
    if bits <= 8:
        return Image.fromarray(pixels.astype(np.uint8))
    deep = pixels.astype(np.int32) << (_DEEP - bits) if bits < _DEEP else pixels.astype(np.int32)
    return Image.fromarray(deep if deep.ndim == 2 else (deep >> 8).clip(0, 255).astype(np.uint8))
