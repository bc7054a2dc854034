"""Whether a decoded frame becomes a case of its site."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from mcdrl.artifacts.frames import lesion_of
from mcdrl.base.choices import nearest
from mcdrl.base.issues import Issue, RefusedError
from mcdrl.imaging.decode import DIM, LARGE, DecodedFrame, large
from mcdrl.sites.candidates import Candidate
from mcdrl.study.meanings import drawn_classes
from mcdrl.study.reading import Reading


@dataclass(frozen=True)
class Case:
    """An accepted frame: a row of cases.parquet but for its split."""

    case_id: str
    site: str
    group_id: str
    lesion_class: str | None
    width_px: int
    height_px: int
    lesion_area_px: int
    sha256: str


class Review:
    """Judges the frames of one site, one after another."""

    def __init__(self, name: str, reading: Reading, lesion_classes: Sequence[str]) -> None:
        """Take the site's name, how it is read, and the legal lesion classes, in the order of their values."""
        self.notes: list[Issue] = []
        self._site, self._reading, self._classes = name, reading, lesion_classes
        self._missing = set(lesion_classes if reading.open_classes else reading.classes())
        self._seen: dict[str, tuple[str, bytes]] = {}

    def absent_classes(self) -> list[Issue]:
        """Return an issue for each of the site's lesion classes that no accepted frame has."""
        return [Issue(self._site, "class without a frame", name) for name in self._classes if name in self._missing]

    def accept(self, candidate: Candidate, pixels: DecodedFrame) -> Case:
        """Return the case that a frame becomes.

        A frame whose mask is empty is a real negative: its class is None whatever the table says.

        Raises:
            RefusedError: its pixels are another frame's (the first one stays, also when the masks differ), or its
                lesion has no class or an unknown one.
        """
        lesion_class = self._class(candidate, pixels)
        self._check_new(candidate, pixels)
        self._note(candidate, pixels)
        self._missing.discard(lesion_class or "")
        return Case(
            candidate.case_id, self._site, candidate.group_id, lesion_class,
            pixels.width_px, pixels.height_px, pixels.lesion_area_px, pixels.sha256,
        )  # fmt: skip

    def _class(self, candidate: Candidate, pixels: DecodedFrame) -> str | None:
        if pixels.lesion_area_px == 0:
            return None
        if classes_are_drawn(self._reading):
            return self._classes[max(pixels.areas_px, key=pixels.areas_px.__getitem__) - 1]
        if candidate.lesion_class is None:
            raise RefusedError(
                "lesion without a class", "there is a lesion, and neither table nor folder gives its class"
            )
        if candidate.lesion_class not in self._classes:
            found, hint = candidate.lesion_class, nearest(candidate.lesion_class, self._classes)
            raise RefusedError("unknown lesion class", f"'{found}'; {hint}; class_names: {{{found}: ...}} maps it")
        return candidate.lesion_class

    def _check_new(self, candidate: Candidate, pixels: DecodedFrame) -> None:
        mask = hashlib.sha256(pixels.native_mask).digest()  # a site's masks themselves would fill the memory
        first = self._seen.setdefault(pixels.sha256, (candidate.source.file, mask))
        if first[0] != candidate.source.file:
            differ = "" if first[1] == mask else " but another mask: check which one is right"
            raise RefusedError("same pixels as another frame", f"as {first[0]}, which was kept{differ}")

    def _note(self, candidate: Candidate, pixels: DecodedFrame) -> None:
        odd = {
            f"mask not binary, thresholded at {self._reading.mask_threshold}": pixels.between_px > 0,
            "polygon that reaches out of the frame, clipped": pixels.clipped > 0,
            "lesions of two classes overlap, the smaller one counts there": pixels.overlap_px > 0,
            DIM: pixels.dim,
            LARGE: large((pixels.width_px, pixels.height_px)),
            "lesion outside the view, which counts as missed": pixels.cut_px > 0,
            "lesion that vanishes at the working size": pixels.lesion_area_px > 0 and not lesion_of(pixels.mask).any(),
            "empty mask, taken as a negative though the table names a class": (
                pixels.lesion_area_px == 0
                and self._reading.table_class is not None
                and candidate.lesion_class is not None
            ),
            "mask that looks inverted: lesion in most of the frame and all its corners": _looks_inverted(pixels),
            "several classes in one frame, its class is that of the largest area": len(pixels.areas_px) > 1,
        }
        self.notes += [Issue(candidate.source.file, kind, "") for kind, found in odd.items() if found]
        self.notes += [Issue(candidate.source.file, kind, "") for kind in pixels.doubts]


def _looks_inverted(pixels: DecodedFrame) -> bool:
    """Return whether most of the frame is lesion, its four corners among it, as in no frame of six real sites."""
    lesion = lesion_of(pixels.mask)
    return bool(lesion.mean() > 0.5 and lesion[[0, 0, -1, -1], [0, -1, 0, -1]].all())


def classes_are_drawn(reading: Reading) -> bool:
    """Return whether masks, polygons or annotations themselves tell lesions of several classes from each other."""
    return reading.label_class is not None or bool(drawn_classes(reading.mask_values, reading.lesion_class))
