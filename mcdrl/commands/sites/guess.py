"""Which card fits a folder: by its layout, its table and its number of frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from mcdrl.base.errors import InputError
from mcdrl.base.folders import check_hashable, matching, no_folder
from mcdrl.base.output import say
from mcdrl.commands.sites.annotated import READ, find_annotated
from mcdrl.commands.sites.kinds import QUPATH, SUPERVISELY, VIA, VOC
from mcdrl.commands.sites.layout import FolderLayout, find_layout, tried, why_not
from mcdrl.commands.sites.mask_names import WITHIN
from mcdrl.commands.sites.survey import FolderSurvey, masks_beside, survey
from mcdrl.commands.sites.unread import unread
from mcdrl.sites.folder import list_reading
from mcdrl.sites.table import read_table
from mcdrl.study.reading import AFFIXES, MASK_RULES, Reading
from mcdrl.study.site_cards import SiteCard, card_names, read_card

OWN = "folder"  # the card of a folder of one's own
_FRAMES = "JPEG, PNG, TIFF, BMP, WebP or DICOM"
_WHERE = "images=... --set masks=..."
_NAMED = (
    "give it the frame's name, or a part of it that stands between the same frame_prefix and frame_suffix in all, and "
    "--set masks=.../{stem}.* with what stands before or behind that"
)
_NO_MASKS = "nothing is known here as masks or annotations (frames alone: `mcdrl predict`); if there are some, "
_MASKS = "export them as masks, a PNG a frame"
_INSTEAD_READ = "names propose other settings, with which frames would be read"
_OF_NAMES = ("images", *MASK_RULES, *AFFIXES, "annotation_format", "case_ids", "missing_mask", "mask_extras")
_INSTEAD = {
    VIA: f"{_MASKS}, or, in VIA, as COCO",
    QUPATH: _MASKS,
    SUPERVISELY: f"{_MASKS}, or as COCO",
    VOC: "they don't say where in them the lesion is; give masks or polygons",
}  # annotations that aren't read -> what to do


@dataclass(frozen=True)
class Guess:
    """A card for a folder.

    Attributes:
        card: its name.
        why: what speaks for it, in a few words.
        others: cards that would read the folder, too, and expect as many frames as are there.
    """

    card: str
    why: str
    others: tuple[str, ...] = ()


def guess_card(root: Path, values: Mapping[str, Any] = MappingProxyType({})) -> Guess:
    """Return the card that a folder seems to need.

    A card counts as recognised if it reads at least one frame with its mask and has more to go by than the common
    images/ and masks/: a table with the right columns, polygons, or folders of its own.

    Args:
        root: the folder.
        values: keys of the site that were given, which a command line that is suggested holds, too.

    Raises:
        InputError: `root` is no folder or can't be read by DVC, no card fits, or several do.
    """
    if not root.is_dir():
        raise InputError(f"{no_folder(root)}; give the folder that holds the site's frames and masks")
    check_hashable(root)
    fitting = {name: (card, count) for name, card, count in _fitting(root)}
    special = [name for name, (card, _) in fitting.items() if _telling(card.read)]
    if len(special) == 1:
        return Guess(special[0], f"its layout is that of {fitting[special[0]][0].title}")
    if special:
        raise InputError(f"several cards fit {root}: {', '.join(special)}; choose one with --card")
    if OWN not in fitting:
        raise InputError(_unfit(root, values))
    equal = [name for name, (card, count) in fitting.items() if card.expected.frames == count]
    return Guess(OWN, "it has images/ and masks/", tuple(equal))


def otherwise_read(root: Path, values: Mapping[str, Any]) -> str:
    """Return the command line that reads a folder of which the settings given name no frame; empty: none is known.

    Args:
        root: the folder.
        values: keys of the site that were given; what they say of the names of frames and masks is left out.
    """
    try:
        if tried(root, values) is not None:
            return ""
    except InputError:
        pass
    kept = {key: value for key, value in values.items() if key not in _OF_NAMES}
    try:
        check_hashable(root)
    except InputError:  # which nothing that is said of names would mend
        return ""
    layouts, _ = _layouts(root, survey(root), kept)
    best = next((one for one in layouts if one.usable == one.tried and not one.drawn), None)
    return "" if best is None else "\n  ".join(["", *best.lines(), f"{_INSTEAD_READ}: {best.command(root)}"])


def _unfit(root: Path, values: Mapping[str, Any]) -> str:
    """Return what a folder holds that no card fits, and the command line that would read it if there is one."""
    found = survey(root)
    there = [f"found: {line}" for line in found.lines()] or ["found: no picture, no annotation, no archive"]
    layouts, lines = _layouts(root, found, values)
    if values and not layouts:
        layouts, lines = _layouts(root, found, {})
        lines += [_against(root, one, values) for one in layouts[:1]]
    read = [one for one in layouts if one.usable] or layouts
    pictures = sum(map(len, found.pictures.values()))
    lines += [line for one in read for line in one.lines()]
    fixes = [f"{one.said(pictures)}: {one.command(root)}" for one in read]
    beside = [line for line in [masks_beside(root)] if line and not found.masks]
    return "\n  ".join([f"no card fits {root}", *there, *lines, *(fixes or [*beside, _fix(found)])])


def _layouts(root: Path, found: FolderSurvey, values: Mapping[str, Any]) -> tuple[list[FolderLayout], list[str]]:
    """Return settings that read frames together with those that were given, the best ones first, and what to say."""
    annotated, lines = find_annotated(root, found, values)
    layouts = [one for one in (find_layout(root, found.pictures, values), *annotated) if one is not None]
    return sorted(layouts, key=FolderLayout.worth, reverse=True), lines


def _against(root: Path, layout: FolderLayout, values: Mapping[str, Any]) -> str:
    """Return why the settings of a layout are suggested without those that were given."""
    reason = why_not(root, layout.settings, values)
    return f"below without {', '.join(values)} as given, with which no frame would be read: {reason}"


def _fix(found: FolderSurvey) -> str:
    """Return what helps where no command line is known that reads a folder."""
    read = READ.keys() & found.others.keys()
    if not found.pictures and read:
        return "there are annotations and no pictures; give the folder that holds both"
    unread = [kind for kind in _INSTEAD if kind in found.others]
    if unread and not read and not found.masks:
        return f"{unread[0]} aren't read; {_INSTEAD[unread[0]]}"
    frames = sorted(found.pictures.keys() - found.masks)
    if not frames:
        return f"there are no frames; give the folder that holds them, with their masks: {_FRAMES}"
    if not read and (apart := _apart(found)):
        return f"no mask is called like a frame ({apart[0]}, {apart[1]}); {_NAMED}"
    known = bool(read or found.masks)
    return (
        f"{_NO_MASKS * (not known)}give --card (`mcdrl sites cards` lists them), and what differs with --set {_WHERE}"
    )


def _apart(found: FolderSurvey) -> tuple[PurePosixPath, PurePosixPath] | None:
    """Return a mask and a frame of a folder where no mask is called like a frame; None: one is, or none is known."""
    pictures = [folder / name for folder, names in sorted(found.pictures.items()) for name in names]
    masks = [one for one in pictures if one.parent in found.masks]
    masks = masks or [one for one in pictures if WITHIN.search(one.stem)]
    drawn = set(masks)
    frames = [one for one in pictures if one not in drawn]
    if not masks or not frames or not {one.stem for one in masks}.isdisjoint({one.stem for one in frames}):
        return None
    return masks[0], frames[0]


def _fitting(root: Path) -> list[tuple[str, SiteCard, int]]:
    cards = [(name, read_card(name)) for name in card_names()]
    counted = [(name, card, _count(root, card.read)) for name, card in cards]
    return [(name, card, count) for name, card, count in counted if count]


def _count(root: Path, reading: Reading) -> int:
    """Return how many frames with a mask, or beside outlines, a reading finds; 0 if it doesn't fit."""
    try:
        if reading.table is not None:
            read_table(root / reading.table, reading)
        drawn = reading.polygons or reading.annotations
        if drawn is not None and not matching(root, drawn):
            return 0
        return len(list_reading(root, reading).sources)
    except InputError:
        return 0


def _telling(reading: Reading) -> bool:
    told = (reading.table, reading.polygons, reading.annotations)
    return any(one is not None for one in told) or not reading.images.startswith("images/")


def _otherwise(other: str, values: Mapping[str, Any]) -> str:
    """Return in which keys another card reads a folder otherwise than the folder's own card and `values`."""
    ours = {**read_card(OWN).read.model_dump(exclude_unset=True), **values}
    theirs = read_card(other).read.model_dump(exclude_unset=True)
    differing = [key for key in theirs if theirs[key] != ours.get(key)]
    told = ", ".join(f"{key}: {theirs[key]} (here {ours.get(key, 'not given')})" for key in differing)
    return f"which differs in {told}" if told else "which reads the same and knows what a whole copy holds"


def guessed_or_given(
    card: str | None, root: Path, values: Mapping[str, Any] = MappingProxyType({}), name: str = "NAME"
) -> str:
    """Return `card`, or the one that fits the folder, and say so.

    Args:
        card: its name; None: nobody has said.
        root: the folder.
        values: further keys of the site; where they say what its frames and masks are called, nothing is guessed.
        name: the site's.

    Raises:
        InputError: as `guess_card`.
    """
    if card is not None:
        return card
    if {"images", *MASK_RULES} & set(values):
        say(f"card '{OWN}', with the settings given")
        return OWN
    guess = guess_card(root, values)
    say(f"card '{guess.card}': {guess.why}")
    for line in unread(root, values) if guess.card == OWN else []:
        say(f"  {line}")
    for other in guess.others:
        say(f"  as many frames as {other}, {_otherwise(other, values)}; if it is that data set, add --card {other}")
        say(f"  (once the site is added: mcdrl sites set {name} card={other})")
    return guess.card
