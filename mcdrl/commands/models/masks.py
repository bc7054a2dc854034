"""What `mcdrl predict` writes for one frame: its mask, and on demand an overlay and the probabilities."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.ndimage import binary_erosion

from mcdrl.base.errors import InputError
from mcdrl.base.files import atomic
from mcdrl.commands.models.coco import FILE, MaskComponent, lesions_of
from mcdrl.commands.models.dicom_seg import ENDING, Algorithm, write_segmentation
from mcdrl.commands.models.frames import InputFile
from mcdrl.imaging.decode import read_frame
from mcdrl.model.shown import ShownFrame

Array = np.ndarray[Any, np.dtype[Any]]
_OUTLINE = (255, 0, 255)
_OUTLINE_SHARE = 250  # of the frame's longer side: 2 px in 500
_FAST = 1  # zlib's level: masks are flat, so a higher one costs time and saves nothing


@dataclass(frozen=True)
class WantedOutput:
    """What is to be written, and where.

    Attributes:
        out: the folder: masks in it, the rest in overlays/ and probabilities/.
        threshold: probability, not calibrated, from which a pixel is lesion.
        overlay: whether to draw the outline on the frame.
        probabilities: whether to write the calibrated probabilities, 0..255 for 0..1.
        coco: whether the masks go into one COCO file instead of a PNG each.
        suppress: whether the mask loses what is no lesion at the models' operating point.
        dicom: what draws them, where masks and probabilities become DICOM Segmentations instead of PNGs.
    """

    out: Path
    threshold: float
    overlay: bool = False
    probabilities: bool = False
    coco: bool = False
    suppress: bool = False
    dicom: Algorithm | None = None

    def mask(self, stem: str) -> str:
        """Return the name of the file that a frame's mask is in, below the folder."""
        return FILE if self.coco else f"{stem}{self._ending}"

    def paths(self, stem: str) -> dict[str, Path]:
        """Return what is written of a frame, and where, the mask first."""
        found = {} if self.coco else {"mask": self.out / self.mask(stem)}
        found |= {"overlay": self.out / "overlays" / f"{stem}.jpg"} if self.overlay else {}
        likely = {"probabilities": self.out / "probabilities" / f"{stem}{self._ending}"}
        return found | (likely if self.probabilities else {})

    @property
    def _ending(self) -> str:
        return ".png" if self.dicom is None else ENDING

    def video_paths(self, stem: str) -> dict[str, Path]:
        """Return what is written of a video, and where, mask and table first."""
        found = {"mask": self.out / f"{stem}.mp4", "table": self.out / f"{stem}.csv"}
        found |= {"overlay": self.out / "overlays" / f"{stem}.mp4"} if self.overlay else {}
        return found | ({"probabilities": self.out / "probabilities" / f"{stem}.mp4"} if self.probabilities else {})


@dataclass(frozen=True)
class Written:
    """What a frame's mask shows.

    Attributes:
        area_px: lesion pixels.
        lesion: whether the models' operating point leaves a lesion, whatever the mask keeps.
        lesions: its parts, where they go into a COCO file.
    """

    area_px: int
    lesion: bool
    lesions: tuple[MaskComponent, ...] = ()


@dataclass(frozen=True)
class Layers:
    """What is to be written of a frame, at its own size and upright.

    Attributes:
        mask: [H, W] bool.
        overlay: the frame with the mask's outline, if it is wanted.
        probability: [H, W] float32, calibrated, 0..1, if it is wanted.
        written: what the mask shows.
    """

    mask: Array
    overlay: Image.Image | None
    probability: Array | None
    written: Written


def all_paths(
    jobs: Sequence[InputFile], videos: Sequence[InputFile], wanted: WantedOutput, whole: Mapping[Path, str]
) -> dict[Path, str]:
    """Return all that is written of frames: path -> whose and what.

    Args:
        jobs: of the pictures.
        videos: of the videos.
        wanted: what is written of each.
        whole: what is written of all together, likewise.

    Raises:
        InputError: two things would be written to one place.
    """
    found = dict(whole)
    of_pictures = [(job, wanted.paths(job.stem)) for job in jobs]
    for job, paths in [*of_pictures, *((job, wanted.video_paths(job.stem)) for job in videos)]:
        for kind, path in paths.items():
            told = f"the {kind} of {job.frame}"
            if path in found:
                place = path.relative_to(wanted.out).parts[0]
                cause = f"the file {job.frame}" if path in whole else f"the frames' folder {place}"
                raise InputError(f"{path} would be {found[path]} and {told}; rename {cause}")
            found[path] = told
    return found


def layers(
    shown: ShownFrame, raw: Array, calibrated: Callable[[Array], Array], kept: Callable[[Array], Array],
    wanted: WantedOutput, picture: Callable[[], Image.Image],
) -> Layers:  # fmt: skip
    """Return what is to be written of a frame.

    Args:
        shown: what the model saw.
        raw: [S, S] float32, the probability of lesion at working size, 0..1.
        calibrated: raw probabilities of any shape -> calibrated ones.
        kept: a mask at the frame's own size -> what the operating point leaves of it.
        wanted: what is written.
        picture: gives the frame, upright; an overlay takes it.
    """
    called = shown.lesion(raw, wanted.threshold)
    left = kept(called)
    lesion = left if wanted.suppress else called
    probability = shown.probability(calibrated(raw)) if wanted.probabilities or wanted.coco else None
    return Layers(
        lesion,
        _outlined(picture(), lesion) if wanted.overlay else None,
        probability if wanted.probabilities else None,
        Written(
            int(lesion.sum()),
            bool(left.any()),
            lesions_of(lesion, probability) if wanted.coco and probability is not None else (),
        ),
    )


def write_results(
    job: InputFile, shown: ShownFrame, raw: Array, calibrated: Callable[[Array], Array], kept: Callable[[Array], Array],
    wanted: WantedOutput, before: Callable[[], None],
) -> Written:  # fmt: skip
    """Write one frame's files; arguments as for `layers`, the job of the frame, and what is done before the first one.

    Raises:
        RefusedError, InputError: the frame can't be read again, which an overlay takes, or is nothing that a DICOM
            Segmentation can refer to.
        OSError: a file can't be written.
    """
    paths = wanted.paths(job.stem)
    found = layers(shown, raw, calibrated, kept, wanted, lambda: read_frame(job.path, swap=shown.swapped)[0])
    if "mask" in paths:
        _save_mask(found.mask, job, paths["mask"], wanted.dicom, before)
    if found.overlay is not None:
        _save(found.overlay, paths["overlay"], "JPEG", before)
    if found.probability is not None:
        _save_mask(found.probability, job, paths["probabilities"], wanted.dicom, before)
    return found.written


def _save_mask(values: Array, job: InputFile, path: Path, dicom: Algorithm | None, before: Callable[[], None]) -> None:
    """Write a mask or probabilities, [H, W], bool or 0..1."""
    if dicom is not None:
        write_segmentation(job.path, values, dicom, path, before)
        return
    _save(Image.fromarray(grey(values)), path, "PNG", before)


def grey(values: Array) -> Array:
    """Return a mask or probabilities, bool or 0..1, as uint8, 0..255."""
    return values.astype(np.uint8) * 255 if values.dtype == bool else np.rint(values * 255).astype(np.uint8)


def _save(picture: Image.Image, path: Path, kind: str, before: Callable[[], None]) -> None:
    before()
    how: dict[str, Any] = {"compress_level": _FAST} if kind == "PNG" else {"quality": 92, "subsampling": 0}
    with atomic(path) as partial:
        picture.save(partial, format=kind, **how)


def _outlined(picture: Image.Image, lesion: Array) -> Image.Image:
    thick = max(1, round(max(picture.size) / _OUTLINE_SHARE))
    edge = lesion & ~binary_erosion(lesion, iterations=thick)
    pixels = np.array(picture)
    pixels[edge] = _OUTLINE
    return Image.fromarray(pixels)
