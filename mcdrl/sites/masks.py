"""Which files are a frame's masks; by name alone."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path, PurePosixPath

from mcdrl.base.errors import InputError
from mcdrl.base.folders import above, composed, is_hidden, loosened, mask_parts, names_in
from mcdrl.sites.naming import Naming, is_image, may_be_drawn


@dataclass
class Masks:
    """The masks of a site's frames.

    Attributes:
        of: frame -> its masks; several: one a lesion, or files that contradict each other.
        shared: frame -> a mask that is also another frame's, and that frame.
        extras: frame -> files that are called like its mask with something behind and that are nobody's mask; those
            that can't be read, too.
        orphans: other images in the masks' folders that are nobody's mask, nor called like a frame, sorted.
        near: frame without a mask -> a file that is nobody's and would be its mask but for case or codes such as %20.
        unread: frame -> files and folders that the pattern names for it and that can't be read as masks.
        alike: frame without a mask -> what lies in its masks' folder under exactly its name, or under that of its mask
            but for the ending, and is nobody's.
    """

    of: dict[Path, list[Path]]
    shared: dict[Path, tuple[Path, Path]] = field(default_factory=dict)
    extras: dict[Path, list[Path]] = field(default_factory=dict)
    orphans: list[Path] = field(default_factory=list)
    near: dict[Path, Path] = field(default_factory=dict)
    unread: dict[Path, list[Path]] = field(default_factory=dict)
    alike: dict[Path, Path] = field(default_factory=dict)

    @property
    def used(self) -> set[Path]:
        """All masks of all frames."""
        return {mask for several in self.of.values() for mask in several}


@dataclass(frozen=True)
class Pattern:
    """Where masks are below a site's root, taken apart.

    Attributes:
        text: as it was given.
        folder: all but the name.
        name: the name, without `.*` at its end.
        any_ending: whether any image ending serves.
    """

    text: str
    folder: str
    name: str
    any_ending: bool

    @classmethod
    def of(cls, text: str) -> Pattern:
        """Take a pattern apart.

        Raises:
            InputError: a folder has a `*`.
        """
        try:
            return cls(text, *mask_parts(text))
        except ValueError as error:
            raise InputError(str(error)) from None

    @property
    def several(self) -> bool:
        """Whether it asks for all files of a frame: a `*` in the name."""
        return "*" in self.name

    @property
    def widened(self) -> str:
        """The pattern that takes further files of a frame, too."""
        if self.several:
            return self.text
        if self.any_ending:
            return f"{self.text.removesuffix('.*')}*.*"
        stem, dot, ending = self.text.rpartition(".")
        return f"{stem}*{dot}{ending}" if dot else f"{self.text}*"

    @property
    def numbered(self) -> str:
        """The pattern that takes several files of a frame whose names go on with a `_`, and none that ends there."""
        return re.sub(r"(\{(?:stem|path)\})\*", r"\1_*", self.widened)

    def key(self, file: Path) -> str:
        """Return what of a file's name is compared with `name`."""
        return file.stem if self.any_ending else file.name


def find_masks(root: Path, frames: Sequence[Path], masks: str, naming: Naming) -> Masks:
    """Find the masks of frames.

    A `*` in the name stands for any text, right behind {stem} or {path} for nothing or for text that begins with no
    letter or digit: the masks of frame 1 are 1.png and 1_b.png, not 10.png. A mask that several frames may have is that
    of the longest name; one that is called like a frame is shared where it may be another frame's second, too: where
    the frame has further masks, or the other one has none of its own name.

    Args:
        root: the site's folder.
        frames: the frames' files.
        masks: pattern of the masks below `root`.
        naming: how the frames are called.

    Raises:
        InputError: the pattern is malformed or leaves the root, or a folder of masks can't be read.
    """
    pattern = Pattern.of(masks)
    lookup, loosely = (_Lookup(root, pattern, naming, form) for form in (composed, loosened))
    wanted = {frame: lookup.find(frame) for frame in frames}
    owner, shared = _owners(wanted, lookup)
    own = {frame: [file for file in several if owner[file] == frame] for frame, several in wanted.items()}
    found = Masks({frame: list(filter(lookup.reads, several)) for frame, several in own.items()}, shared)
    unread = {frame: [file for file in several if not lookup.reads(file)] for frame, several in own.items()}
    found.unread = {frame: files for frame, files in unread.items() if files}
    taken = found.used | {frame for frame, several in found.of.items() if several} | set().union(*unread.values())
    loose = [file for file in lookup.files() if file not in taken]
    _sort_out(loose, frames, lookup, found)
    bare = [frame for frame, several in found.of.items() if not several]
    for frame in bare:
        near = [file for file in loosely.find(frame) if file not in taken]
        found.near |= {frame: near[0]} if near else {}
    known = set(frames)
    found.alike = lookup.alike(found.of, [file for file in loose if file not in known])
    called = set(found.alike.values())
    found.orphans = [file for file in found.orphans if file not in called]
    return found


def _owners(
    wanted: Mapping[Path, Sequence[Path]], lookup: _Lookup
) -> tuple[dict[Path, Path], dict[Path, tuple[Path, Path]]]:
    """Return mask -> the frame that has it, and frame -> the mask and frame that contest it."""
    claims: dict[Path, list[Path]] = {}
    for frame, several in wanted.items():
        for mask in several:
            claims.setdefault(mask, []).append(frame)
    owner: dict[Path, Path] = {}
    shared: dict[Path, tuple[Path, Path]] = {}
    for mask, frames in claims.items():
        most = max(len(lookup.start(frame)) for frame in frames)
        first, *others = [frame for frame in frames if len(lookup.start(frame)) == most]
        owner[mask] = first
        others += [frame for frame in frames if frame != first and lookup.doubtful(mask, first, wanted[first], frame)]
        shared |= {other: (mask, first) for other in others} | ({first: (mask, others[0])} if others else {})
    return owner, shared


def _sort_out(loose: Sequence[Path], frames: Sequence[Path], lookup: _Lookup, found: Masks) -> None:
    known = set(frames)
    starts = lookup.starts(frames) if loose else {}
    for file in loose:
        frame = lookup.resembled(file, starts)
        if frame is not None and (lookup.loose or file not in known) and _holds_some(file):
            found.extras.setdefault(frame, []).append(file)
        elif file not in known and is_image(file):
            found.orphans.append(file)


class _Lookup:
    """Finds masks by names that are equal in some form; lists every folder once.

    Attributes:
        loose: whether what follows the beginning of a mask's name can't be the rest of a frame's name.
    """

    def __init__(self, root: Path, pattern: Pattern, naming: Naming, form: Callable[[str], str]) -> None:
        self._root, self._pattern, self._naming, self._form = root, pattern, naming, form
        self._folders: dict[Path, tuple[list[str], list[list[Path]]]] = {}
        self._names: dict[Path, Path] = {}
        self._inside: dict[Path, dict[str, Path]] = {}
        self._places: dict[Path, tuple[Path, str]] = {}
        self._above: dict[Path, dict[str, list[Path]]] = {}
        before, _, after = pattern.name.partition("*")
        self._start = before
        self.loose = not re.search(r"\{(stem|path)\}$", self._without_ending(before))
        self._rest = after

    def reads(self, file: Path) -> bool:
        """Return whether a file that the pattern names counts as a mask; where it has an ending, all of that do."""
        return is_image(file) or not (self._pattern.any_ending or self._pattern.several)

    def _counts(self, file: Path) -> bool:
        return self.reads(file) or _holds_some(file)

    def find(self, frame: Path) -> list[Path]:
        """Return the masks of a frame and what else is called so and may be one, the frame itself left out."""
        folder, start = self._place(frame)
        keys, files = self._listed(folder)
        if not self._pattern.several:
            index = bisect_left(keys, start)
            same = files[index] if index < len(keys) and keys[index] == start else []
            return [mask for mask in same if mask != frame and self._counts(mask)]
        fits = self._regex(frame)
        found = []
        for index in range(bisect_left(keys, start), len(keys)):
            if not keys[index].startswith(start):
                break
            if fits.fullmatch(keys[index]):
                found += [mask for mask in files[index] if mask != frame and self._counts(mask)]
        return found

    def start(self, frame: Path) -> str:
        """Return how the name of a frame's mask begins: all of it before a `*`."""
        return self._place(frame)[1]

    def doubtful(self, mask: Path, frame: Path, masks: Sequence[Path], other: Path) -> bool:
        """Return whether a mask called like its frame, which has these masks, may be a further one of another frame."""
        start = self.start(other)
        if self.loose or composed(mask.stem) != self.start(frame) or start == self.start(frame):
            return False
        return len(masks) > 1 or start not in self._listed(mask.parent)[0]

    def starts(self, frames: Sequence[Path]) -> dict[tuple[Path, str], Path]:
        """Return (folder, how a mask's name begins there, without ending) -> the frame."""
        found = {}
        for frame in frames:
            folder, start = self._place(frame)
            found[(folder, self._without_ending(start))] = frame
        return found

    def resembled(self, file: Path, starts: Mapping[tuple[Path, str], Path]) -> Path | None:
        """Return the frame whose mask a file is called like, with something behind; None: there is none."""
        name = composed(file.stem)
        for end in range(len(name) - 1, 0, -1):
            frame = starts.get((file.parent, name[:end]))
            if frame is not None and (self.loose or not name[end].isalnum()):
                return frame
        return None

    def _without_ending(self, name: str) -> str:
        whole = self._pattern.any_ending or self._pattern.several
        return name if whole else name.removesuffix(self._form(PurePosixPath(self._pattern.name).suffix))

    def files(self) -> list[Path]:
        """Return the images in the masks' folders and what else may be a mask, sorted."""
        there = (file for _, files in self._folders.values() for several in files for file in several)
        return sorted(file for file in there if may_be_drawn(file))

    def alike(self, masks: Mapping[Path, Sequence[Path]], loose: Iterable[Path]) -> dict[Path, Path]:
        """Return frame without a mask -> one of these files, or of those in the place of its folder, that may be it.

        What is called like a frame is none where most frames with masks have something of the same ending called so.
        """
        bare = [frame for frame, several in masks.items() if not several]
        called: dict[tuple[Path, str], list[Path]] = {}
        for file in loose:
            called.setdefault((file.parent, self._form(file.stem)), []).append(file)
        like = {frame: self._called_like(frame, called) for frame in masks} if bare else {}
        endings = [{file.suffix.lower() for file in files} for frame, files in like.items() if masks[frame]]
        copies = {ending for ending, count in Counter(chain(*endings)).items() if 2 * count > len(endings)}
        found: dict[Path, Path] = {}
        for frame in bare:
            files = [file for file in like[frame] if file.suffix.lower() not in copies]
            files += self._called_like_mask(frame, called)
            found.update((frame, file) for file in files if file != frame and _holds_some(file))
        return found

    def _called_like(self, frame: Path, called: Mapping[tuple[Path, str], list[Path]]) -> list[Path]:
        """Return what is called exactly like a frame where its masks should lie, unless that is its own folder."""
        folder, stem = self._place(frame)[0], self._form(self._naming.stem(frame))
        names = dict.fromkeys((stem, self._form(frame.stem)))  # without prefix and suffix, and with them
        files = [file for name in names for file in called.get((folder, name), [])] if folder != frame.parent else []
        if self._form(folder.name) != stem or folder.parent == frame.parent:
            return files
        return files + [file for file in self._beside(folder.parent).get(stem, []) if file != folder]

    def _called_like_mask(self, frame: Path, called: Mapping[tuple[Path, str], list[Path]]) -> list[Path]:
        """Return what is called like a frame's mask but for the ending, unless that is called like the frame, too."""
        folder, start = self._place(frame)
        own = self._without_ending(start)
        stem = frame.stem if folder == frame.parent else self._naming.stem(frame)
        return called.get((folder, own), []) if own != self._form(stem) else []

    def _beside(self, folder: Path) -> dict[str, list[Path]]:
        """Return name without ending -> files in a folder in which frames' folders of masks are looked for."""
        if folder not in self._above:
            self._above[folder] = {}
            for file in self._named(folder).values():
                if not is_hidden(file.name) and may_be_drawn(file):
                    self._above[folder].setdefault(self._form(file.stem), []).append(file)
        return self._above[folder]

    def _below(self, frame: Path) -> PurePosixPath:
        return PurePosixPath(frame.relative_to(self._root).as_posix())

    def _place(self, frame: Path) -> tuple[Path, str]:
        """Return the folder of a frame's masks and how their names begin."""
        if frame not in self._places:
            whole = self._naming.filled(f"{self._pattern.folder}/{self._start}", self._below(frame))
            folder, _, start = whole.rpartition("/")
            self._check_below(folder)
            self._places[frame] = self._real(self._root / folder), self._form(start)
        return self._places[frame]

    def _check_below(self, folder: str) -> None:
        if (folder.startswith("/") or ".." in folder) and above(self._root, folder):
            raise InputError(
                f"masks: '{self._pattern.text}' leaves the root {self._root}: {self._root / folder}, where "
                "nothing that changes is noticed; give a folder that holds frames and masks as the root"
            )

    def _real(self, folder: Path) -> Path:
        """Return the folder of that name; where there is none, one whose name is equal in the form that counts."""
        if folder not in self._names:
            self._names[folder] = folder if folder.is_dir() or folder == folder.parent else self._equal(folder)
        return self._names[folder]

    def _equal(self, folder: Path) -> Path:
        return self._named(self._real(folder.parent)).get(self._form(folder.name), folder)

    def _named(self, folder: Path) -> dict[str, Path]:
        """Return what lies in a folder by its name."""
        if folder not in self._inside:
            self._inside[folder] = {self._form(name): folder / name for name in reversed(names_in(folder))}
        return self._inside[folder]

    def _regex(self, frame: Path) -> re.Pattern[str]:
        parts = self._naming.filled(self._rest, self._below(frame)).split("*")
        rest = ".*".join(re.escape(self._form(part)) for part in parts)
        apart = "" if self.loose else r"(?![^\W_])"
        return re.compile(f"{re.escape(self.start(frame))}{apart}.*{rest}", re.DOTALL)

    def _listed(self, folder: Path) -> tuple[list[str], list[list[Path]]]:
        if folder not in self._folders:
            names: dict[str, list[Path]] = {}
            shown = self._start.startswith(".")  # as by a shell, hidden files are masks if they are asked for
            for path in (folder / name for name in names_in(folder) if shown or not is_hidden(name)):
                if self.reads(path) or may_be_drawn(path):
                    names.setdefault(self._form(self._pattern.key(path)), []).append(path)
            ordered = sorted(names)
            self._folders[folder] = ordered, [names[key] for key in ordered]
        return self._folders[folder]


def _holds_some(path: Path) -> bool:
    """Return whether something is a file, or a folder in which something lies."""
    return not path.is_dir() or any(not is_hidden(name) for name in names_in(path))
