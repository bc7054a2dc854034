"""DICOM files with several pictures, such as Video Endoscopic Images: picture by picture, or the film inside."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import accumulate, chain, repeat
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mcdrl.base.issues import RefusedError
from mcdrl.imaging.depth import to_rgb
from mcdrl.imaging.dicom import each_of, head, is_dim, shown, whole, without_pixels
from mcdrl.imaging.picture import refusing
from mcdrl.imaging.video.container import Container
from mcdrl.imaging.video.frames import TimedFrame, Video, VideoShape

_TICK_S = Fraction(1, 1_000_000)  # DICOM's times are decimals of milliseconds
_UNTIMED_MS = Fraction(40)  # from one to the next where the file doesn't tell


@dataclass(frozen=True)
class Pictures:
    """A file with several pictures; see `Video`.

    Attributes:
        path: of the file.
        content: all of it but for the pictures.
    """

    path: Path
    content: Any

    @property
    def shape(self) -> VideoShape:
        """See `Video`."""
        size = int(self.content.Columns), int(self.content.Rows)
        return VideoShape(size, _TICK_S, timed=bool(_steps_ms(self.content)))

    def frames(self) -> Iterator[TimedFrame]:
        """See `Video`."""
        told = int(self.content.NumberOfFrames)
        with refusing(self.path, "video"):
            steps = _steps_ms(self.content) or [_UNTIMED_MS]
            times = accumulate(chain(steps, repeat(steps[-1])), initial=Fraction(0))
            index = -1
            for index, (pixels, time_ms) in enumerate(zip(each_of(self.path), times, strict=False)):
                dim = is_dim(pixels, self.content)
                yield TimedFrame(index, round(time_ms / 1000 / _TICK_S), partial(self._picture, pixels), dim=dim)
        if index + 1 < told:
            raise RefusedError("video that isn't whole", f"{index + 1} of {told} frames are there")

    def _picture(self, pixels: np.ndarray[Any, np.dtype[Any]]) -> Image.Image:
        return to_rgb(shown(pixels, self.content, self.path))


def open_dicom(path: Path) -> Video:
    """Open a file with several pictures.

    Raises:
        RefusedError: it holds no pixels, or nothing that can be unpacked.
        InputError: pydicom isn't installed, or PyAV for a film.
    """
    with refusing(path, "video"):
        from pydicom.uid import MPEGTransferSyntaxes

        content = head(path)
        if content.file_meta.get("TransferSyntaxUID") in MPEGTransferSyntaxes:
            return Container(partial(io.BytesIO, _film(path)), path.name)
        video = Pictures(path, content)
        next(video.frames()).picture()
    return video


def _film(path: Path) -> bytes:
    """Return the stream of a file that packs its pictures as a film: as many bytes as the file has."""
    from pydicom.encaps import generate_frames

    content = whole(path)
    if "PixelData" not in content:
        raise without_pixels(path)
    return next(generate_frames(content.PixelData, number_of_frames=1))


def _steps_ms(content: Any) -> Sequence[Fraction]:
    """Return the milliseconds from each picture to the next, as far as the file tells them; empty: not at all."""
    told = (_numbers(content, "FrameTimeVector")[1:], _numbers(content, "FrameTime"))  # a vector's first is before all
    rates = (_numbers(content, "RecommendedDisplayFrameRate"), _numbers(content, "CineRate"))
    steps = [*told, *([1000 / rate for rate in found if rate] for found in rates)]
    return next((one for one in steps if one and min(one) >= 1000 * _TICK_S), [])


def _numbers(content: Any, name: str) -> list[Fraction]:
    value = content.get(name)
    try:
        return [Fraction(str(one)) for one in np.atleast_1d(value)] if value not in (None, "") else []
    except ValueError:
        told = f"{name} is {value!r}; expected decimal numbers with a point"
        raise RefusedError("DICOM whose times can't be read", told) from None
