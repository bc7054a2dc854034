"""Which of a site's files lie outside its root, where DVC doesn't see them, and how it is read with them inside."""

from __future__ import annotations

import glob
import os
import re
from pathlib import PurePosixPath

from mcdrl.base.folders import above
from mcdrl.study.paths import PIPELINE
from mcdrl.study.reading import Reading

_PLACED = ("masks", "table")  # keys whose '..' may stay below the root; the other patterns have none
_PATTERNS = ("images", "polygons", "annotations")
_DEEP = "/".join(["{path}"] * 100)  # {path} may be as many folders as there are


def outside(root: str, reading: Reading) -> str | None:
    """Return what is wrong where masks or table lie outside a site's root, with what mends it; None: they don't.

    What mends it is a root further up with the keys that read the same files from there; where that would hold more
    than the site, or may read other files, it is files brought below the root. Links are taken for what they are
    called. Where `{path}` says how deep masks lie, only the frames can tell.

    Args:
        root: the site's folder.
        reading: how it is read.
    """
    places = {key: place for key in _PLACED if (place := getattr(reading, key)) is not None}
    up = {key: above(root, place.replace("{path}", _DEEP)) for key, place in places.items()}
    leaving = [key for key in places if up[key]]
    if not leaving:
        return None
    key, told = leaving[0], _from_above(root, reading, places, max(up.values()))
    mend = f"bring what it reads below {root} (as links to the files, too), and give {key} from there"
    if "masks" in leaving and _is_a_sites_own(root, told["root"], max(up.values())):
        mend = f"give a folder that holds all of it: {', '.join(f'{name}: {value}' for name, value in told.items())}"
    return f"{key}: '{places[key]}' leaves the root {root}, where nothing that changes is noticed; {mend}"


def holds_project(folder: str) -> bool:
    """Return whether a folder holds the project that commands run in, whose outputs can be no site's files."""
    return PIPELINE.is_file() and above(folder, os.getcwd()) == 0


def _is_a_sites_own(root: str, top: str, up: int) -> bool:
    """Return whether a folder `up` floors above a site's root may be its root instead."""
    passed = os.path.abspath(root)
    for _ in range(up):
        if os.path.islink(passed):  # its `..` is not what it is called
            return False
        passed = os.path.dirname(passed)
    return passed != os.path.dirname(passed) and not holds_project(top)  # neither everything nor the project


def _from_above(root: str, reading: Reading, places: dict[str, str], up: int) -> dict[str, str]:
    """Return the keys that read the same files with the folder so many floors up as the root."""
    top = os.path.normpath(os.path.join(root, *[".."] * up))
    name = PurePosixPath(os.path.relpath(root, top))
    told = {"root": top}
    told |= {
        key: f"{glob.escape(str(name))}/{pattern}"
        for key in _PATTERNS
        if (pattern := getattr(reading, key)) is not None
    }
    for key, place in places.items():
        below = os.path.relpath(os.path.join(root, place), top)
        told[key] = re.sub(r"\{(\d+)\}", lambda found: f"{{{int(found[1]) + up}}}", below)
    return told | ({} if reading.folder_group is None else {"folder_group": str(reading.folder_group + up)})
