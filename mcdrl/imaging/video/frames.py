"""What a video is, whatever format it is stored in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from PIL import Image


@dataclass(frozen=True)
class TimedFrame:
    """A frame of a video.

    Attributes:
        index: from 0 on.
        pts: when it is shown, in the video's `tick_s`; 0 or later, and rises from frame to frame, whatever the file's
            own clock does.
        picture: decodes it: upright RGB.
        issues: what is odd about it; empty: nothing.
        dim: whether it has more than 8 bits a channel and uses less than half of their range.
    """

    index: int
    pts: int
    picture: Callable[[], Image.Image]
    issues: str = ""
    dim: bool = False


@dataclass(frozen=True)
class VideoShape:
    """What holds for all frames of a video.

    Attributes:
        size: width and height, upright, px.
        tick_s: seconds that one step of `TimedFrame.pts` stands for.
        timed: whether the file tells when its frames are shown, one after the other.
        pixel_aspect: width of a pixel over its height.
    """

    size: tuple[int, int]
    tick_s: Fraction
    timed: bool = True
    pixel_aspect: Fraction = Fraction(1)


class Video(Protocol):
    """A video that can be read as often as it takes."""

    @property
    def shape(self) -> VideoShape:
        """What holds for all frames."""
        ...

    def frames(self) -> Iterator[TimedFrame]:
        """Yield all frames that can be read, from the first on; few of them are in memory.

        Raises:
            RefusedError: after the last one, where the file holds more than could be read.
        """
        ...
