"""Videos that are written: H.264 in MP4, each frame at the time that it is given.

Equal frames give equal bytes on any machine: the threads of the encoder are set, and nothing tells the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mcdrl.base.files import atomic
from mcdrl.imaging.video.frames import VideoShape

if TYPE_CHECKING:
    from av.container import OutputContainer

Array = np.ndarray[Any, np.dtype[np.uint8]]
_RATE = Fraction(25)  # that the encoder reckons with; the times are those of the frames
_FULL_RANGE, _BT709 = 2, 1  # as FFmpeg numbers them
_THREADS = 2


@dataclass(frozen=True)
class VideoEncoding:
    """How frames are kept.

    Attributes:
        given: PyAV's name of the arrays' format.
        stored: that of the stream's.
        options: of the encoder.
        colours: of FFmpeg's `AVCodecContext`, name -> number.
        even: whether sides have to be even; those that aren't get their last line twice.
    """

    given: str
    stored: str
    options: dict[str, str]
    colours: dict[str, int]
    even: bool = False


_OF_ALL = {"preset": "veryfast", "bf": "0"}
GREY = VideoEncoding("gray", "gray", {"qp": "0", **_OF_ALL}, {"color_range": _FULL_RANGE})
"""[H, W] uint8, which come back bit by bit."""
COLOURS = VideoEncoding(
    "rgb24", "yuv420p", {"crf": "18", **_OF_ALL},
    dict.fromkeys(("colorspace", "color_primaries", "color_trc"), _BT709), even=True,
)  # fmt: skip
"""[H, W, 3] uint8, RGB, to be looked at."""


@contextmanager
def written(path: Path, encoding: VideoEncoding, shape: VideoShape) -> Iterator[Callable[[Array, int], None]]:
    """Yield what takes a video's frames, each with its `pts`; the file is there once all are taken.

    Args:
        path: of the file, whatever its ending.
        encoding: how frames are kept.
        shape: of the video that they belong to.
    """
    import av

    options = {"fflags": "bitexact", "movie_timescale": str(shape.tick_s.denominator)}  # of which the start is told
    with (
        atomic(path) as partial,
        partial.open("wb") as file,
        _closed(av.open(file, "w", format="mp4", options=options)) as container,
    ):
        stream = container.add_stream("libx264", rate=_RATE, options=dict(encoding.options))
        width, height = (size + size % 2 if encoding.even else size for size in shape.size)
        stream.width, stream.height, stream.pix_fmt = width, height, encoding.stored
        stream.codec_context.time_base, stream.codec_context.thread_count = shape.tick_s, _THREADS
        stream.codec_context.sample_aspect_ratio = shape.pixel_aspect
        for name, number in encoding.colours.items():
            setattr(stream.codec_context, name, number)

        def add(pixels: Array, pts: int) -> None:
            """Take a frame."""
            frame = av.VideoFrame.from_ndarray(_filled(pixels, (width, height)), format=encoding.given)
            if encoding.colours.get("colorspace"):
                frame = frame.reformat(format=encoding.stored, dst_colorspace="ITU709")
            frame.pts, frame.time_base = pts, shape.tick_s
            container.mux(stream.encode(frame))

        yield add
        container.mux(stream.encode(None))


@contextmanager
def _closed(container: OutputContainer) -> Iterator[OutputContainer]:
    """Close a container in the end; what it raises then, where something went wrong before, says less than that."""
    try:
        yield container
    except BaseException:
        with suppress(Exception):
            container.close()
        raise
    container.close()


def _filled(pixels: Array, size: tuple[int, int]) -> Array:
    """Return a frame with its last column and row twice where it is smaller than it has to be."""
    height, width = pixels.shape[:2]
    missing = [(0, size[1] - height), (0, size[0] - width), *[(0, 0)] * (pixels.ndim - 2)]
    return np.pad(pixels, missing, mode="edge") if any(after for _, after in missing) else np.ascontiguousarray(pixels)
