"""Which file of a site's folder is a frame, and which is its mask; by name alone."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Collection, Container
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from stages.core.base.errors import InputError
from stages.ingest.remarks import Remark

ENDINGS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp")
_SHOWN = 12  # entries of a folder that an error lists


@dataclass(frozen=True)
class Source:
    """A frame and its mask.

    Attributes:
        stem: the frame's name without its ending, in Unicode's composed form.
        file: the frame's path below the site's root, with forward slashes.
        frame: where the frame is.
        mask: where its mask is; None: its lesions are drawn in a file of outlines.
    """

    stem: str
    file: str
    frame: Path
    mask: Path | None


@dataclass
class Listing:
    """What was found below a site's root.

    Attributes:
        sources: frames with their masks, sorted by stem.
        refused: files that the pattern names but that can't be cases.
        notes: whatever else a person should know.
    """

    sources: list[Source] = field(default_factory=list)
    refused: list[Remark] = field(default_factory=list)
    notes: list[Remark] = field(default_factory=list)


def composed(text: str) -> str:
    """Return `text` in Unicode's composed form, in which names from different systems compare equal."""
    return unicodedata.normalize("NFC", text)


def list_site(root: Path, images: str, masks: str | None) -> Listing:
    """Pair every frame below `root` with its mask.

    Names that start with a dot are left out, as by a shell. A file that is another frame's mask is no frame. Frames
    whose names differ in their ending or folder alone would share a case id: all of them are refused.

    Args:
        root: the site's folder.
        images: glob of the frames below `root`.
        masks: the masks' path below `root`, with `{stem}` and, if need be, `{parent}`, the name of the folder that the
            frame lies in; may end in `.*` for any image ending. None: the site has no masks but outlines.

    Raises:
        InputError: the folder doesn't exist, a pattern is malformed, or no file matches `images`.
    """
    if not root.is_dir():
        raise InputError(f"{root} is no folder; give the site's folder in sites.<name>.root")
    found = Listing()
    lookup = _Masks(root, masks) if masks is not None else None
    mask_of = {path: lookup.find(path) if lookup else [] for path in _frames(root, images, found)}
    used = {mask for several in mask_of.values() for mask in several}
    frames = [path for path in mask_of if path not in used]
    if not frames:
        raise InputError(f"no file matches '{images}' in {root}; there: {_contents(root)}")
    shared = Counter(_stem(path) for path in frames if _image(path))
    for path in frames:
        _judge(root, path, mask_of[path], shared[_stem(path)], masks, found)
    found.sources.sort(key=lambda source: source.stem)
    found.notes += _behind_links(root, {*mask_of, *used})
    orphans = lookup.others({*used, *mask_of}) if lookup else []
    found.notes += [
        Remark(_below(root, path), "mask without a frame", f"no frame of {images} names it") for path in orphans
    ]
    return found


def _frames(root: Path, images: str, found: Listing) -> list[Path]:
    try:
        matched = sorted(root.glob(images))
    except (ValueError, NotImplementedError) as error:
        raise InputError(f"images: '{images}' is no pattern below the root ({error}); e.g. 'images/*'") from None
    visible = [path for path in matched if not any(part.startswith(".") for part in path.relative_to(root).parts)]
    folders = [path for path in visible if path.is_dir()]
    found.notes += [Remark(_below(root, path), "folder not entered", "`**/*` enters folders") for path in folders]
    return [path for path in visible if not path.is_dir()]


def _behind_links(root: Path, files: Collection[Path]) -> list[Remark]:
    inside = [path.relative_to(root) for path in files if path.is_relative_to(root)]
    folders = {parent for path in inside for parent in path.parents[:-1]}
    linked = sorted(folder.as_posix() for folder in folders if (root / folder).is_symlink())
    told = "DVC doesn't notice when files in it change; put the folder itself here"
    return [Remark(folder, "folder behind a link", told) for folder in linked]


def _judge(root: Path, path: Path, masks: list[Path], namesakes: int, pattern: str | None, found: Listing) -> None:
    problem = _problem(path, masks, namesakes, pattern)
    if problem:
        found.refused.append(Remark(_below(root, path), *problem))
    else:
        found.sources.append(Source(_stem(path), _below(root, path), path, masks[0] if masks else None))


def _problem(path: Path, masks: list[Path], namesakes: int, pattern: str | None) -> tuple[str, str] | None:
    if not _writable(path.name):
        return "file name is not UTF-8", "rename it"
    if not path.exists():
        return "link to nothing", "its target is gone"
    if not path.is_file():
        return "no regular file", "a pipe or the like"
    if not _image(path):
        return "not an image", f"expected an ending of {', '.join(ENDINGS)}"
    if namesakes > 1:
        return "name used twice", f"{namesakes} frames are called '{_stem(path)}'; rename all but one"
    if not masks and pattern is not None:
        return "no mask", f"expected {_filled(pattern, path)}"
    if len(masks) > 1:
        return "several masks", ", ".join(mask.name for mask in masks)
    if masks and not masks[0].is_file():
        return "mask is no regular file", f"{masks[0].name}: a link to nothing, a folder, a pipe or the like"
    return None


def _filled(pattern: str, frame: Path) -> str:
    return pattern.replace("{parent}", composed(frame.parent.name)).replace("{stem}", _stem(frame))


def _stem(path: Path) -> str:
    return composed(path.stem)


def _image(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS


def _writable(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _below(root: Path, path: Path) -> str:
    text = path.relative_to(root).as_posix()
    return text.encode("utf-8", "backslashreplace").decode()


def _contents(root: Path) -> str:
    entries = sorted(root.iterdir())
    names = [f"{path.name}/ ({len(os.listdir(path))} entries)" if path.is_dir() else path.name for path in entries]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(names[:_SHOWN]) or "nothing") + more


class _Masks:
    """Finds masks by name; lists every folder once."""

    def __init__(self, root: Path, pattern: str) -> None:
        self._root = root
        self._head = pattern.removesuffix(".*")
        self._any_ending = self._head != pattern
        if "*" in self._head:
            raise InputError(f"masks: '{pattern}' has a '*' that is not the ending; e.g. 'masks/{{stem}}.*'")
        self._folders: dict[Path, dict[str, list[Path]]] = {}

    def find(self, frame: Path) -> list[Path]:
        """Return the masks of a frame, the frame itself left out."""
        wanted = PurePosixPath(_filled(self._head, frame))
        folder = self._root / wanted.parent
        if folder not in self._folders:
            self._folders[folder] = self._list(folder)
        return [mask for mask in self._folders[folder].get(wanted.name, []) if mask != frame]

    def others(self, known: Container[Path]) -> list[Path]:
        """Return the images in the masks' folders that aren't among those known."""
        listed = (path for names in self._folders.values() for several in names.values() for path in several)
        return sorted(path for path in listed if path not in known and _image(path))

    def _list(self, folder: Path) -> dict[str, list[Path]]:
        names: dict[str, list[Path]] = {}
        for name in sorted(os.listdir(folder)) if folder.is_dir() else []:
            path = folder / name
            if self._any_ending and not _image(path):
                continue
            names.setdefault(_stem(path) if self._any_ending else composed(name), []).append(path)
        return names
