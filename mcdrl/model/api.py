"""Trained models in Python: what `import mcdrl` offers.

It is the way that `mcdrl predict` goes, frame by frame, so a frame gets the same mask here and there.
"""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from sys import float_info
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mcdrl.base.errors import InputError
from mcdrl.base.issues import RefusedError
from mcdrl.base.view_rule import ViewRule
from mcdrl.imaging.decode import read_frame
from mcdrl.imaging.video.files import is_video, open_video, said_of
from mcdrl.model.held_out import threshold_of
from mcdrl.model.predictor import RANDOM_WEIGHTS, Answer, Predictor, load_predictor
from mcdrl.model.shipped import resolved
from mcdrl.model.shown import SWAPPED_BY, ShownFrame, show
from mcdrl.model.video import answered, survey
from mcdrl.study.paths import START_MODEL
from mcdrl.study.reading import Reading

Frame = NDArray[np.uint8] | str | os.PathLike[str]
"""A frame: [H, W, 3] uint8, RGB 0..255, upright, of any size; or the path of an image."""
_BRIGHT = 2  # what overshoots 1 a little, or is a mask of 0 and 1, is no frame of 0..255
_WANTED = "expected a frame [H, W, 3] of uint8, RGB 0..255, or the path of an image"
_TURNED = "try frame[..., ::-1]"  # what stands here for an option of the command line, by what was given
_READ_AND_TURNED = "read it and give frame[..., ::-1]"
_BY_COMMAND = "try mcdrl predict --channels bgr"
_SIDES = "sides in px, each once, such as [224, 320]"
_WANTED_VIDEO = "expected MP4, MOV, AVI, Matroska, WebM or DICOM"


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says of one frame, at the frame's own size.

    Attributes:
        mask: [H, W] bool, where there is lesion.
        probability: [H, W] float32, calibrated: of the pixels that have it, how many are lesion, 0..1. The mask is of
            the probability as the network gives it, so that calibration moves no outline.
        confidence: share of the mask at one half that the network expects to be lesion, 0..1, so a precision and no
            Dice; where nothing is found, the probability that there is nothing.
        flagged: whether the confidence is below the model's limit, or the frame shows hardly anything, is too dark or
            has a doubtful view, as `issues` tells: a person should look first.
        lesion: whether the model's operating point leaves a lesion; the mask is as the network gives it all the same.
        issues: what is odd about the frame, in words; empty: nothing.
    """

    mask: NDArray[np.bool_]
    probability: NDArray[np.float32]
    confidence: float
    flagged: bool
    lesion: bool
    issues: str


class Model:
    """One or several trained models, ready to predict; `mcdrl.load` makes it.

    Attributes:
        view: what of a frame is looked at, as `load` takes it; nothing outside of it is called lesion.
    """

    def __init__(self, predictor: Predictor, view: ViewRule, folders: Sequence[Path]) -> None:
        """Take what `load_predictor` gives, and the models' folders."""
        self._predictor, self.view, self._folders = predictor, view, folders

    @cached_property
    def threshold(self) -> float:
        """The probability from which a pixel is lesion in the scores at sites never seen, or adapted to; else 0.5.

        Raises:
            InputError: the models' scores are for several.
        """
        return threshold_of(self._folders)

    def predict(self, frame: Frame, *, threshold: float | None = None) -> Prediction:
        """Segment one frame.

        Args:
            frame: [H, W, 3] uint8, RGB 0..255, upright; or the path of an image, which is decoded as `mcdrl predict`
                does. OpenCV's arrays are blue, green, red: give `frame[..., ::-1]`.
            threshold: probability, not calibrated, from which a pixel is lesion; None: `Model.threshold`.

        Returns:
            What the model says of it; mask and probability are of the frame's size.

        Raises:
            InputError: it is neither, can't be read, or the threshold isn't in 0..1.
        """
        least, shown = self._least(threshold), self._shown(frame)
        (answer,) = self._predictor(shown.pixels[None])
        return self._prediction(shown, answer, least, _READ_AND_TURNED if _is_path(frame) else _TURNED)

    def predict_video(
        self, video: str | os.PathLike[str], *, threshold: float | None = None, smooth_s: float = 0.0
    ) -> Iterator[tuple[float, Prediction]]:
        """Segment a video frame by frame, as `mcdrl predict` does; a few frames at a time are in memory.

        Args:
            video: its path: MP4, MOV, AVI, Matroska, WebM, MPEG, ..., or DICOM with several pictures.
            threshold: as for `predict`.
            smooth_s: seconds over which probabilities are smoothed, looking back alone; 0: each frame by itself.

        Yields:
            Of each frame, in their order, the time at which it is shown, seconds by the video's own clock, or by 25
            frames a second where a DICOM file tells no times, and what the model says of it.

        Raises:
            InputError: it is no video or the threshold isn't in 0..1; while frames are taken, it can't be read, tells
                no times and is to be smoothed, or, after the last frame, there should be more.
        """
        least = self._least(threshold)
        if not _within(smooth_s, 0, float_info.max):
            raise InputError(f"smooth_s {smooth_s!s:.60}: expected seconds, 0 and more")
        path = _file(video, _WANTED_VIDEO, "give one video at a time, or segment it with `mcdrl predict`")
        if not is_video(path):
            raise InputError(f"{path} is no video that is known here; {_WANTED_VIDEO}")
        return self._answered(path, least, smooth_s)

    def _answered(self, path: Path, least: float, smooth_s: float) -> Iterator[tuple[float, Prediction]]:
        try:
            opened = open_video(path)
            found = survey(opened, self.view)
            for one in answered(opened, found, self._predictor, smooth_s=smooth_s):
                prediction = self._prediction(one.shown, one.answer, least, _BY_COMMAND)
                yield float(one.frame.pts * opened.shape.tick_s), prediction
        except RefusedError as error:
            raise InputError(f"{path}: {error}") from None
        if found.problem:
            raise InputError(f"{path}: {found.problem}; {found.frames} frames could be read")

    def _least(self, threshold: float | None) -> float:
        least = self.threshold if threshold is None else threshold
        if not _within(least, 0, 1):
            raise InputError(f"threshold {least!s:.60}: expected a probability, 0..1")
        return least

    def _prediction(self, shown: ShownFrame, answer: Answer, least: float, swapped_by: str) -> Prediction:
        assessment = self._predictor.assess(answer)
        mask = shown.lesion(answer.probability, least)
        kept = self._predictor.operating_point.kept(mask, shown.area_px, assessment.frame_score)
        return Prediction(
            mask=mask,
            probability=shown.probability(self._predictor.calibrated(answer.probability)),
            confidence=assessment.confidence,
            flagged=assessment.flagged or shown.doubtful,
            lesion=bool(kept.any()),
            issues=shown.issues.replace(SWAPPED_BY, swapped_by),
        )

    def _shown(self, frame: Frame) -> ShownFrame:
        picture, dim = _read(frame) if _is_path(frame) else (_picture(frame), False)
        return show(picture, self._predictor.size_px, view=self.view, dim=dim)


def load(
    model: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    *,
    backbone: str | os.PathLike[str] | None = None,
    device: str = "auto",
    batch_size: int | None = None,
    view: ViewRule | None = None,
    sizes: Sequence[int] | None = None,
) -> Model:
    """Load a trained model.

    Args:
        model: the folder of a model, as the pipeline or `mcdrl pack` writes it; several: the mean of their answers. A
            name that is no folder stands for a model that comes along. None: polyp_lite0 of these, which is for
            research, not for patients.
        backbone: the folder of the model's backbone, where the model's folder doesn't hold it.
        device: cpu, cuda, ...; auto: a GPU if there is one.
        batch_size: frames that the network computes at a time; a single frame is filled up with copies, so that its
            last digits are those of `mcdrl predict`. None: what suits the device; 1: the fastest for single frames.
        view: what of a frame is looked at: "auto", the endoscopic view that is found in it; "full"; or a box for all:
            left, top, right, bottom in parts of width and height. None: full if the
            model's sites were all taken whole, else auto.
        sizes: sides, px, at which the network looks at a frame, the model's own among them, such as [224, 320]; the
            mean of its answers counts. None: those of the model's scores at sites never seen, else its own alone.

    Raises:
        InputError: there is no model, it can't be asked at these sizes or on this device, a file of it is damaged, its
            backbone is missing or another one, or an argument is none of what is told here.
    """
    asked = START_MODEL if model is None else model
    given = _several(asked, "model", "the folder of a model, a name of one that comes along, or several of these")
    if not given:
        raise InputError("no model is given; name the folder of one")
    if batch_size is not None and not _is_count(batch_size):
        raise InputError(f"batch_size {batch_size!s:.60}: expected 1 and more")
    sides = None if sizes is None else _several(sizes, "sizes", _SIDES)
    if sides is not None and not (all(map(_is_count, sides)) and len(set(sides)) == len(sides)):
        raise InputError(f"sizes {sizes!s:.60}: expected {_SIDES}")
    place, wanted = None if backbone is None else _path(backbone, "backbone"), None if view is None else _rule(view)
    named = [_path(one, "model") for one in given]
    try:
        folders = resolved(named)
        predictor, rule = load_predictor(folders, place, str(device), batch_size, wanted, sizes_px=sides)
    except OSError as error:
        told = f"{_short(error.filename or named[0])} can't be read: {error.strerror or error}"
        raise InputError(f"{told}; name a model's folder") from None
    if predictor.random_weights:
        warnings.warn(RANDOM_WEIGHTS, stacklevel=2)
    return Model(predictor, rule, folders)


def _rule(view: Any) -> ViewRule:
    try:
        return Reading.model_validate({"view": view if isinstance(view, str) else list(view)}).view
    except (TypeError, ValueError):
        raise InputError(
            f"view {view!r:.60}: expected auto, full or left, top, right, bottom in parts of the frame, such as "
            "[0.25, 0, 1, 1]"
        ) from None


def _several(given: Any, name: str, wanted: str) -> list[Any]:
    """Return an argument that is one path or several of something as a list."""
    if _is_path(given):
        return [given]
    try:
        return list(given)
    except TypeError:
        raise InputError(f"{name} {given!s:.60}: expected {wanted}") from None


def _path(given: Any, name: str, wanted: str = "expected the path of a folder") -> Path:
    if not _is_path(given):
        raise InputError(f"{name} {given!s:.60}: {wanted}")
    return Path(given)


def _is_path(given: Any) -> bool:
    return isinstance(given, str | os.PathLike)


def _is_count(given: Any) -> bool:
    return isinstance(given, int | np.integer) and bool(given >= 1)


def _within(given: Any, low: float, high: float) -> bool:
    """Return whether something is a number, and none below or above these."""
    try:
        return bool(low <= given <= high)
    except (TypeError, ValueError):
        return False


def _file(given: Any, wanted: str, instead: str) -> Path:
    """Return the path of a regular file that can be opened.

    Args:
        given: as the user gave it.
        wanted: what was expected.
        instead: what to do where it is a folder.

    Raises:
        InputError: it is none; says why.
    """
    path = _path(given, "the file", wanted)
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):  # opening a pipe would wait for ever
            path.open("rb").close()
            return path
    except OSError as error:
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            raise InputError(f"{_short(path)} can't be read: {error.strerror}; {wanted}") from None
        mode = 0
    except ValueError:  # a zero byte in its name
        mode = 0
    if stat.S_ISDIR(mode):
        raise InputError(f"{path} is a folder; {instead}")
    raise InputError(f"there is no regular file {_short(path)}; {wanted}")


def _short(path: Any) -> str:
    return str(path) if len(str(path)) <= 200 else f"{str(path)[:200]}..."


def _read(frame: Any) -> tuple[Image.Image, bool]:
    path = _file(frame, _WANTED, "give one image at a time, or segment it with `mcdrl predict`")
    if is_video(path):
        raise InputError(f"{path} {said_of(path)}; give it to predict_video")
    try:
        return read_frame(path)
    except RefusedError as error:
        raise InputError(f"{path}: {error}") from None


def _picture(frame: Any) -> Image.Image:
    problem = _problem(frame)
    if problem:
        raise InputError(f"{problem}; {_WANTED}")
    return Image.fromarray(np.ascontiguousarray(frame))


def _problem(frame: Any) -> str:
    """Return what is wrong with an array as a frame, and the way out where there is a likely one; empty: nothing."""
    if not isinstance(frame, np.ndarray):
        return f"the frame is a {type(frame).__name__}, no array"
    if frame.ndim != 3 or frame.shape[2] != 3:
        return f"the frame has the shape {list(frame.shape)}{_way_out(frame.shape)}"
    if 0 in frame.shape:
        return f"the frame has the shape {list(frame.shape)}, so no pixel"
    if frame.dtype.kind not in "biuf":
        return f"the frame is of {frame.dtype}"
    if frame.dtype != np.uint8:
        return f"the frame is of {frame.dtype}, values {frame.min()}..{frame.max()}{_as_bytes(frame)}"
    return ""


def _as_bytes(frame: NDArray[Any]) -> str:
    """Return the line that makes bytes of a frame, and of which values; empty where these leave doubt which it is."""
    least, most, floats = frame.min(), frame.max(), frame.dtype.kind == "f"
    if frame.dtype.kind == "b":
        return ": one of black and white is 255 * frame.astype(np.uint8)"
    if floats and least >= 0 and most <= 1:
        return ": one of 0..1 is (255 * frame).round().astype(np.uint8)"
    if least >= 0 and _BRIGHT < most <= 255:
        return f": one of 0..255 is frame{'.round()' if floats else ''}.astype(np.uint8)"
    if not floats and least >= 0 and 2**15 <= most < 2**16:  # fewer bits may be those of a camera of 10 or 12
        return ": one of 0..65535 is (frame / 257).round().astype(np.uint8)"
    return ""


def _way_out(shape: tuple[int, ...]) -> str:
    if len(shape) == 2:
        return ": a grey one is np.stack([frame] * 3, axis=2)"
    if len(shape) == 4:
        return ": give one frame at a time"
    if len(shape) == 3 and shape[2] == 4:
        return ": leave transparency out, frame[..., :3]"
    if len(shape) == 3 and shape[0] == 3:
        return ": channels go last, np.moveaxis(frame, 0, 2)"
    return ""
