"""Settings that would read a folder: those that names propose, tried on some of its frames."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from mcdrl.base.errors import InputError
from mcdrl.base.folders import matching
from mcdrl.base.issues import RefusedError, grouped
from mcdrl.commands.sites.classes import DEFAULT, known_classes, names_class
from mcdrl.commands.sites.edit import site_from
from mcdrl.commands.sites.proposals import proposals, proposals_of_each
from mcdrl.imaging.decode import read_pixels
from mcdrl.imaging.drawn import looks_drawn
from mcdrl.imaging.recipe import ReadingRecipe
from mcdrl.sites.candidates import Candidate, FoundFrames, find_candidates
from mcdrl.sites.masks import Masks, find_masks
from mcdrl.sites.naming import Naming, is_image
from mcdrl.study.meanings import IGNORE
from mcdrl.study.params import resolve
from mcdrl.study.reading import AFFIXES, CLASS_RULES, GROUP_RULES, Reading

_TRIED = 6  # frames that are read
_SHOWN = 3  # folders that are named


@dataclass(frozen=True)
class FolderLayout:
    """Settings of the card `folder` that read some frames.

    Attributes:
        settings: key of `Reading` -> its value.
        read: frames that they read.
        refused: files that they refuse by their names.
        tried: frames that were opened with their masks.
        usable: how many of these are read.
        trouble: why the first of the others isn't; may be empty.
        refusal: why the first of the files is refused; empty: none is.
        unjudged: labels that somebody has yet to list in `label_class` for that.
        named: pictures that they name, refused ones too.
        groups: folders that they take for those of patients, which nobody has said; sorted.
        ignored: names of the files called like masks that they leave out -> how many there are.
        drawn: whether what they take for frames looks drawn, as masks do.
        together: masks of one frame that they lay over one another, at most.
        paired: a frame whose name lost a prefix or suffix, and its mask, below the folder; empty: none did.
        orphans: files among the masks that no frame names, where frames without a mask have no lesion.
        rivals: other such prefixes or suffixes with which as many frames would have these masks.
    """

    settings: Mapping[str, Any]
    read: int
    refused: int
    tried: int = 0
    usable: int = 0
    trouble: str = ""
    refusal: str = ""
    unjudged: tuple[str, ...] = ()
    named: int = 0
    groups: tuple[str, ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)
    drawn: bool = False
    together: int = 0
    paired: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()

    def said(self, pictures: int) -> str:
        """Return what these settings would do in a folder of so many pictures, in a few words."""
        first = "once label_class has all labels, " if self.unjudged else ""
        told = f"{first}this would read {self.read} frames and refuse {self.refused} files"
        if self.usable < self.tried:
            told += f" by their names; of {self.tried} looked into it reads {self.usable} ({self.trouble})"
        left = pictures - self.named
        return f"{told}; {left} of {pictures} pictures aren't named by it" if left > 0 else told

    def lines(self) -> list[str]:
        """Return what else a person should know who follows them."""
        refused = self.refusal and "masks" in self.settings  # of annotations it is told with what their files hold
        shown, left = (_few([f"'{name}'" for name in names]) for names in (self.groups, self.ignored))
        number = self.settings.get("folder_group")
        images = self.settings.get("images")
        return [
            *[f"images={images} below looks drawn, as masks are; name the frames if that is wrong"] * self.drawn,
            *[f"masks={self.settings.get('masks')} below lays up to {self.together} masks of a frame over one another, "
              "as one a lesion; if they are of several people, name those of one"] * (self.together > 1),
            *[f"{self.affixes()} below has {' and '.join(self.paired)} belong together, which their names alone say"]
            * bool(self.paired),
            *[f"{len(self.orphans)} masks, such as {_few(self.orphans[:1])}, are of no frame that is read below; with "
              "missing_mask=no_lesion a frame whose mask is called otherwise has no lesion"] * bool(self.orphans),
            *[f"{' and '.join(self.rivals)} would give these masks to as many other pictures; name those that are the "
              "frames"] * bool(self.rivals),
            *[f"of the files that are refused below: {self.refusal}"] * bool(refused),
            *[f"folder_group={number} below takes a folder for a patient or sequence, which is a guess: {shown}; leave "
              "it out where it is none, or where folders of one name are of several"] * bool(self.groups),
            *[f"mask_extras=ignore below leaves out {sum(self.ignored.values())} files that are called like masks: "
              f"{left}; a lesion that they alone show is lost"] * bool(self.ignored),
        ]  # fmt: skip

    def affixes(self) -> str:
        """Return the settings that take something off the frames' names."""
        return ", ".join(f"{key}={self.settings[key]}" for key in AFFIXES if key in self.settings)

    def worth(self) -> tuple[bool, int, int, int]:
        """Return what the better one of two layouts has more of."""
        return not self.drawn, self.usable * self.read, self.read, -self.refused

    def command(self, root: Path) -> str:
        """Return the command line that checks the folder with these settings."""
        given = [f"--set {shlex.quote(f'{key}={_written(value)}')}" for key, value in self.settings.items()]
        return " ".join(["mcdrl sites check", shlex.quote(str(root)), "--card folder", *given])


def _few(names: Collection[str]) -> str:
    return ", ".join(list(names)[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")


def _joined(settings: Mapping[str, Any], typed: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings that were found with those that were typed, which win and say what classes and groups are."""
    found, given = dict(settings), dict(typed)
    if "lesion_class" in given and "label_class" in found:  # several labels need a class each, unless each has one
        lesion_class, of_labels = given.pop("lesion_class"), found["label_class"].items()
        given = {
            "label_class": {key: lesion_class if name not in (None, IGNORE) else name for key, name in of_labels},
            **given,
        }
    for rules in (CLASS_RULES, GROUP_RULES):
        if not given.keys().isdisjoint(rules):
            found = {key: value for key, value in found.items() if key not in rules}
    return {**found, **given}


def _written(value: Any) -> str:
    """Return a value as `--set KEY=VALUE` takes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def find_layout(
    root: Path, pictures: Mapping[PurePosixPath, Sequence[str]], typed: Mapping[str, Any] = MappingProxyType({})
) -> FolderLayout | None:
    """Return the settings that read most frames of a folder; None: none were found.

    Args:
        root: the folder.
        pictures: folder below it -> the names of its pictures.
        typed: further settings, which they are tried with.
    """
    names = {folder.parts: list(files) for folder, files in pictures.items()}
    classes = known_classes(typed)
    best = _best(root, proposals(names, classes), typed)
    if best is not None and best.usable:
        return best
    other = _best(root, proposals_of_each(names, classes), typed)
    return max((one for one in (best, other) if one is not None), key=FolderLayout.worth, default=None)


def _tried(root: Path, settings: Mapping[str, Any], typed: Mapping[str, Any]) -> FolderLayout | None:
    try:
        return tried(root, settings, typed)
    except InputError:
        return None


def why_not(root: Path, settings: Mapping[str, Any], typed: Mapping[str, Any]) -> str:
    """Return why settings that were found read no frame of a folder together with those that were typed."""
    try:
        _, found = _listed(root, _joined(settings, typed))
    except InputError as error:
        return str(error)
    return next(iter(grouped(found.refused)), "they name none")


def tried(
    root: Path, settings: Mapping[str, Any], typed: Mapping[str, Any] = MappingProxyType({})
) -> FolderLayout | None:
    """Return what settings that were found read of a folder together with those that were typed; None: not one frame.

    Raises:
        InputError: the folder isn't as they say, or they don't go together.
    """
    joined = _joined(settings, typed)
    reading, found = _listed(root, joined)
    if not found.candidates:
        return None
    sample = found.candidates[:: -(-len(found.candidates) // _TRIED)]
    classes = {*reading.classes(), *(one.lesion_class for one in sample if one.lesion_class is not None)}
    values: dict[str | None, int] = {name: number for number, name in enumerate(sorted(classes), 1)}
    recipe = ReadingRecipe(
        64, reading.mask_threshold, swap=False, view="full", values=values, meanings=reading.mask_values
    )
    troubles = [trouble for trouble in (_trouble(one, recipe) for one in sample) if trouble]
    counts = len(found.candidates), len(found.refused), len(sample), len(sample) - len(troubles)
    guessed = "folder_group" in joined and "folder_group" not in typed
    frames, masks = _there(root, reading)
    extras = [file.name for files in masks.extras.values() for file in files]
    return FolderLayout(
        joined,
        *counts,
        next(iter(troubles), ""),
        next(iter(grouped(found.refused)), ""),
        named=_named(frames, masks),
        groups=tuple(sorted({one.group_id for one in found.candidates} if guessed else ())),
        ignored=Counter(sorted(extras) if reading.mask_extras == "ignore" else ()),
        drawn=looks_drawn([one.source.frame for one in sample]),
        together=max(1 + len(one.source.further) for one in found.candidates),
        paired=_belonging(root, joined, found.candidates),
        orphans=tuple(sorted(path.name for path in masks.orphans) if reading.missing_mask == "no_lesion" else ()),
    )


def _there(root: Path, reading: Reading) -> tuple[list[Path], Masks]:
    """Return the pictures that settings name as frames, and what they name as masks."""
    frames = [file for file in matching(root, reading.images) if is_image(file) and not file.is_dir()]
    if reading.masks is None:
        return frames, Masks({})
    return frames, find_masks(root, frames, reading.masks, Naming.of(reading))


def _named(frames: Iterable[Path], masks: Masks) -> int:
    """Return how many pictures settings name: as frames, as masks, or as files that lie beside these."""
    beside = masks.used.union(masks.orphans, *masks.extras.values(), (mask for mask, _ in masks.shared.values()))
    return sum(map(is_image, beside.union(frames)))


def _listed(root: Path, settings: Mapping[str, Any]) -> tuple[Reading, FoundFrames]:
    """Return how `FolderLayout.command` would have a folder read, and which frames that finds.

    Raises:
        InputError: the folder isn't as the settings say, or they don't go together.
    """
    values = {"card": "folder", "root": str(root), **settings}
    named = values if names_class(values) else {**values, "lesion_class": DEFAULT}
    reading = resolve(site_from(root.resolve().name, named))
    return reading, find_candidates("site", root, reading)


def _trouble(candidate: Candidate, recipe: ReadingRecipe) -> str:
    """Return why a frame isn't read with its masks; empty: it is."""
    source = candidate.source
    try:
        read_pixels(source.frame, candidate.drawn, candidate.lesion_class, recipe, source.further)
    except RefusedError as error:
        return f"{source.file}: {error}"
    return ""


def _best(root: Path, several: Iterable[Mapping[str, Any]], typed: Mapping[str, Any]) -> FolderLayout | None:
    layouts = [one for one in (_tried(root, settings, typed) for settings in several) if one is not None]
    best = max(layouts, key=FolderLayout.worth, default=None)
    if best is None or not best.affixes():
        return best
    same = [one for one in layouts if one.settings.get("masks") == best.settings.get("masks") and one.read == best.read]
    rivals = dict.fromkeys(one.affixes() for one in same if one.affixes() != best.affixes())
    return replace(best, rivals=tuple(rivals))


def _belonging(root: Path, settings: Mapping[str, Any], candidates: Iterable[Candidate]) -> tuple[str, ...]:
    """Return a frame of which settings take off a part of the name, and its mask; empty: they do of none with one."""
    if settings.keys().isdisjoint(AFFIXES):
        return ()
    pairs = ((one.source.file, one.source.mask) for one in candidates)
    return next(((file, mask.relative_to(root).as_posix()) for file, mask in pairs if mask is not None), ())
