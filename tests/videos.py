"""Small videos for tests: pictures in, a file out, in any format that PyAV writes."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

LOSSLESS = {"codec": "ffv1", "stored": "bgr0"}
TICK_S = Fraction(1, 25)


def write_video(
    path: Path,
    pictures: Sequence[np.ndarray[Any, np.dtype[np.uint8]]],
    *,
    pts: Sequence[int] | None = None,
    tick_s: Fraction = TICK_S,
    codec: str = "libx264",
    stored: str = "yuv420p",
    kind: str | None = None,
    turn: int = 0,
    aspect: Fraction = Fraction(1),
    title: str = "",
    **options: str,
) -> Path:
    """Write pictures [H, W, 3] uint8, RGB.

    Args:
        path: of the file.
        pictures: all of one size.
        pts: when each is shown, in steps of `tick_s`; None: one after the other.
        tick_s: seconds.
        codec: FFmpeg's name of the encoder.
        stored: and of the pixels' format.
        kind: and of the file's; None: by its ending.
        turn: degrees against the clock by which players turn it.
        aspect: width of a pixel over its height.
        title: that the file gives itself.
        options: of the file's writer.
    """
    with av.open(str(path), "w", format=kind, options=options) as container:
        container.metadata.update({"title": title} if title else {})
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, stream.codec_context.time_base = stored, tick_s
        stream.codec_context.sample_aspect_ratio = aspect
        if turn:
            stream.set_display_rotation(turn)
        for place, picture in zip(pts or range(len(pictures)), pictures, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = place, tick_s
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def marks(count: int, size: tuple[int, int] = (64, 48)) -> list[np.ndarray[Any, np.dtype[np.uint8]]]:
    """Return dark pictures with a bright square that goes to the right by two pixels a frame."""
    width, height = size
    found = []
    for index in range(count):
        picture = np.full((height, width, 3), 30, np.uint8)
        picture[10:26, 4 + 2 * index : 20 + 2 * index] = 230
        found.append(picture)
    return found


def read_video(path: Path, form: str) -> tuple[list[Any], list[Fraction]]:
    """Return the pixels of a video's frames and the seconds at which they are shown, as PyAV alone reads them."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return [frame.to_ndarray(format=form) for frame in frames], [frame.pts * frame.time_base for frame in frames]
