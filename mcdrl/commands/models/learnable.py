"""Frames that a model is adapted with: a new site's, and those of the sites that it was trained on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mcdrl.artifacts.cases import CASES
from mcdrl.artifacts.frames import FRAMES, IGNORED
from mcdrl.base.errors import InputError
from mcdrl.base.seeds import generator
from mcdrl.base.view_rule import ViewRule
from mcdrl.commands.models.frames import find_jobs, read
from mcdrl.commands.models.labelled import LabelledFrame, read_labelled
from mcdrl.imaging.neighbours import scenes
from mcdrl.model.card import ModelCard
from mcdrl.study.paths import ingest_folder, site_files
from mcdrl.training.adapt import LabelledFrames, joined

_REPLAYED = 400  # frames, as many of each site as there are; steps draw a few hundred of them


@dataclass(frozen=True)
class Shown:
    """How a model is shown frames.

    Attributes:
        card: of the model, or of one of several that were trained alike.
        view: what of a frame is looked at where nobody says otherwise.
        workers: threads that decode.
    """

    card: ModelCard
    view: ViewRule
    workers: int


@dataclass(frozen=True)
class Site:
    """A folder's frames.

    Attributes:
        name: of the folder.
        frames: all of them; their site has the number 0.
        files: path below the folder, frame by frame.
        sha256: of each frame's size and pixels, as in cases.parquet; empty: frames came without masks.
        refused: why files can't be used, a line each.
        patients: whether groups are patients or sequences; else they are scenes, which look alike.
    """

    name: str
    frames: LabelledFrames
    files: Sequence[str]
    sha256: Sequence[str]
    refused: Sequence[str]
    patients: bool

    @property
    def n_groups(self) -> int:
        """Patients, sequences or scenes."""
        return len(set(self.frames.groups.tolist()))


def labelled_site(folder: Path, shown: Shown, card: str | None, settings: Mapping[str, Any]) -> Site:
    """Read a folder of frames with masks; where nobody says which patient a frame is of, scenes are groups.

    Raises:
        InputError: it can't be read, or has lesions of a class that the model doesn't know.
    """
    labelled = read_labelled(folder, shown.card.size_px, view=shown.view, card=card, settings=settings)
    found = list(labelled.frames(shown.workers))
    refused = [f"{issue.file}: {issue.text}" for issue in labelled.result().refused]
    patients = all(one.group is not None for one in found)
    images = np.stack([one.shown.pixels for one in found])
    groups = np.array([one.group for one in found], str) if patients else scenes(images).astype(str)
    frames = _frames(found, images, groups, shown.card, 0)
    return Site(
        labelled.name, frames, [one.file for one in found], [one.sha256 for one in found], refused, patients
    )  # fmt: skip


def bare_site(folder: Path, shown: Shown, out: Path) -> Site:
    """Read a folder of frames that have no masks, as `mcdrl predict` does.

    Raises:
        InputError: there is no frame, or none can be read.
    """
    jobs = find_jobs([folder], out).jobs
    read_ones = [(job, read(job, shown.card.size_px, view=shown.view, swap=False)) for job in jobs]
    found = [(job.frame, one.pixels) for job, one in read_ones if not isinstance(one, str)]
    refused = [f"{job.frame}: {one}" for job, one in read_ones if isinstance(one, str)]
    if not found:
        raise InputError(
            f"not one of the {len(jobs)} files in {folder} can be read as a frame, the first: {refused[0]}"
        )
    images = np.stack([pixels for _, pixels in found])
    unknown = np.full(len(images), -1)
    frames = LabelledFrames(
        images, np.full(images.shape[:3], IGNORED, np.uint8), unknown, scenes(images).astype(str), unknown * 0
    )
    return Site(folder.resolve().name, frames, [name for name, _ in found], [], refused, patients=False)


def replayed(
    places: Sequence[Path], shown: Shown, seed: int, own: Collection[str] = ()
) -> tuple[LabelledFrames | None, list[str]]:
    """Return frames of the sites that a model was trained on, and the names of these sites.

    Args:
        places: the artifacts of the model's study, or folders of frames with masks.
        shown: how frames are shown to the model.
        seed: of the draw of the frames where there are many.
        own: SHA-256 of the new site's frames, as in cases.parquet.

    Raises:
        InputError: a place is neither, doesn't fit the model, or has frames of the new site, on which nothing could be
            measured any more.
    """
    parts: dict[str, LabelledFrames] = {}
    for place in places:
        of_study = _source_sites(place, shown.card)
        for name in of_study:
            parts[name] = _stored(place, name, shown.card, len(parts) + 1, seed, own)
        if not of_study:
            name, part = _replayed_folder(place, shown, len(parts) + 1, own)
            parts[name] = part
    most = -(-_REPLAYED // max(len(parts), 1))
    kept = [part.take(_some(len(part), most, seed, name)) for name, part in parts.items()]
    return (joined(kept) if kept else None), list(parts)


def _source_sites(place: Path, card: ModelCard) -> list[str]:
    """Return the model's source sites that a study has read; none: it is no study's folder."""
    if not ingest_folder(place).is_dir():
        return []
    found = [site for site in card.sources if site_files(place, site).cases.is_file()]
    if not found:
        raise InputError(f"--replay {place}: it has none of the model's sites ({', '.join(card.sources)})")
    return found


def _check_apart(place: Path, sha256: Iterable[str], own: Collection[str]) -> None:
    both = set(sha256) & set(own)
    if both:
        raise InputError(
            f"--replay {place}: {len(both)} of its frames are among those that the model is adapted to, so that nobody "
            "could tell what that brings; name a place without them"
        )


def _stored(
    artifacts: Path, site: str, card: ModelCard, number: int, seed: int, own: Collection[str]
) -> LabelledFrames:
    files = site_files(artifacts, site)
    rows = CASES.read(files.cases).query("split == 'train'")
    _check_apart(artifacts, rows["sha256"], own)
    rows = rows.iloc[_some(len(rows), _REPLAYED, seed, site)]
    with FRAMES.read(files.frames) as store:
        images, masks = (store.rows(name, rows["case_id"].tolist()) for name in ("image", "mask"))
    if images.shape[1] != card.size_px:
        raise InputError(
            f"--replay {artifacts}: its frames are of {images.shape[1]} px, the model takes {card.size_px} px"
        )
    classes = [_class(kind if isinstance(kind, str) else None, card, site) for kind in rows["lesion_class"]]
    groups = (site + "/" + rows["group_id"]).to_numpy(str)
    return LabelledFrames(images, masks, np.array(classes), groups, np.full(len(rows), number))


def _replayed_folder(place: Path, shown: Shown, number: int, own: Collection[str]) -> tuple[str, LabelledFrames]:
    labelled = read_labelled(place, shown.card.size_px, view=shown.view)
    found = list(labelled.frames(shown.workers))
    labelled.result()
    _check_apart(place, (one.sha256 for one in found), own)
    images = np.stack([one.shown.pixels for one in found])
    groups = np.array([f"{labelled.name}/{one.group or one.file}" for one in found])
    return labelled.name, _frames(found, images, groups, shown.card, number)


def _frames(
    found: Sequence[LabelledFrame], images: NDArray[np.uint8], groups: NDArray[np.str_], card: ModelCard, number: int
) -> LabelledFrames:
    classes = np.array([_class(one.lesion_class, card, one.file) for one in found])
    masks = np.stack([one.labels for one in found])
    lesion = (masks > 0) & (masks != IGNORED)
    masks = np.where(lesion, (classes + 1)[:, None, None], masks).astype(np.uint8)
    return LabelledFrames(images, masks, classes, groups, np.full(len(found), number))


def _class(name: str | None, card: ModelCard, where: str) -> int:
    """Return the index of a lesion class, -1 for none; a model that knows one class takes every lesion for it."""
    if name is None or pd.isna(name):
        return -1
    if len(card.lesion_classes) == 1:
        return 0
    if name not in card.lesion_classes:
        raise InputError(
            f"{where}: the model doesn't know the lesion class '{name}'; it knows {', '.join(card.lesion_classes)}; "
            "--lesion-class says which it is"
        )
    return card.lesion_classes.index(name)


def _some(count: int, most: int, seed: int, name: str) -> NDArray[np.int64]:
    """Return the places of at most so many of some frames, drawn and in their order."""
    return np.sort(generator("adapt", seed, "replayed", name).permutation(count)[:most])
