"""Settings that would read a folder whose lesions stand in an annotation tool's files."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from mcdrl.base.errors import InputError
from mcdrl.commands.sites.classes import DEFAULT, known_classes
from mcdrl.commands.sites.kinds import COCO, CVAT, LABELME, UNKNOWN_JSON, YOLO, YOLO_BOXES
from mcdrl.commands.sites.layout import FolderLayout, tried, why_not
from mcdrl.commands.sites.mask_names import likeness
from mcdrl.commands.sites.survey import FolderSurvey
from mcdrl.imaging.annotations.annotated import files_of, known_labels
from mcdrl.imaging.annotations.formats import READERS
from mcdrl.imaging.annotations.parsing import json_of
from mcdrl.sites.annotations import match
from mcdrl.study.meanings import IGNORE, NO_CLASS
from mcdrl.study.reading import AnnotationFormat

READ: Mapping[str, AnnotationFormat] = {
    COCO: "coco", LABELME: "labelme", CVAT: "cvat", YOLO: "yolo", YOLO_BOXES: "yolo",
}  # fmt: skip
"""Kind of annotations, as `survey` calls it -> how they are read, or refused with the reason."""
_BOXES = "a box has no outline; export polygons"
_PARSED = 50  # JSON files of no known kind that are looked into


def find_annotated(
    root: Path, found: FolderSurvey, typed: Mapping[str, Any] = MappingProxyType({})
) -> tuple[list[FolderLayout], list[str]]:
    """Return settings that read frames with annotations, one for each format that is there and fits.

    Args:
        root: the folder.
        found: what lies in it.
        typed: further settings, which they are tried with.

    Returns:
        The layouts, and a line for each format that is there and of which something can't be read, or whose labels are
        to be judged, and for files that are damaged.
    """
    layouts, lines = [], _damaged(root, found.others.get(UNKNOWN_JSON, []))
    for kind, files in _files_of_kinds(found):
        fitting, problem = _fitting(root, _frames(found), files, READ[kind], typed)
        if fitting is None or kind == YOLO_BOXES:  # whose frames without a lesion alone would be read
            lines.append(f"{kind} that can't be read: {problem or (fitting and fitting.refusal) or _BOXES}")
            continue
        if "label_class" not in typed:
            fitting = _of_known_classes(fitting, known_classes(typed), typed.get("lesion_class"))
            lines += _to_be_judged(kind, fitting)
        lines += [f"{kind}, of the files that are refused: {fitting.refusal}"] * bool(fitting.refusal)
        layouts.append(fitting)
    return layouts, lines


def _files_of_kinds(found: FolderSurvey) -> list[tuple[str, list[PurePosixPath]]]:
    """Return each kind of annotations beside pictures, and its files; boxes in a folder of outlines are with these."""
    others = found.others if found.pictures else {}
    files = {kind: [PurePosixPath(one) for one in others[kind]] for kind in READ if kind in others}
    if YOLO in files:
        folders = {one.parent for one in files[YOLO]}
        files[YOLO] = sorted([*files[YOLO], *(one for one in files.pop(YOLO_BOXES, []) if one.parent in folders)])
    return list(files.items())


def _damaged(root: Path, files: Sequence[str]) -> list[str]:
    """Return a line on JSON files of no known kind that can't be parsed, with the first one's reason."""
    reasons = [reason for reason in (_unparsed(root / one) for one in files[:_PARSED]) if reason]
    more = f" (and {len(reasons) - 1} more like it)" if len(reasons) > 1 else ""
    return [f"{reasons[0]}{more}; export it anew"] if reasons else []


def _unparsed(path: Path) -> str:
    """Return why a JSON file can't be parsed; empty: it can."""
    try:
        json_of(path)
    except (InputError, OSError) as error:
        return str(error)
    return ""


def _frames(found: FolderSurvey) -> list[list[PurePosixPath]]:
    """Return which pictures may be the frames: first those of no folder called like masks, then those called less so.

    Frames that are annotated often lie in a folder called so.
    """
    without = (
        {folder for folder in found.pictures if likeness(folder.name)},
        {folder for folder in found.pictures if likeness(folder.name) > 1} | found.masks,
        found.masks,
        set[PurePosixPath](),
    )
    chosen = [
        [folder / name for folder, names in found.pictures.items() if folder not in left for name in names]
        for left in without
    ]
    several = [[frame for frame in frames if "\\" not in frame.name] for frames in chosen]
    return [frames for index, frames in enumerate(several) if frames and frames not in several[:index]]


def _fitting(
    root: Path,
    several: Sequence[Sequence[PurePosixPath]],
    files: Sequence[PurePosixPath],
    form: AnnotationFormat,
    typed: Mapping[str, Any],
) -> tuple[FolderLayout | None, str]:
    """Return the layout of the first frames that can be read, else of those that are named, or why there is none."""
    layouts, problems = list[FolderLayout](), list[str]()
    for frames in several:
        try:
            settings = _settings(root, frames, files, form)
            found = tried(root, settings, typed)
        except InputError as error:
            problems.append(str(error))
            continue
        if found is not None and found.usable:
            return found, ""
        if found is None:
            problems.append(why_not(root, settings, typed))
        else:
            layouts.append(found)
    return next(iter(layouts), None), next(iter(problems), "")


def _of_known_classes(layout: FolderLayout, known: Sequence[str], chosen: str | None) -> FolderLayout:
    """Return a layout that takes none of several labels for a lesion but those that are called like a lesion class.

    Args:
        layout: with a class for every label.
        known: the lesion classes.
        chosen: the class of every lesion; None: each has its label's.
    """
    classes = layout.settings.get("label_class", {})
    if len(classes) < 2:
        return layout
    called = {_spelt(name): chosen or name for name in known if _spelt(name)}
    meant = {label: name if name in (None, IGNORE) else called.get(_spelt(label)) for label, name in classes.items()}
    unjudged = tuple(label for label, name in classes.items() if name is not None and meant[label] is None)
    kept = {label: name for label, name in meant.items() if label not in unjudged}
    settings = {key: value for key, value in layout.settings.items() if key != "label_class"}
    return replace(layout, settings=settings | ({"label_class": kept} if kept else {}), unjudged=unjudged)


def _to_be_judged(kind: str, layout: FolderLayout) -> list[str]:
    """Return lines on labels of which somebody has to say what they are, or of which not all may be lesions."""
    classes = layout.settings.get("label_class", {})
    names = [label for label, name in classes.items() if name not in (None, IGNORE)]
    told = f"{', '.join(names)}; put null for those that are no lesion, such as an instrument"
    doubtful = len(names) > 1 or any(_class_of(name) is None for name in names)
    taken = [f"label_class below takes labels of the {kind} for a lesion class: {told}"] * doubtful
    return taken + [
        f"the command below leaves out labels of the {kind} that no lesion class is called like: "
        f"{', '.join(layout.unjudged)}; list each in label_class: a class, null (no lesion, such as an instrument) or "
        "ignore (nobody judged)"
    ] * bool(layout.unjudged)


def _settings(
    root: Path, frames: Sequence[PurePosixPath], files: Sequence[PurePosixPath], form: AnnotationFormat
) -> dict[str, Any]:
    pattern = pattern_of(files)
    annotated = READERS[form](files_of(root, pattern), root)
    of = match([sheet.name for sheet in annotated.sheets], [frame.as_posix() for frame in frames])
    named = [sheet for sheet, frame in zip(annotated.sheets, of, strict=True) if frame is not None]
    labels = known_labels(named, annotated.declared)
    given: dict[str, Any] = {"images": _glob(frames), "annotations": pattern, "annotation_format": form}
    given |= {"case_ids": "path"} if len({one.stem for one in frames}) < len(frames) else {}
    return given | ({"label_class": _classes_of(labels)} if any(labels) else {})


def _classes_of(labels: Iterable[str]) -> dict[str, str | None]:
    """Return label -> its class; where every label says that there is no lesion, what is marked is taken for one."""
    classes = {label: _class_of(label) for label in labels}
    return classes if any(classes.values()) else dict.fromkeys(classes, DEFAULT)


def _class_of(label: str) -> str | None:
    """Return a label as a lesion class may be called, None where it says that there is none.

    Whether another one is a lesion is the user's to say.
    """
    name = _spelt(label) or DEFAULT
    return name if name == IGNORE or name not in NO_CLASS else None


def _spelt(label: str) -> str:
    """Return a label or a class in small letters, with a _ for what is neither letter nor digit."""
    return re.sub(r"\W+", "_", label.lower()).strip("_")


def pattern_of(files: Sequence[PurePosixPath]) -> str:
    """Return a glob that names annotation files by folders and endings, a single one by its name, too."""
    return _glob(files, by_name=True)


def _glob(files: Sequence[PurePosixPath], *, by_name: bool = False) -> str:
    """Return a glob that names files, and as few others as can be told by folders, endings and, if wanted, one name."""
    depths = {len(file.parts) for file in files}
    endings = sorted({file.suffix for file in files})
    last = f"*{endings[0]}" if len(endings) == 1 else "*"
    if len(depths) > 1:
        return f"**/{last}"
    *folders, names = (sorted(set(parts)) for parts in zip(*(file.parts for file in files), strict=True))
    above = [glob.escape(parts[0]) if len(parts) == 1 else "*" for parts in folders]
    return "/".join([*above, glob.escape(names[0]) if by_name and len(names) == 1 else last])
