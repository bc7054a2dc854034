"""Which pictures among frames are masks: by the folder that they lie in, by their two values, or by their kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mcdrl.imaging.dicom import is_dicom
from mcdrl.sites.naming import like_masks

_LOOKS = 5  # pictures of a folder that are looked at
_COLOURS, _SHARE = 6, 0.97  # of a small picture's pixels are of so few colours, 8 levels a channel, if it is drawn
_FLAT = ("1", "L", "P")  # modes of one channel
_SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")  # DICOM's kinds: segments, labels
_LOOKED_INTO = (".png", ".bmp", ".tif", ".tiff")  # endings of formats that keep two values two


def masks_among(paths: Sequence[Path]) -> list[Path]:
    """Return the files that are masks.

    All pictures are of a folder that is called like masks and holds flat colours, where a folder beside it or around it
    holds pictures and isn't called so. Elsewhere a picture of one channel with exactly two values is a mask, and so is
    one with a single value in the folder of such a one. DICOM Segmentations are masks anywhere.

    Args:
        paths: pictures, by their ending.
    """
    folders: dict[Path, list[Path]] = {}
    for path in paths:
        folders.setdefault(path.parent, []).append(path)
    frames = {place for folder in folders if not like_masks(folder.name) for place in (folder, folder.parent)}
    called = {folder for folder in folders if like_masks(folder.name) and folder.parent in frames}
    named = {folder for folder in called if _flat(folders[folder])}
    counts = {path: _values(path) for path in paths if path.parent not in named}
    flat = {path.parent for path, count in counts.items() if count == 2}
    return [
        path
        for path in paths
        if path.parent in named or (path.parent in flat and counts[path] in (1, 2)) or _segmentation(path)
    ]


def _flat(paths: Sequence[Path]) -> bool:
    """Return whether most of a few pictures hold some colours alone, as drawn ones do and pictures of tissue don't."""
    looked_at = paths[:: max(1, len(paths) // _LOOKS)][:_LOOKS]
    return 2 * sum(map(_drawn, looked_at)) > len(looked_at)


def _segmentation(path: Path) -> bool:
    """Return whether a file is a DICOM Segmentation, by the kind that it begins with."""
    try:
        if not path.is_file() or not is_dicom(path):
            return False
        from pydicom.filereader import read_file_meta_info

        return str(read_file_meta_info(path).get("MediaStorageSOPClassUID")) in _SEGMENTATIONS
    except Exception:  # as below; or pydicom isn't installed, without which no DICOM file is read
        return False


def _drawn(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with Image.open(path) as image:
            small = np.asarray(image.convert("RGB").resize((64, 64), Image.Resampling.NEAREST))
    except Exception:  # as below
        return False
    _, counts = np.unique((small >> 5).reshape(-1, 3), axis=0, return_counts=True)
    return bool(np.sort(counts)[-_COLOURS:].sum() >= _SHARE * counts.sum())


def _values(path: Path) -> int:
    """Return how many values a picture of one channel has, up to two; 0: more, or no such picture."""
    if path.suffix.lower() not in _LOOKED_INTO or not path.is_file():
        return 0
    try:
        with Image.open(path) as image:
            found = image.getcolors(2) if image.mode in _FLAT else None
    except Exception:  # whatever a broken file raises: reading it as a frame says what is wrong
        return 0
    return len(found or ())
