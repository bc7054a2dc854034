"""Which pictures among frames are masks: by the folder that they lie in, by their two values, or by their kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path, PurePath

from mcdrl.commands.sites.common_names import rests_of
from mcdrl.commands.sites.mask_names import AHEAD, BESIDE, WITHIN
from mcdrl.imaging.dicom import is_dicom, kind_of
from mcdrl.imaging.drawn import black_and_white, is_drawn, looks_drawn
from mcdrl.imaging.picture import opened
from mcdrl.imaging.video.files import without_ending
from mcdrl.sites.naming import like_masks

_FLAT = ("1", "L", "P")  # modes of one channel
_SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")  # DICOM's kinds: segments, labels
_NUMBER = re.compile(r"[ _-]\(?\d+\)?$")  # at the end of a mask's name, where a frame has several
_LOOKED_INTO = (".png", ".bmp", ".tif", ".tiff")  # endings of formats that keep two values two


def masks_among(paths: Sequence[Path]) -> list[Path]:
    """Return the files that are masks.

    All pictures are of a folder that is called like masks and holds flat colours, where a folder beside it or around it
    holds pictures and isn't called so. Elsewhere a picture of one channel with exactly two values is a mask, and so is
    one with a single value in the folder of such a one. Black and white pictures of any format are masks if they are
    called like frames beside them; see `drawn_beside`. DICOM Segmentations are masks anywhere.

    Args:
        paths: pictures, by their ending.
    """
    folders = _by_folder(paths)
    frames = {place for folder in folders if not like_masks(folder.name) for place in (folder, folder.parent)}
    called = {folder for folder in folders if like_masks(folder.name) and folder.parent in frames}
    named = {folder for folder in called if looks_drawn(folders[folder])}
    others = [path for path in paths if path.parent not in named]
    counts, beside = {path: _values(path) for path in others}, set(drawn_beside(others, black_and_white))
    flat = {path.parent for path, count in counts.items() if count == 2}
    return [
        path
        for path in paths
        if path.parent in named
        or (path.parent in flat and counts[path] in (1, 2))
        or path in beside
        or _segmentation(path)
    ]


def drawn_beside(paths: Sequence[Path], drawn: Callable[[Sequence[Path]], bool]) -> list[Path]:
    """Return the pictures that look drawn and are called like others that don't.

    They are of a folder where most have the names of other folders' pictures, or, in a folder of both, those that have
    a frame's name with a mask's ending behind it, or, in any, a word of masks in the place of what a frame's name
    begins with or of a word in it, as mask_001 has beside image_001.

    Args:
        paths: pictures.
        drawn: whether some pictures look so.
    """
    folders = _by_folder(paths)
    places: dict[str, set[Path]] = {}
    for path in paths:
        places.setdefault(_frame(path), set()).add(path.parent)
    shared = {folder: own for folder, own in folders.items() if _mostly(own, places)}
    of_masks = {folder for folder, own in shared.items() if drawn(own)}
    apart = [] if len(of_masks) == len(shared) else [path for path in paths if path.parent in of_masks]
    rests = {rest for path in paths if not WITHIN.search(_stem(path)) for rest in rests_of(_stem(path))}
    called = [several for own in folders.values() for several in (_suffixed(own), _exchanged(own, rests))]
    found = apart + [path for several in called if several and drawn(several) for path in several]
    return [path for path in dict.fromkeys(found) if is_drawn(path)]


def _by_folder(paths: Sequence[Path]) -> dict[Path, list[Path]]:
    folders: dict[Path, list[Path]] = {}
    for path in paths:
        folders.setdefault(path.parent, []).append(path)
    return folders


def _frame(path: Path) -> str:
    """Return the name of the frame that a picture would be a mask of."""
    return BESIDE.sub("", _stem(path))


def _stem(path: Path) -> str:
    return without_ending(PurePath(path.name))


def _suffixed(paths: Sequence[Path]) -> list[Path]:
    names = {_stem(path) for path in paths}
    return [path for path in paths if _frame(path) != _stem(path) and _frame(path) in names]


def _exchanged(paths: Sequence[Path], rests: AbstractSet[tuple[str, str]]) -> list[Path]:
    """Return the pictures with a word of masks in their names around which there is what frames have, too.

    Args:
        paths: pictures of a folder.
        rests: of the frames' names, as from `rests_of`.
    """
    return [path for path in paths if not rests.isdisjoint(_rests(_stem(path)))]


def _rests(name: str) -> list[tuple[str, str]]:
    """Return what a mask's name has around its word, with and without a number at its end; empty: it has none."""
    found = [pattern.search(name) for pattern in (WITHIN, AHEAD)]
    around = [(name[: one.start()], name[one.end() :]) for one in found if one]
    return [*around, *((before, _NUMBER.sub("", behind)) for before, behind in around)]


def _mostly(paths: Sequence[Path], places: Mapping[str, set[Path]]) -> bool:
    """Return whether most pictures of a folder are called like one in another folder."""
    return 2 * sum(len(places[_frame(path)]) > 1 for path in paths) > len(paths)


def _segmentation(path: Path) -> bool:
    """Return whether a file is a DICOM Segmentation, by the kind that it begins with."""
    try:
        if not path.is_file() or not is_dicom(path):
            return False
        return str(kind_of(path)) in _SEGMENTATIONS
    except Exception:  # whatever a broken file raises; or pydicom isn't installed, without which no DICOM file is read
        return False


def _values(path: Path) -> int:
    """Return how many values a picture of one channel has, up to two; 0: more, or no such picture."""
    if path.suffix.lower() not in _LOOKED_INTO or not path.is_file():
        return 0
    try:
        with opened(path) as image:
            found = image.getcolors(2) if image.mode in _FLAT else None
    except Exception:  # whatever a broken file raises: reading it as a frame says what is wrong
        return 0
    return len(found or ())
