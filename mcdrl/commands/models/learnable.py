"""Frames that a model is adapted with: a new site's, and those of the sites that it was trained on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mcdrl.artifacts.cases import CASES
from mcdrl.artifacts.frames import FRAMES, IGNORED, lesion_of
from mcdrl.base.errors import InputError
from mcdrl.base.issues import grouped
from mcdrl.base.output import warn
from mcdrl.base.seeds import generator
from mcdrl.base.view_rule import ViewRule
from mcdrl.commands.models.labelled import LabelledFrame, read_labelled
from mcdrl.commands.models.unlabelled import Unlabelled, UnlabelledFrame, frames_reading
from mcdrl.commands.sites.classes import DEFAULT
from mcdrl.imaging.neighbours import scenes
from mcdrl.imaging.profile import measure
from mcdrl.metrics.shift import site_spreads
from mcdrl.model.card import ModelCard
from mcdrl.study.paths import artifacts_of, ingest_folder, site_files
from mcdrl.training.adapt import LabelledFrames, joined
from mcdrl.training.labelled import labelled_cases

_REPLAYED = 400  # frames, as many of each site as there are; steps draw a few hundred of them
_ELSE = "name a place without them"
_ELSE_OF_STUDY = "take them out of the folder"


@dataclass(frozen=True)
class Showing:
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
class LearnableFolder:
    """A folder's frames.

    Attributes:
        name: of the folder.
        frames: those that can be learned from, as all can but those whose lesion vanishes; their site has the number 0.
        files: path below the folder, frame by frame.
        sha256: of each frame's size and pixels, as in cases.parquet.
        looks: what the frames look like, as `training_data.training_sites` tells it.
        refused: why files can't be used, a line each.
        notes: what else a person should know of the folder, a line a kind.
        n_unknown: frames of which nobody says which patient or sequence they are of; their groups are scenes.
        labelled: whether the frames have masks.
        vanished: path below the folder and SHA-256 of each frame beside these whose lesion leaves no pixel at the
            working size: there it can be taken neither for a frame with a lesion nor for one without.
    """

    name: str
    frames: LabelledFrames
    files: Sequence[str]
    sha256: Sequence[str]
    looks: pd.DataFrame
    refused: Sequence[str]
    notes: Sequence[str]
    n_unknown: int
    labelled: bool
    vanished: Sequence[tuple[str, str]] = ()

    @property
    def n_vanished(self) -> int:
        """How many frames these are."""
        return len(self.vanished)

    @property
    def every_file(self) -> Sequence[tuple[str, str]]:
        """Path below the folder and SHA-256 of all frames, the vanished among them."""
        return [*zip(self.files, self.sha256, strict=True), *self.vanished]

    @property
    def every_sha256(self) -> Sequence[str]:
        """SHA-256 of all frames, the vanished among them."""
        return [sha256 for _, sha256 in self.every_file]

    @property
    def patients(self) -> bool:
        """Whether all groups are patients or sequences."""
        return self.n_unknown == 0

    @property
    def n_groups(self) -> int:
        """Patients, sequences or scenes."""
        return len(set(self.frames.groups.tolist()))


@dataclass(frozen=True)
class Replay:
    """Frames of the sites that a model was trained on.

    Attributes:
        frames: None: none are at hand.
        sites: names of their sites.
        site_of: SHA-256 of each -> its site.
    """

    frames: LabelledFrames | None
    sites: Sequence[str]
    site_of: Mapping[str, str]


@dataclass(frozen=True)
class _Part:
    """Frames of one site, and the SHA-256 of each."""

    frames: LabelledFrames
    sha256: Sequence[str]

    def some(self, most: int, seed: int, name: str) -> _Part:
        """Return at most so many of them."""
        places = _some(len(self.frames), most, seed, name)
        return _Part(self.frames.take(places), [self.sha256[place] for place in places])


@dataclass(frozen=True)
class _Study:
    """Whose frames are replayed.

    Attributes:
        artifacts: of the study.
        called: how a person knows it.
        remedy: what to do where the new site's frames are among its frames.
    """

    artifacts: Path
    called: str
    remedy: str


def labelled_site(folder: Path, shown: Showing, card: str | None, settings: Mapping[str, Any]) -> LearnableFolder:
    """Read a folder of frames with masks; where nobody says which patient a frame is of, scenes are groups.

    Raises:
        InputError: it can't be read, or has lesions of a class that the model doesn't know.
    """
    labelled = read_labelled(folder, shown.card.size_px, view=shown.view, card=card, settings=settings)
    found = list(labelled.frames(shown.workers))
    result = labelled.result()
    refused = [f"{issue.file}: {issue.text}" for issue in result.refused]
    images = np.stack([one.shown.pixels for one in found])
    everything = _frames(found, images, _groups(found, images), labelled.classes, shown.card, 0)
    looks = _looks(labelled.name, found, [_lesion_share(one) for one in found])
    frames = everything.take(~everything.vanished)
    vanished = [(one.file, one.sha256) for one, gone in zip(found, everything.vanished, strict=True) if gone]
    found = [one for one, gone in zip(found, everything.vanished, strict=True) if not gone]
    return LearnableFolder(
        labelled.name, frames, [one.file for one in found], [one.sha256 for one in found], looks, refused,
        grouped(result.notes), sum(one.group is None for one in found), labelled=True,
        vanished=vanished,
    )  # fmt: skip


def bare_site(
    folder: Path, shown: Showing, out: Path, card: str | None = None, settings: Mapping[str, Any] = MappingProxyType({})
) -> LearnableFolder:
    """Read a folder of frames whose masks, if there are any, aren't looked at; of its keys view and channels count.

    Raises:
        InputError: there is no frame, none can be read, or card or settings are for masks.
    """
    of_frames = {key: value for key, value in settings.items() if key != "lesion_class"}  # which is of what is replayed
    reading = frames_reading(shown.view, card, of_frames)
    bare = Unlabelled(folder, out, shown.card.size_px, reading.view, swap=reading.channels == "bgr")
    found = list(bare.frames(shown.workers))
    refused = [f"{issue.file}: {issue.text}" for issue in bare.refused]
    if not found:
        raise InputError(f"not one file in {folder} can be read as a frame, the first: {refused[0]}")
    images = np.stack([one.shown.pixels for one in found])
    unknown = np.full(len(images), -1)
    frames = LabelledFrames(
        images, np.full(images.shape[:3], IGNORED, np.uint8), unknown, scenes(images).astype(str), unknown * 0
    )
    return LearnableFolder(
        bare.name, frames, [one.file for one in found], [one.sha256 for one in found],
        _looks(bare.name, found, [None] * len(found)), refused, [], len(found), labelled=False,
    )  # fmt: skip


def replayed(
    places: Sequence[Path], shown: Showing, seed: int, own: Collection[str] = (), lesion_class: str = DEFAULT
) -> Replay:
    """Return frames of the sites that a model was trained on.

    Args:
        places: the artifacts of the model's study, or folders of frames with masks.
        shown: how frames are shown to the model.
        seed: of the draw of the frames where there are many.
        own: SHA-256 of the new site's frames, as in cases.parquet.
        lesion_class: of a folder's lesions, where it doesn't say it.

    Raises:
        InputError: a place is neither, doesn't fit the model, is called like another, or has frames of the new site,
            on which nothing could be measured any more.
    """
    parts: dict[str, _Part] = {}
    for place in places:
        of_study = _named_sites(place, shown.card)
        for name in of_study or [place.resolve().name]:
            if name in parts:
                raise InputError(f"--replay {place}: another place has a site '{name}', too; name each site once")
            number = len(parts) + 1
            parts[name] = (
                _stored(_Study(place, f"--replay {place}", _ELSE), name, shown.card, number, seed, own) if of_study
                else _replayed_folder(place, shown, number, own, lesion_class)
            )  # fmt: skip
    return _some_of(parts, seed)


def replayed_of_study(model: Path, shown: Showing, seed: int, own: Collection[str] = ()) -> Replay:
    """Return frames of the study that a model's folder lies in by its place; none where that has none of its sites.

    Args:
        model: its folder.
        shown: how frames are shown to it.
        seed: as that of `replayed`, as is the next.
        own: SHA-256 of the new site's frames.

    Raises:
        InputError: the study's frames don't fit the model, or are those of the new site.
    """
    artifacts = artifacts_of(model)
    if artifacts is None:
        return _some_of({}, seed)
    study = _Study(artifacts, f"the study that {model} lies in, {artifacts}", _ELSE_OF_STUDY)
    sites = enumerate(_source_sites(artifacts, shown.card), 1)
    return _some_of({name: _stored(study, name, shown.card, number, seed, own) for number, name in sites}, seed)


def _some_of(parts: Mapping[str, _Part], seed: int) -> Replay:
    most = -(-_REPLAYED // max(len(parts), 1))
    kept = {name: part.some(most, seed, name) for name, part in parts.items()}
    site_of = {one: name for name, part in kept.items() for one in part.sha256}
    return Replay(joined([part.frames for part in kept.values()]) if kept else None, list(kept), site_of)


def _named_sites(place: Path, card: ModelCard) -> list[str]:
    """Return the model's source sites that a place has which somebody named; none: it is no study's folder."""
    if not ingest_folder(place).is_dir():
        return []
    found = _source_sites(place, card)
    if not found:
        raise InputError(f"--replay {place}: it has none of the model's sites ({', '.join(card.sources)})")
    return found


def _source_sites(artifacts: Path, card: ModelCard) -> list[str]:
    """Return the model's source sites that a study has read."""
    return [site for site in card.sources if site_files(artifacts, site).cases.is_file()]


def _check_apart(called: str, remedy: str, sha256: Iterable[str], own: Collection[str]) -> None:
    both = set(sha256) & set(own)
    if both:
        raise InputError(
            f"{called}: {len(both)} of its frames are among those that the model is adapted to, so that nobody could "
            f"tell what that brings; {remedy}"
        )


def _stored(study: _Study, site: str, card: ModelCard, number: int, seed: int, own: Collection[str]) -> _Part:
    files = site_files(study.artifacts, site)
    rows = CASES.read(files.cases)
    labelled = rows["case_id"].isin(labelled_cases(rows, _labelled_share(card), card.seed))
    rows = rows[labelled & (rows["split"] == "train")]
    _check_apart(study.called, study.remedy, rows["sha256"], own)
    rows = rows.iloc[_some(len(rows), _REPLAYED, seed, site)]
    with FRAMES.read(files.frames) as store:
        images, masks = (store.rows(name, rows["case_id"].tolist()) for name in ("image", "mask"))
    if images.shape[1] != card.size_px:
        raise InputError(
            f"{study.called}: its frames are of {images.shape[1]} px, the model takes {card.size_px} px; "
            "--replay names frames that it was trained on"
        )
    classes = [_class(kind if isinstance(kind, str) else None, card, site) for kind in rows["lesion_class"]]
    groups = (site + "/" + rows["group_id"]).to_numpy(str)
    frames = LabelledFrames(images, masks, np.array(classes), groups, np.full(len(rows), number))
    return _Part(frames, rows["sha256"].tolist())


def _labelled_share(card: ModelCard) -> float:
    """Return the share of the sources' frames whose masks the model was trained with; older cards are of all."""
    share = card.parameters.get("labelled_share", 1.0)
    if not isinstance(share, int | float) or not 0 < share <= 1:
        raise InputError(
            f"the card of {card.variant} (seed {card.seed}): parameters.labelled_share is {share!r}, expected above 0, "
            "up to 1; copy the model's folder again"
        )
    return share


def _replayed_folder(place: Path, shown: Showing, number: int, own: Collection[str], lesion_class: str) -> _Part:
    labelled = read_labelled(place, shown.card.size_px, view=shown.view, otherwise=lesion_class)
    found = list(labelled.frames(shown.workers))
    for issue in labelled.result().doubts:
        warn(f"--replay {place}: {issue.text}")
    _check_apart(f"--replay {place}", _ELSE, (one.sha256 for one in found), own)
    images = np.stack([one.shown.pixels for one in found])
    groups = np.array([f"{labelled.name}/{one.group or one.file}" for one in found])
    frames = _frames(found, images, groups, labelled.classes, shown.card, number)
    return _Part(frames, [one.sha256 for one in found])


def _groups(found: Sequence[LabelledFrame], images: NDArray[np.uint8]) -> NDArray[np.str_]:
    """Return the patient of each frame; where nobody says, that of frames of the same scene, else the scene."""
    scene = scenes(images)
    known = {place: one.group for one, place in zip(found, scene, strict=True) if one.group is not None}
    return np.array(
        [one.group or known.get(place) or f"scene/{place}" for one, place in zip(found, scene, strict=True)]
    )


def _looks(
    name: str, found: Sequence[LabelledFrame | UnlabelledFrame], lesion_shares: Sequence[float | None]
) -> pd.DataFrame:
    """Return what frames look like, quantity by quantity; see `mcdrl.metrics.shift`."""
    rows = []
    for one, share in zip(found, lesion_shares, strict=True):
        width, height = one.shown.size
        view = one.shown.area_px / (width * height)
        looks = {"height_px": height, "view_share": view, "lesion_share": share, **measure(one.shown.pixels)}
        rows.append({"site": name, **looks})
    return site_spreads(pd.DataFrame(rows))


def _lesion_share(one: LabelledFrame) -> float | None:
    return float(one.lesion.mean()) if one.lesion_class else None


def _frames(
    found: Sequence[LabelledFrame], images: NDArray[np.uint8], groups: NDArray[np.str_], named: Sequence[str],
    card: ModelCard, number: int,
) -> LabelledFrames:  # fmt: skip
    """Return frames with masks whose values stand for the model's classes, no longer for the folder's, `named`."""
    classes = np.array([_class(one.lesion_class, card, one.file) for one in found])
    masks = np.stack([_relabelled(one, named, card) for one in found])
    return LabelledFrames(images, masks, classes, groups, np.full(len(found), number))


def _relabelled(one: LabelledFrame, named: Sequence[str], card: ModelCard) -> NDArray[np.uint8]:
    value = np.arange(IGNORED + 1, dtype=np.uint8)
    for there in np.unique(one.labels[lesion_of(one.labels)]):
        value[there] = _class(named[there - 1], card, one.file) + 1
    return np.asarray(value[one.labels])


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
