"""A site's annotation files: which frame an entry is of, and which of its labels are lesions."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from mcdrl.base.errors import InputError
from mcdrl.base.folders import loosened
from mcdrl.base.issues import Issue, RefusedError
from mcdrl.imaging.annotations.annotated import (
    Annotated,
    Annotation,
    Mark,
    Name,
    Sheet,
    files_of,
    frame_name,
    known_labels,
)
from mcdrl.imaging.annotations.formats import READERS
from mcdrl.imaging.outlines import Drawn, Outlines
from mcdrl.study.reading import Reading

_SHOWN = 12  # labels that are named
_SEPARATOR = re.compile(r"(?<=.)[ _-]", re.DOTALL)  # between what a tool puts before a name and the name
_ELSEWHERE = "annotated in a folder of another name"
_EMPTY = "annotated without any shape, taken as a negative"


def read_annotations(root: Path, reading: Reading, frames: Sequence[str]) -> Outlines:
    """Read a site's annotation files.

    A frame is refused if an entry of it can't be drawn, unless the entry's label is known to be no lesion; if it has a
    label that `label_class` doesn't list; if several entries or files are of it.

    Args:
        root: the site's folder.
        reading: its `annotations`, `annotation_format` and `label_class` count.
        frames: the frames' paths below the root.

    Returns:
        What is drawn, by the frames' paths.

    Raises:
        InputError: nobody says the format, no file matches, one isn't of the format, they name none of the frames, or
            several labels, declared or used, though nobody says which are lesions.
    """
    form = reading.annotation_format
    if form is None:
        raise InputError(f"annotations need annotation_format, one of {', '.join(READERS)}")
    files = files_of(root, str(reading.annotations))
    if not files:
        raise InputError(f"no file matches annotations '{reading.annotations}' in {root}")
    annotated = READERS[form](files, root)
    of = match([sheet.name for sheet in annotated.sheets], frames)
    if frames and not any(of):
        raise InputError(_of_none(str(reading.annotations), [sheet.name for sheet in annotated.sheets], frames))
    sheets = [sheet for sheet, frame in zip(annotated.sheets, of, strict=True) if frame is not None]
    labels = known_labels(sheets, annotated.declared)
    if reading.label_class is None and len(labels) > 1:
        wanted = ", ".join(f"'{label}': CLASS" for label in list(labels)[:_SHOWN])
        raise InputError(
            f"annotations '{reading.annotations}' have {len(labels)} labels: {_told(labels)}; say which are lesions: "
            f"label_class: {{{wanted}}}, with null where it is no lesion, ignore where nobody judged"
        )
    found = _by_frame(annotated, of, reading, labels)
    found.notes += _elsewhere(annotated.sheets, of, frames)
    found.near = _near([sheet.name for sheet in annotated.sheets], of, frames)
    told = f"{len(files)} files, {len(sheets)} frames; {_counted(sheets, reading.label_class)}"
    found.notes.insert(0, Issue(str(reading.annotations), f"read as {form} annotations", told))
    return found


def _of_none(annotations: str, names: Sequence[Name], frames: Sequence[str]) -> str:
    """Return why annotations may name none of the frames: a tool put something before names, or they are of others.

    Something was put before them where most names end in that of a frame, each in that of another one.
    """
    told = f"not one of the {len(frames)} frames, such as {frames[0]}, is named in them"
    stems = {frame_name(frame)[-1]: frame for frame in frames}
    several = list(dict.fromkeys(names))
    behind = {name: [name[-1][one.end() :] for one in _SEPARATOR.finditer(name[-1])] for name in several}
    meant = {name: stems[end] for name, ends in behind.items() for end in reversed(ends) if end in stems}
    if 2 * len(meant) > len(several) and len(set(meant.values())) == len(meant):
        name, frame = next(iter(meant.items()))
        fix = "cut it off in the file, or give the frames under those names, as an export with its images does"
        return f"annotations '{annotations}' have a prefix before names: {name[-1]} for {frame}; {told}; {fix}"
    first = "/".join(names[0]) if names else "nothing"
    return f"annotations '{annotations}' are of another data set: {told}; the first name in them is {first}"


def match(names: Sequence[Name], frames: Sequence[str]) -> list[str | None]:
    """Return the frame that each name is of; None: no frame, or nobody can tell which.

    Where every name and every frame is called differently, folders don't count, as tools write those of their own
    machine. Otherwise the frame counts whose folders are those of the name, from the last one on, further than any
    other's.

    Args:
        names: folders and name without ending, as annotations have them.
        frames: paths below the site's root.
    """
    called: dict[str, list[tuple[Name, str]]] = defaultdict(list)
    for frame in frames:
        own = frame_name(frame)
        called[own[-1]].append((own, frame))
    plain = len(called) == len(frames) and len({name[-1] for name in names}) == len(set(names))
    return [_nearest(name, called.get(name[-1], []), plain=plain) for name in names]


def _nearest(name: Name, frames: Sequence[tuple[Name, str]], *, plain: bool) -> str | None:
    common = [(_common_end(name, own), frame) for own, frame in frames]
    most = max((count for count, _ in common), default=0)
    best = [frame for count, frame in common if count == most]
    return best[0] if len(best) == 1 and (plain or most > 1 or len(name) == 1) else None


def _near(names: Sequence[Name], of: Sequence[str | None], frames: Sequence[str]) -> dict[str, str]:
    """Return frame that no annotation names -> the name of an annotation of no frame that may mean it.

    Case and codes such as %20 don't count, nor does what may be an ending that nobody knows; folders do as in `match`,
    but one of the two may have further ones above.
    """
    loose = [(frame_name(loosened(frame)), frame) for frame in frames]
    named = [tuple(loosened("/".join(name)).split("/")) for name in names]
    plain = len({own[-1] for own, _ in loose}) == len(frames) and len({one[-1] for one in named}) == len(set(named))
    taken, silent = set(of), defaultdict[str, list[tuple[Name, str]]](list)
    for own, frame in (pair for pair in loose if pair[1] not in taken):
        silent[own[-1]].append((own, frame))
    return {
        frame: "/".join(name)
        for name, other, one in zip(names, named, of, strict=True)
        if one is None
        for form in dict.fromkeys((other, (*other[:-1], PurePosixPath(other[-1]).stem)))
        for own, frame in silent[form[-1]]
        if plain or _common_end(form, own) == min(len(form), len(own))
    }


def _elsewhere(sheets: Sequence[Sheet], of: Sequence[str | None], frames: Sequence[str]) -> list[Issue]:
    """Return a note on each frame whose annotation has it in a folder of another name.

    Folders of a tool's own, in which no frame lies, say nothing unless others of its folders are the frames'.
    """
    pairs = [(sheet, frame, frame_name(frame)) for sheet, frame in zip(sheets, of, strict=True) if frame is not None]
    ours = {own[-2] for own in map(frame_name, frames) if len(own) > 1}
    theirs = {sheet.name[-2] for sheet in sheets if len(sheet.name) > 1}
    return [
        Issue(frame, _ELSEWHERE, f"{sheet.place} has {'/'.join(sheet.name)}; if it is another frame, rename one")
        for sheet, frame, own in pairs
        if min(len(sheet.name), len(own)) > 1 and sheet.name[-2] != own[-2]
        if sheet.name[-2] in ours or own[-2] in theirs
    ]


def _common_end(one: Name, other: Name) -> int:
    count = 0
    for ours, theirs in zip(reversed(one), reversed(other), strict=False):
        if ours != theirs:
            break
        count += 1
    return count


def _by_frame(annotated: Annotated, of: Sequence[str | None], reading: Reading, labels: Mapping[str, int]) -> Outlines:
    found = Outlines(refused=annotated.refused, notes=annotated.notes)
    places: dict[str, list[str]] = defaultdict(list)
    for sheet, frame in zip(annotated.sheets, of, strict=True):
        found.named.add("/".join(sheet.name) if frame is None else frame)
        if frame is None:
            continue
        places[frame].append(sheet.place)
        if len(places[frame]) > 1:
            found.problems[frame] = ("frame that is annotated twice", " and ".join(places[frame][:3]))
            continue
        try:
            found.of[frame] = list(_lesions(sheet, reading.label_class, labels))
            found.notes += [Issue(frame, _EMPTY, "")] * (not sheet.marks)
        except RefusedError as error:
            found.problems[frame] = (error.kind, error.detail)
    return found


def _lesions(sheet: Sheet, classes: Mapping[str, str | None] | None, labels: Mapping[str, int]) -> Iterable[Drawn]:
    """Yield what counts of a frame's marks.

    Raises:
        RefusedError: the frame can't be used.
    """
    if sheet.problem is not None:
        raise RefusedError(*sheet.problem)
    for mark in sheet.marks:
        lesion, lesion_class = _meaning(mark, classes, labels)
        if not lesion:
            continue
        if isinstance(mark.shape, tuple):
            raise RefusedError(*mark.shape)
        yield Annotation(mark.place, lesion_class, mark.shape, sheet.size)


def _meaning(
    mark: Mark, classes: Mapping[str, str | None] | None, labels: Mapping[str, int]
) -> tuple[bool, str | None]:
    """Return whether a mark counts, and its class if its label says it.

    Raises:
        RefusedError: nobody says, or name and id say different things, as where a name is the id of another label.
    """
    if classes is None:
        return True, None
    meant = {label: classes[label] for label in mark.labels if label in classes}
    if not meant:
        told = f"{mark.place}: '{mark.labels[0]}'; list it in label_class: a class, null (no lesion) or ignore"
        raise RefusedError("label without a class", f"{told}; all labels: {_told(labels)}")
    if len(set(meant.values())) > 1:
        both = " and ".join(f"'{label}': {lesion_class or 'null'}" for label, lesion_class in meant.items())
        told = f"{mark.place}: label_class has its name and its id, {both}; leave one, or rename the label"
        raise RefusedError("label of two meanings", told)
    lesion_class = next(iter(meant.values()))
    return lesion_class is not None, lesion_class


def _told(labels: Mapping[str, int]) -> str:
    shown = [f"{label or '(none)'} ({count})" for label, count in list(labels.items())[:_SHOWN]]
    return ", ".join(shown) + (f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else "")


def _counted(sheets: Sequence[Sheet], classes: Mapping[str, str | None] | None) -> str:
    """Return how often each label is marked and what it counts as, for a person to see."""
    counts = Counter((mark.labels[0], _counts_as(mark, classes)) for sheet in sheets for mark in sheet.marks)
    told = [f"{label or '(none)'} ({count}): {meaning}" for (label, meaning), count in counts.most_common()]
    more = [f"and {len(told) - _SHOWN} more labels"] if len(told) > _SHOWN else []
    return "; ".join(told[:_SHOWN] + more) or "nothing is marked in them"


def _counts_as(mark: Mark, classes: Mapping[str, str | None] | None) -> str:
    try:
        lesion, lesion_class = _meaning(mark, classes, {})
    except RefusedError as error:
        return error.kind
    return (lesion_class or "lesion") if lesion else "no lesion"
