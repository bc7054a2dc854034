"""MP4, MOV, AVI, Matroska, WebM, MPEG and what else FFmpeg reads, through PyAV."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, BinaryIO

from PIL import Image

from mcdrl.base.errors import InputError
from mcdrl.base.issues import RefusedError
from mcdrl.imaging.picture import size_text
from mcdrl.imaging.video.frames import Shape, TimedFrame

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

DAMAGED = "damaged in the file, so that parts of the picture are made up"
INTERLACED = "interlaced, so that what moves has teeth; deinterlace the video first"
_TURNS = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}  # degrees against the clock
_ALONE = {"protocol_whitelist": "none"}  # a file that names others, or addresses, leads nowhere
_CLOCK = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")
_MISSING_S = 0.5  # that the last frame may end before the end that the file tells
_USUAL_RATE = 25
_COVER = 0x400  # FFmpeg's disposition of a picture that goes with sound


class Container:
    """A file with a video stream, the first of which is read; see `Video`."""

    def __init__(self, source: Callable[[], BinaryIO], name: str) -> None:
        """Look at the first frame.

        Args:
            source: opens what it is read from; FFmpeg is given no name, as it takes some for addresses.
            name: for messages.

        Raises:
            RefusedError: it holds no frame that can be read.
            InputError: PyAV isn't installed, or the system can't read it.
        """
        self._source, self._name = source, name
        with self._opened() as (container, stream):
            first = next((frame for frame, _ in _Reading(container, stream).frames()), None)
            if first is None:
                raise RefusedError("video without frames", f"{name}: not one can be decoded; record or export it again")
            self._stored, self._turn = (first.width, first.height), _turn(first)
            aspect = Fraction(stream.sample_aspect_ratio or 1)
            self._tick_s = Fraction(stream.time_base or Fraction(1, _USUAL_RATE))
            self._aspect = aspect if aspect > 0 else Fraction(1)

    @cached_property
    def shape(self) -> Shape:
        """See `Video`."""
        turned = self._turn in (90, 270)
        size = self._stored[::-1] if turned else self._stored
        return Shape(size, self._tick_s, pixel_aspect=1 / self._aspect if turned else self._aspect)

    def frames(self) -> Iterator[TimedFrame]:
        """See `Video`."""
        with self._opened() as (container, stream):
            reading = _Reading(container, stream)
            for index, (frame, pts) in enumerate(reading.frames()):
                if (frame.width, frame.height) != self._stored:
                    told = f"{size_text(self._stored)}, from frame {index} on {size_text((frame.width, frame.height))}"
                    raise RefusedError("frames of several sizes", f"{told}; cut the video there")
                yield TimedFrame(index, pts, partial(_upright, frame, self._turn), _issues(frame))
            if reading.problem:
                raise RefusedError("video that isn't whole", reading.problem)

    @contextmanager
    def _opened(self) -> Iterator[tuple[InputContainer, VideoStream]]:
        av = _pyav(self._name)
        try:
            given = self._source()
        except OSError as error:
            raise InputError(f"{self._name} can't be read: {error.strerror}") from None
        with given, ExitStack() as stack:
            try:
                container = stack.enter_context(av.open(given, options=_ALONE))
            except (av.FFmpegError, OSError) as error:
                told = f"{self._name} is none, or breaks off before FFmpeg finds its way ({error.strerror})"
                raise RefusedError("unreadable video", f"{told}; copy it again") from None
            stream = next((one for one in container.streams.video if not one.disposition & _COVER), None)
            if stream is None:
                kinds = ", ".join(sorted({one.type for one in container.streams if one.type != "video"}))
                raise RefusedError("no video", f"{self._name} holds {kinds or 'pictures'} alone")
            stream.thread_type = "SLICE"  # frames in threads lose some, and chance says which, where a file is damaged
            yield container, stream


class _Reading:
    """The frames of an open container, and what was amiss once they are read."""

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._container, self._stream = container, stream
        self._packets, self._bad, self._end_s = 0, 0, Fraction(0)

    def frames(self) -> Iterator[tuple[av.VideoFrame, int]]:
        """Yield each frame that can be decoded, with times that rise."""
        tick, last = self._stream.time_base or Fraction(1, _USUAL_RATE), None
        step = max(1, round(1 / (self._stream.average_rate or _USUAL_RATE) / tick))
        for frame in self._decoded():
            following = 0 if last is None else last + step
            pts = following if frame.pts is None else frame.pts
            last = pts if last is None else max(pts, last + 1)
            self._end_s = (last + step) * tick
            yield frame, last

    @property
    def problem(self) -> str:
        """Why the file isn't whole; empty: nothing is known to be missing."""
        missing, end_s = self._stream.frames - self._packets, self._told_end_s()
        if missing > 0:
            return f"it breaks off, as {missing} of the {self._stream.frames} frames that it tells of aren't there"
        if not self._stream.frames and end_s - self._end_s > _MISSING_S:
            return f"it breaks off after {float(self._end_s):.2f} of {float(end_s):.2f} seconds"
        return f"{self._bad} pieces of it are damaged; frames there are missing or made up" if self._bad else ""

    def _decoded(self) -> Iterator[av.VideoFrame]:
        import av

        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
                self._packets += packet.size > 0
                self._bad += packet.is_corrupt
                yield from packet.decode()
            except StopIteration:
                return
            except av.FFmpegError:  # players go on, too
                self._bad += 1

    def _told_end_s(self) -> Fraction:
        """Return when the stream ends by what the file tells; 0: it doesn't tell."""
        import av

        if told := _CLOCK.fullmatch(self._stream.metadata.get("DURATION", "")):
            hours, minutes, seconds = told.groups()
            return 3600 * int(hours) + 60 * int(minutes) + Fraction(seconds)
        if len(self._container.streams) > 1 or self._container.duration is None:
            return Fraction(0)
        return Fraction(self._container.duration + (self._container.start_time or 0), av.time_base)


def _pyav(name: str) -> Any:
    try:
        import av
    except ImportError:
        told = "pip install 'mcdrl[video]', in a clone pip install -e '.[video]'"
        raise InputError(f"{name} is a video, and PyAV isn't installed: {told}") from None
    return av


def _turn(frame: av.VideoFrame) -> int:
    return round(frame.rotation / 90) * 90 % 360


def _upright(frame: av.VideoFrame, turn: int) -> Image.Image:
    picture = Image.fromarray(frame.to_ndarray(format="rgb24"))
    return picture.transpose(_TURNS[turn]) if turn else picture


def _issues(frame: av.VideoFrame) -> str:
    return "; ".join([DAMAGED] * frame.is_corrupt + [INTERLACED] * frame.interlaced_frame)
