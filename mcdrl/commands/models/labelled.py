"""A folder of frames and what somebody has drawn in them, read as a site is read, one frame at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcdrl.artifacts.frames import IGNORED, lesion_of, unpack_native_mask
from mcdrl.base.errors import InputError
from mcdrl.base.folders import name_of, no_folder
from mcdrl.base.view_rule import ViewRule
from mcdrl.commands.sites.classes import DEFAULT, with_class
from mcdrl.commands.sites.edit import site_from
from mcdrl.commands.sites.guess import guessed_or_given
from mcdrl.imaging.decode import DecodedFrame
from mcdrl.model.shown import ShownFrame
from mcdrl.sites.candidates import find_candidates
from mcdrl.sites.gate import Gate, Ingested
from mcdrl.sites.review import Case
from mcdrl.study.params import load, resolve
from mcdrl.study.paths import PARAMS, own_or_shipped
from mcdrl.study.reading import Reading
from mcdrl.study.sections.ingest import Params

_MOST_CLASSES = IGNORED - 1  # values of a mask between background and what nobody judged


@dataclass(frozen=True, eq=False)
class LabelledFrame:
    """A frame and its truth; its masks at its own size are unpacked when they are asked for.

    Attributes:
        file: the frame's path below the folder, with forward slashes.
        group: patient or sequence; None: nobody has said.
        lesion_class: of the largest lesion; None: there is no lesion.
        sha256: hex digest of the frame's size and upright pixels, as in cases.parquet.
        shown: what a model is shown of it.
        labels: [S, S] uint8, the truth cut and squashed alike: 0 background, 255 ignored, k + 1 lesion of the k-th of
            the folder's classes.
        native_labels: the same at the frame's own size, as `unpack_native_mask` reads it.
    """

    file: str
    group: str | None
    lesion_class: str | None
    sha256: str
    shown: ShownFrame
    labels: NDArray[np.uint8]
    native_labels: bytes

    @property
    def lesion(self) -> NDArray[np.bool_]:
        """Where there is lesion of any class, [H, W], at the frame's own size."""
        return lesion_of(unpack_native_mask(self.native_labels))

    @property
    def ignored(self) -> NDArray[np.bool_]:
        """Where nobody judged, [H, W], at the frame's own size."""
        return np.asarray(unpack_native_mask(self.native_labels) == IGNORED)


class Labelled:
    """A folder's frames that the gate of stage `ingest` lets through.

    Attributes:
        name: of the folder.
        reading: how it is read.
        classes: that its lesions may have.
    """

    def __init__(self, folder: Path, reading: Reading, params: Params, classes: list[str]) -> None:
        """List the frames.

        Raises:
            InputError: the folder isn't as `reading` says, or its name is not UTF-8.
        """
        self.name, self.reading, self.classes = name_of(folder), reading, classes
        self._gate = Gate(self.name, folder, reading, params, classes)
        self._sources = self._gate.sources

    def frames(self, workers: int) -> Iterator[LabelledFrame]:
        """Yield the frames that are let through, sorted by name, once.

        Args:
            workers: threads that decode.
        """
        for case, pixels in self._gate.frames(workers):
            yield self._frame(case, pixels)

    def result(self) -> Ingested:
        """Return what became of the frames, refused ones and notes among it, once all of them were yielded.

        Raises:
            InputError: not one of them can be used, or their masks don't agree on which value is lesion.
        """
        return self._gate.result()

    def _frame(self, case: Case, pixels: DecodedFrame) -> LabelledFrame:
        source = self._sources[case.case_id]
        return LabelledFrame(
            file=source.file,
            group=None if case.group_id == case.case_id else case.group_id,
            lesion_class=case.lesion_class,
            sha256=case.sha256,
            shown=self._shown(pixels),
            labels=pixels.mask,
            native_labels=pixels.native_mask,
        )

    def _shown(self, pixels: DecodedFrame) -> ShownFrame:
        size, swapped = (pixels.width_px, pixels.height_px), self.reading.channels == "bgr"
        return ShownFrame(size, pixels.crop_px, pixels.image, swapped=swapped, dim=pixels.dim, doubts=pixels.doubts)


def read_labelled(
    folder: Path, size_px: int, *, view: ViewRule, card: str | None = None,
    settings: Mapping[str, Any] = MappingProxyType({}), otherwise: str = DEFAULT,
) -> Labelled:  # fmt: skip
    """Find the frames of a labelled folder and what is drawn in them; says what is assumed.

    Args:
        folder: laid out as a site's may be.
        size_px: side of the square that frames are squashed to: the model's.
        view: what of a frame is looked at, where neither card nor settings say so: the model's.
        card: how to read the folder; None: it is guessed.
        settings: key of a site -> value, beside the card's.
        otherwise: the class of its lesions where neither card nor settings nor its files name one.

    Raises:
        InputError: it is no folder, can't be read as card and settings say, no card fits, or its name is not UTF-8.
    """
    if not folder.is_dir():
        raise InputError(f"{no_folder(folder)}; give the folder that holds the frames and their masks")
    keys = with_class({"card": guessed_or_given(card, folder, settings), **settings}, folder, otherwise)
    reading = resolve(site_from(name_of(folder), {**keys, "root": str(folder)}))
    if "view" not in reading.model_fields_set:
        reading = reading.model_copy(update={"view": view})
    _, params = load("ingest", Params, own_or_shipped(PARAMS))
    return Labelled(folder, reading, params.model_copy(update={"size_px": size_px}), _classes(folder, reading))


def _classes(folder: Path, reading: Reading) -> list[str]:
    """Return all lesion classes that the folder's frames may have, as none of them is wrong here."""
    named = set(reading.classes())
    if reading.open_classes:
        named |= {one.lesion_class for one in find_candidates("", folder, reading).candidates if one.lesion_class}
    if len(named) > _MOST_CLASSES:
        raise InputError(
            f"{folder}: column '{reading.table_class}' of {reading.table} has {len(named)} lesion classes, "
            f"{_MOST_CLASSES} at most; --set lesion_class=lesion takes them for one"
        )
    return sorted(named)
