"""Settings that would read a folder, found by the names of its folders and pictures and tried on some of them."""

from __future__ import annotations

import glob
import json
import os
import re
import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from mcdrl.base.errors import InputError
from mcdrl.base.folders import composed, matching
from mcdrl.base.issues import RefusedError, grouped
from mcdrl.commands.sites.classes import DEFAULT, known_classes, names_class
from mcdrl.commands.sites.edit import site_from
from mcdrl.commands.sites.mask_names import BESIDE, likeness
from mcdrl.imaging.decode import read_pixels
from mcdrl.imaging.recipe import ReadingRecipe
from mcdrl.sites.candidates import Candidate, FoundFrames, find_candidates
from mcdrl.sites.masks import Masks, Pattern, find_masks
from mcdrl.sites.naming import Naming, is_image
from mcdrl.study.meanings import IGNORE
from mcdrl.study.params import resolve
from mcdrl.study.reading import CLASS_RULES, GROUP_RULES, Reading

_LOOKED_AT = 300  # names of each kind that are compared
_TRIED = 6  # frames that are read
_SHOWN = 3  # folders that are named
_NO_PATIENT = frozenset(
    ("train", "training", "tr", "val", "valid", "validation", "dev", "test", "testing", "ts", "holdout", "split",
     "fold", "part", "set", "subset", "data", "dataset", "image", "images", "img", "imgs", "frame", "frames", "picture",
     "pictures", "mask", "masks", "label", "labels",
     "class", "no", "non", "with", "without", "benign", "malignant", "normal", "abnormal", "negative", "positive",
     "healthy", "lesion", "lesions", "polyps", "adenoma", "adenomas", "hyperplastic", "serrated")
)  # words of folders that say nothing of a patient: of splits, of what lies in them, of classes  # fmt: skip
_PLACES = frozenset(
    ("hospital", "hospitals", "clinic", "clinics", "center", "centers", "centre", "centres", "site", "sites")
)  # words of folders that hold those of many patients
_VIEWED = re.compile(r"overlay|preview|(^|[ _-])(viz|vis|blend)([ _-]|$)", re.IGNORECASE)  # made to be looked at
_NUMBER = re.compile(r"[ _-]?\(?\d+\)?$")  # at the end of a mask's name, where a frame has several
Parts = tuple[str, ...]


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
        return [
            *[f"of the files that are refused below: {self.refusal}"] * bool(refused),
            *[f"folder_group={number} below takes a folder for a patient or sequence, which is a guess: {shown}; leave "
              "it out where it is none, or where folders of one name are of several"] * bool(self.groups),
            *[f"mask_extras=ignore below leaves out {sum(self.ignored.values())} files that are called like masks: "
              f"{left}; a lesion that they alone show is lost"] * bool(self.ignored),
        ]  # fmt: skip

    def worth(self) -> tuple[int, int, int]:
        """Return what the better one of two layouts has more of."""
        return self.usable * self.read, self.read, -self.refused

    def command(self, root: Path) -> str:
        """Return the command line that checks the folder with these settings."""
        given = [f"--set {shlex.quote(f'{key}={_written(value)}')}" for key, value in self.settings.items()]
        return " ".join(["mcdrl sites check", shlex.quote(str(root)), "--card folder", *given])


@dataclass(frozen=True)
class _Pair:
    """Folders of frames and of masks that are called alike but for one part of their paths."""

    frames: tuple[Parts, ...]
    masks: tuple[Parts, ...]


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
    both, classes = _beside(names), known_classes(typed)
    pairs = [*_pairs(names), *(_Pair(folders, folders) for folders in both)]
    paired = [one for pair in pairs for one in _settings(pair, names, classes)]
    best = _best(root, [*paired, *_fixed(names, classes)], typed)
    if best is not None and best.usable:
        return best
    alone = [_Pair((one,), (one,)) for folders in both for one in folders if len(folders) > 1]
    other = _best(root, [one for pair in alone for one in _settings(pair, names, classes)], typed)
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
    )


def _there(root: Path, reading: Reading) -> tuple[list[Path], Masks]:
    """Return the pictures that settings name as frames, and what they name as masks."""
    frames = [file for file in matching(root, reading.images) if is_image(file) and not file.is_dir()]
    if reading.masks is None:
        return frames, Masks({})
    naming = Naming(reading.images, reading.case_ids, reading.frame_suffix or "")
    return frames, find_masks(root, frames, reading.masks, naming)


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
    layouts = [_tried(root, settings, typed) for settings in several]
    return max((one for one in layouts if one is not None), key=FolderLayout.worth, default=None)


def _pairs(folders: Iterable[Parts]) -> list[_Pair]:
    """Return folders of frames with their folders of masks, those in one scheme together.

    Two folders are a pair if one part of their paths alone differs, and that of the masks is the more like masks.
    """
    there = list(folders)
    alike: dict[tuple[int, Parts], list[Parts]] = {}
    for parts in there:
        for index in range(len(parts)):
            alike.setdefault((index, parts[:index] + parts[index + 1 :]), []).append(parts)
    schemes: dict[tuple[int, int, str, str], list[tuple[Parts, Parts]]] = {}
    for (index, _), family in alike.items():
        for other in [parts for parts in family if likeness(parts[index])]:
            for one in [parts for parts in family if likeness(parts[index]) < likeness(other[index])]:
                schemes.setdefault((len(one), index, one[index], other[index]), []).append((one, other))
    return [_Pair(*zip(*pairs, strict=True)) for pairs in schemes.values()]


def _beside(names: Mapping[Parts, Sequence[str]]) -> list[tuple[Parts, ...]]:
    """Return folders that hold masks beside their frames, those of equal depth together."""
    depths: dict[int, list[Parts]] = {}
    for parts, files in names.items():
        if any(BESIDE.search(_stem(name)) for name in files):
            depths.setdefault(len(parts), []).append(parts)
    return [tuple(folders) for folders in depths.values()]


def _settings(pair: _Pair, names: Mapping[Parts, Sequence[str]], classes: Collection[str]) -> list[dict[str, Any]]:
    ours, theirs = ([name for folder in folders for name in names[folder]] for folders in (pair.frames, pair.masks))
    if pair.frames == pair.masks:
        theirs = [name for name in ours if BESIDE.search(_stem(name))]
        ours = [name for name in ours if not BESIDE.search(_stem(name))]
    frames, masks = list(map(_stem, ours)), list(map(_stem, theirs))
    alone = max(len(names[folder]) for folder in pair.frames) == 1 < len(frames)  # a folder a frame, which is no group
    called = _called(frames, masks) or (("*" if len(set(masks)) > 1 else f"{masks[0]}.*", "") if alone else None)
    if called is None:
        return []
    name, suffix = called
    alone &= not (suffix or "{stem}" in name)
    found = _placed(pair, f"*{_ending(ours)}", name, classes, frames=len(frames), alone=alone)
    found |= {"frame_suffix": suffix} if suffix else {}
    found |= {"case_ids": "path"} if len(set(frames)) < len(frames) else {}
    return [found, *_otherwise(found)]


def _placed(
    pair: _Pair, frame: str, mask: str, classes: Collection[str], *, frames: int, alone: bool
) -> dict[str, Any]:
    """Return where frames and masks of these names are, and which folder may be the patient's.

    Of several it is the deepest of which one at least holds several frames.

    Args:
        pair: their folders.
        frame: the frames' name, a pattern.
        mask: the masks' name, likewise.
        classes: the lesion classes; folders called so are none of patients.
        frames: how many there are.
        alone: whether each has a folder of its own, which is none of patients.
    """
    varying = {index for index, parts in enumerate(zip(*pair.frames, strict=True)) if len(set(parts)) > 1}
    images = [("*" if index in varying else glob.escape(part)) for index, part in enumerate(pair.frames[0])]
    where = [(f"{{{index}}}" if index in varying else part) for index, part in enumerate(pair.masks[0])]
    found: dict[str, Any] = {"images": "/".join([*images, frame]), "masks": "/".join([*where, mask])}
    folders = {index: {parts[index] for parts in pair.frames} for index in sorted(varying)}
    left = {index: called for index, called in folders.items() if not (alone and len(called) == frames)}
    groups = [index for index, called in left.items() if not _of_no_patients(called, classes)]
    if len(groups) > 1:
        groups = [index for index in groups if len({parts[: index + 1] for parts in pair.frames}) < frames]
    return found | ({"folder_group": groups[-1]} if groups else {})


def _of_no_patients(folders: Collection[str], classes: Collection[str]) -> bool:
    """Return whether most of these folders are called like a part of a data set, what lies in it, a class or a place.

    Args:
        folders: their names.
        classes: the lesion classes.
    """
    silent = _NO_PATIENT.union(*map(_words, classes))
    words = list(map(_words, folders))
    return 2 * sum(bool(one) and (silent.issuperset(one) or not _PLACES.isdisjoint(one)) for one in words) > len(words)


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", name.casefold())


def _fixed(names: Mapping[Parts, Sequence[str]], classes: Collection[str]) -> list[dict[str, Any]]:
    """Return settings for folders that hold one frame each, all of them under the same name, and so its mask."""
    depths: dict[int, list[Parts]] = {}
    for parts in names:
        depths.setdefault(len(parts), []).append(parts)
    return [one for folders in depths.values() for one in _fixed_in(folders, names, classes)]


def _fixed_in(
    folders: Sequence[Parts], names: Mapping[Parts, Sequence[str]], classes: Collection[str]
) -> list[dict[str, Any]]:
    counts = Counter(stem for folder in folders for stem in set(map(_stem, names[folder])))
    common = [name for name, count in sorted(counts.items()) if 2 * count > len(folders) and not _VIEWED.search(name)]
    masks = [name for name in common if likeness(name) or BESIDE.search(f"_{name}")]
    frames = [name for name in common if name not in masks]
    if len(frames) != 1 or len(folders) < 2:
        return []
    found = []
    for mask in masks:
        both = tuple(folder for folder in folders if {mask, *frames} <= set(map(_stem, names[folder])))
        ending = _ending([name for folder in both for name in names[folder] if _stem(name) == frames[0]]) or ".*"
        stems = {_stem(name) for folder in both for name in names[folder]}
        frame, start = f"{glob.escape(frames[0])}{ending}", _NUMBER.sub("", mask)
        alone, together = (
            _placed(_Pair(both, both), frame, name, classes, frames=len(both), alone=True) | {"case_ids": "path"}
            for name in (f"{mask}.*", f"{start}*.*")
        )
        ends = {stem.removeprefix(start) for stem in stems if stem.startswith(start)}
        numbered = len(ends) > 1 and all(not end or _NUMBER.fullmatch(end) for end in ends)
        found += [*[together] * numbered, alone, {**alone, "mask_extras": "ignore"}]
    return found


def _ending(names: Sequence[str]) -> str:
    """Return the ending that all of these names have; empty: they have several."""
    endings = {os.path.splitext(name)[1] for name in names}
    return glob.escape(endings.pop()) if len(endings) == 1 else ""


def _stem(name: str) -> str:
    return composed(os.path.splitext(name)[0])


def _otherwise(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return settings that take fewer of the files that go on behind a frame's name: numbered ones, or the first."""
    masks = str(settings["masks"])
    if not masks.endswith("*.*"):
        return []
    first = {**settings, "masks": f"{masks.removesuffix('*.*')}.*", "mask_extras": "ignore"}
    return [{**settings, "masks": Pattern.of(masks).numbered}, first]


def _called(frames: Sequence[str], masks: Sequence[str]) -> tuple[str, str] | None:
    """Return the name of a mask with {stem}, and the suffix of the frames' names; None: they have nothing in common."""
    ours, theirs = sorted(set(frames), key=len, reverse=True)[:_LOOKED_AT], sorted(set(masks))[:_LOOKED_AT]
    around = Counter(pair for pair in (_around(mask, ours) for mask in theirs) if pair is not None)
    if around:
        before = Counter(pair[0] for pair in around.elements()).most_common(1)[0][0]
        behind = sorted({pair[1] for pair in around if pair[0] == before}, key=lambda text: (len(text), text))
        common = behind[0] if all(text.startswith(behind[0]) for text in behind) else ""
        return f"{before}{{stem}}{common}{'*' if len(behind) > 1 else ''}.*", ""
    longest = sorted(theirs, key=len, reverse=True)
    ends = Counter(end for end in (_end(frame, longest) for frame in ours) if end is not None)
    return ("{stem}.*", ends.most_common(1)[0][0]) if ends else None


def _around(mask: str, frames: Sequence[str]) -> tuple[str, str] | None:
    """Return what a mask's name has before and behind that of the longest frame in it."""
    for frame in frames:
        before, found, behind = mask.partition(frame)
        if found and not behind[:1].isalnum() and not before[-1:].isdigit():
            return before, behind
    return None


def _end(frame: str, masks: Sequence[str]) -> str | None:
    return next((frame[len(mask) :] for mask in masks if frame.startswith(mask)), None)
