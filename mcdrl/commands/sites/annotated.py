"""Settings that would read a folder whose lesions stand in an annotation tool's files."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from mcdrl.base.errors import InputError
from mcdrl.commands.sites.layout import Layout, tried
from mcdrl.commands.sites.survey import Survey
from mcdrl.imaging.annotations.annotated import files_of, known_labels
from mcdrl.imaging.annotations.formats import READERS
from mcdrl.sites.annotations import match
from mcdrl.sites.naming import like_masks
from mcdrl.study.reading import AnnotationFormat

_KINDS: dict[str, AnnotationFormat] = {
    "COCO annotations": "coco",
    "LabelMe annotations": "labelme",
    "CVAT annotations": "cvat",
    "YOLO annotations": "yolo",
}  # as `survey` calls them


def find_annotated(root: Path, found: Survey) -> tuple[list[Layout], list[str]]:
    """Return settings that read frames with annotations, one for each format that is there and fits.

    Args:
        root: the folder.
        found: what lies in it.

    Returns:
        The layouts, and a line for each format that is there and can't be read, or whose labels are to be judged.
    """
    folders = {folder: names for folder, names in found.pictures.items() if not like_masks(folder)}
    frames = [folder / name for folder, names in folders.items() for name in names if "\\" not in name]
    layouts, lines = [], []
    for kind, form in _KINDS.items():
        if not frames or kind not in found.others:
            continue
        try:
            settings = _settings(root, frames, [PurePosixPath(one) for one in found.others[kind]], form)
            layouts.append(tried(root, settings))
        except InputError as error:
            lines.append(f"{kind} that can't be read: {error}")
        else:
            lines += _to_be_judged(kind, settings.get("label_class", {}))
    return [one for one in layouts if one is not None], lines


def _to_be_judged(kind: str, labels: Iterable[str]) -> list[str]:
    """Return a line on labels of which not all may be lesions."""
    names = list(labels)
    told = f"{', '.join(names)}; put null for those that are no lesion, such as an instrument"
    return [f"label_class below takes each label of the {kind} for a lesion class: {told}"] * (len(names) > 1)


def _settings(
    root: Path, frames: Sequence[PurePosixPath], files: Sequence[PurePosixPath], form: AnnotationFormat
) -> dict[str, Any]:
    pattern = _pattern(files, by_name=True)
    annotated = READERS[form](files_of(root, pattern), root)
    of = match([sheet.name for sheet in annotated.sheets], [frame.as_posix() for frame in frames])
    named = [sheet for sheet, frame in zip(annotated.sheets, of, strict=True) if frame is not None]
    labels = known_labels(named, annotated.declared)
    given: dict[str, Any] = {"images": _pattern(frames), "annotations": pattern, "annotation_format": form}
    given |= {"case_ids": "path"} if len({one.stem for one in frames}) < len(frames) else {}
    return given | ({"label_class": {label: _class_of(label) for label in labels}} if any(labels) else {})


def _class_of(label: str) -> str:
    """Return a label as a lesion class may be called; whether it is a lesion is the user's to say."""
    return re.sub(r"\W+", "_", label.lower()).strip("_") or "lesion"


def _pattern(files: Sequence[PurePosixPath], *, by_name: bool = False) -> str:
    """Return a glob that names files, and as few others as can be told by folders, endings and, if wanted, one name."""
    depths = {len(file.parts) for file in files}
    endings = sorted({file.suffix for file in files})
    last = f"*{endings[0]}" if len(endings) == 1 else "*"
    if len(depths) > 1:
        return f"**/{last}"
    *folders, names = (sorted(set(parts)) for parts in zip(*(file.parts for file in files), strict=True))
    above = [glob.escape(parts[0]) if len(parts) == 1 else "*" for parts in folders]
    return "/".join([*above, glob.escape(names[0]) if by_name and len(names) == 1 else last])
