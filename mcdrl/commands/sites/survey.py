"""What lies in a folder that no card fits: pictures by folder, annotations by their keys, and what isn't read."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mcdrl.base.errors import InputError
from mcdrl.base.folders import names_in, walked
from mcdrl.commands.sites.kinds import kind_of
from mcdrl.commands.sites.mask_names import likeness
from mcdrl.imaging.drawn import looks_drawn
from mcdrl.sites.naming import is_image
from mcdrl.study.outside import holds_project

_SHOWN = 8  # folders that are named


@dataclass
class FolderSurvey:
    """What lies below a folder.

    Attributes:
        pictures: folder below the root -> the names of its pictures, sorted.
        masks: those of these folders that are called like masks, or lie in such, and whose pictures look drawn.
        others: kind -> the files of it, below the root, sorted; without those that say nothing of lesions.
        backslashes: names with a backslash, as archives made on Windows leave them.
    """

    pictures: dict[PurePosixPath, list[str]] = field(default_factory=dict)
    masks: set[PurePosixPath] = field(default_factory=set)
    others: dict[str, list[str]] = field(default_factory=dict)
    backslashes: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return a line for each kind of thing that was found."""
        shown = [self._line(folder, names) for folder, names in sorted(self.pictures.items())]
        more = [f"and pictures in {len(shown) - _SHOWN} more folders"] if len(shown) > _SHOWN else []
        kinds = [f"{len(files)} x {kind}: {_few(files)}" for kind, files in sorted(self.others.items())]
        odd = [f"{len(self.backslashes)} names with a backslash, unpack them anew: {_few(self.backslashes)}"]
        return [*shown[:_SHOWN], *more, *kinds, *odd * bool(self.backslashes)]

    def _line(self, folder: PurePosixPath, names: list[str]) -> str:
        endings = Counter(Path(name).suffix.lower() for name in names)
        kinds = ", ".join(f"{count} {ending}" for ending, count in sorted(endings.items()))
        what = "masks, by the folder's name and their few colours" if folder in self.masks else "pictures"
        return f"{folder.as_posix()}/: {len(names)} {what} ({kinds}), such as {names[0]}"


def survey(root: Path) -> FolderSurvey:
    """Look at all that lies below a folder, hidden names aside.

    Raises:
        InputError: a folder can't be read.
    """
    found, opened = FolderSurvey(), Counter[str]()
    for folder, names in walked(root):
        below = PurePosixPath(folder.relative_to(root).as_posix())
        found.backslashes += [name for name in names if "\\" in name]
        pictures = [name for name in names if is_image(Path(name))]
        if pictures:
            found.pictures[below] = pictures
            called = below.parts or (os.path.basename(os.path.abspath(folder)),)
            if any(map(likeness, called)) and looks_drawn([folder / one for one in pictures]):
                found.masks.add(below)
        for name in sorted(set(names) - set(pictures)):
            kind = kind_of(folder / name, opened)
            if kind is not None:
                found.others.setdefault(kind, []).append((below / name).as_posix())
    return found


def masks_beside(folder: Path) -> str:
    """Return that masks may lie in a folder beside one of frames, and what to give then; empty: none is called so."""
    here = Path(os.path.abspath(folder))
    try:
        called = [here.parent / name for name in names_in(here.parent) if name != here.name and likeness(name) > 1]
        masks = [one for one in called if any(is_image(Path(name)) for name in names_in(one))]
    except InputError:  # nobody has said that what lies beside can be read
        return ""
    if not masks:
        return ""
    more = here.parent == here.parent.parent or holds_project(str(here.parent))
    fix = "put both into one folder and give that" if more else f"give {here.parent}, which holds both"
    return f"masks may lie beside it, in {masks[0]}: {fix}"


def _few(files: list[str]) -> str:
    return ", ".join(files[:2]) + (", ..." if len(files) > 2 else "")
