"""Settings that would read a folder, as the names of its folders and pictures propose them; none has been tried."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mcdrl.base.folders import composed
from mcdrl.commands.sites.common_names import MaskName, mask_names
from mcdrl.commands.sites.mask_names import BESIDE, called_mask, likeness
from mcdrl.sites.masks import Pattern

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
class _Pair:
    """Folders of frames and of masks that are called alike but for one part of their paths.

    Attributes:
        frames: the frames' folders.
        masks: those of their masks.
        around: what that part has before and behind the frames' in the masks' paths, where it differs from pair to
            pair; else empty.
    """

    frames: tuple[Parts, ...]
    masks: tuple[Parts, ...]
    around: tuple[str, str] = ("", "")

    def named(self, index: int) -> str:
        """Return how a part of the masks' paths is named by that of their frames'."""
        before, behind = self.around if self.frames[0][index] != self.masks[0][index] else ("", "")
        return f"{before}{{{index}}}{behind}"


def proposals(names: Mapping[Parts, Sequence[str]], classes: Collection[str]) -> list[dict[str, Any]]:
    """Return settings that read folders of one scheme together.

    Args:
        names: parts of a folder's path -> the names of its pictures.
        classes: lesion classes that are known.
    """
    pairs = [*_pairs(names), *(_Pair(folders, folders) for folders in _beside(names))]
    return [*(one for pair in pairs for one in _settings(pair, names, classes)), *_fixed(names, classes)]


def proposals_of_each(names: Mapping[Parts, Sequence[str]], classes: Collection[str]) -> list[dict[str, Any]]:
    """Return settings that read one folder of several with masks beside their frames; arguments as for `proposals`."""
    alone = [_Pair((one,), (one,)) for folders in _beside(names) for one in folders if len(folders) > 1]
    return [one for pair in alone for one in _settings(pair, names, classes)]


def _pairs(folders: Iterable[Parts]) -> list[_Pair]:
    """Return folders of frames with their folders of masks, those in one scheme together.

    Two folders are a pair if one part of their paths alone differs, and that of the masks is the more like masks; it
    may stand there more than once, as in train/train beside train_gt/train_gt.
    """
    alike: dict[tuple[tuple[int, ...], Parts], list[Parts]] = {}
    for parts in folders:
        for places in _places(parts):
            rest = tuple(part for index, part in enumerate(parts) if index not in places)
            alike.setdefault((places, rest), []).append(parts)
    schemes: dict[tuple[int, tuple[int, ...], str, str], list[tuple[Parts, Parts]]] = {}
    around: dict[tuple[int, tuple[int, ...], str, str], list[tuple[Parts, Parts]]] = {}
    for (places, _), family in alike.items():
        index = places[0]
        for other in [parts for parts in family if likeness(parts[index])]:
            for one in [parts for parts in family if likeness(parts[index]) < likeness(other[index])]:
                schemes.setdefault((len(one), places, one[index], other[index]), []).append((one, other))
                before, inside, behind = other[index].partition(one[index])
                if inside:
                    around.setdefault((len(one), places, before, behind), []).append((one, other))
    several = {key: pairs for key, pairs in around.items() if len({one[key[1][0]] for one, _ in pairs}) > 1}
    return [
        *(_Pair(*zip(*pairs, strict=True)) for pairs in schemes.values()),
        *(replace(_Pair(*zip(*pairs, strict=True)), around=key[2:]) for key, pairs in several.items()),
    ]


def _places(parts: Parts) -> list[tuple[int, ...]]:
    """Return where each part of a path stands: each place by itself, and all those of one that stands there again."""
    again = [tuple(index for index, part in enumerate(parts) if part == one) for one in dict.fromkeys(parts)]
    return [*((index,) for index in range(len(parts))), *(places for places in again if len(places) > 1)]


def _beside(names: Mapping[Parts, Sequence[str]]) -> list[tuple[Parts, ...]]:
    """Return folders that hold masks beside their frames, those of equal depth together."""
    return _by_depth(parts for parts, files in names.items() if any(called_mask(_stem(name)) for name in files))


def _by_depth(folders: Iterable[Parts]) -> list[tuple[Parts, ...]]:
    depths: dict[int, list[Parts]] = {}
    for parts in folders:
        depths.setdefault(len(parts), []).append(parts)
    return [tuple(same) for same in depths.values()]


def _settings(pair: _Pair, names: Mapping[Parts, Sequence[str]], classes: Collection[str]) -> list[dict[str, Any]]:
    ours, theirs = ([name for folder in folders for name in names[folder]] for folders in (pair.frames, pair.masks))
    if pair.frames == pair.masks:
        ours, theirs = _told_apart(ours)
    frames, masks = list(map(_stem, ours)), list(map(_stem, theirs))
    alone = max(len(names[folder]) for folder in pair.frames) == 1 < len(frames)  # a folder a frame, which is no group
    called = mask_names(frames, masks)
    if not called and alone:
        called = [MaskName("*" if len(set(masks)) > 1 else f"{masks[0]}.*")]
    found = []
    for name in called:
        one = alone and "{stem}" not in name.pattern
        further = {"frame_prefix": name.prefix, "frame_suffix": name.suffix}
        further["case_ids"] = "path" if len(set(frames)) < len(frames) else ""
        said = {key: value for key, value in further.items() if value}
        for images in _images(pair, name, _ending(ours)):
            settings = _placed(pair, images, name.pattern, classes, frames=len(frames), alone=one) | said
            found += [settings, *_otherwise(settings)]
    return found


def _told_apart(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the frames and the masks of one folder; where all begin as masks do, those with a mask's ending are."""
    of_masks = called_mask if any(not called_mask(_stem(name)) for name in names) else BESIDE.search
    masks = {name for name in names if of_masks(_stem(name))}
    return [name for name in names if name not in masks], [name for name in names if name in masks]


def _images(pair: _Pair, name: MaskName, ending: str) -> list[str]:
    """Return what frames may be called: anything, or, in a folder of other pictures, what prefix and suffix leave."""
    called = f"{glob.escape(name.prefix)}*{glob.escape(name.suffix)}{ending}"
    return list(dict.fromkeys((f"*{ending}", called if pair.frames == pair.masks else f"*{ending}")))


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
    where = [(pair.named(index) if index in varying else part) for index, part in enumerate(pair.masks[0])]
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
    return [one for folders in _by_depth(names) for one in _fixed_in(folders, names, classes)]


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
