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
from mcdrl.imaging.video.frames import TimedFrame, VideoShape

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

DAMAGED = "damaged in the file, so that parts of the picture are made up"
INTERLACED = "interlaced, so that what moves has teeth; deinterlace the video first"
RESTARTED = "the file's clock goes back here, as if recordings were joined; times go on from the frame before"
_TURNS = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}  # degrees against the clock
_ALONE = {"protocol_whitelist": "none"}  # a file that names others, or addresses, leads nowhere
_CLOCK = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")
_MISSING_S = 0.5  # that the last frame may end before the end that the file tells
_BACK_S = 0.5  # by which a frame may be told to be shown before the one in front of it, and is shown after it
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
            first = next((frame for frame, _, _ in _Reading(container, stream).frames()), None)
            if first is None:
                raise RefusedError("video without frames", f"{name}: not one can be decoded; record or export it again")
            self._stored, self._turn = (first.width, first.height), _turn(first)
            aspect = Fraction(stream.sample_aspect_ratio or 1)
            self._tick_s = Fraction(stream.time_base or Fraction(1, _USUAL_RATE))
            self._aspect = aspect if aspect > 0 else Fraction(1)

    @cached_property
    def shape(self) -> VideoShape:
        """See `Video`."""
        turned = self._turn in (90, 270)
        size = self._stored[::-1] if turned else self._stored
        return VideoShape(size, self._tick_s, pixel_aspect=1 / self._aspect if turned else self._aspect)

    def frames(self) -> Iterator[TimedFrame]:
        """See `Video`."""
        with self._opened() as (container, stream):
            reading = _Reading(container, stream)
            for index, (frame, pts, jump) in enumerate(reading.frames()):
                if (frame.width, frame.height) != self._stored:
                    told = f"{size_text(self._stored)}, from frame {index} on {size_text((frame.width, frame.height))}"
                    raise RefusedError("frames of several sizes", f"{told}; cut the video there")
                yield TimedFrame(index, pts, partial(_upright, frame, self._turn), _issues(frame, jump))
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
                container = stack.enter_context(av.open(given, options=_ALONE, metadata_errors="replace"))
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

    def frames(self) -> Iterator[tuple[av.VideoFrame, int, bool]]:
        """Yield each frame that can be decoded, when it is shown, and whether the file's clock goes back there."""
        tick = self._stream.time_base or Fraction(1, _USUAL_RATE)
        clock = _Clock(max(1, round(1 / (self._stream.average_rate or _USUAL_RATE) / tick)), round(_BACK_S / tick))
        for frame in self._decoded():
            pts, jump = clock.shown(frame.pts)
            self._end_s = clock.following * tick
            yield frame, pts, jump

    @property
    def problem(self) -> str:
        """Why the file isn't whole; empty: nothing is known to be missing."""
        missing, end_s = self._stream.frames - self._packets, self._told_end_s()
        if missing > 0 and not self._at_the_end():
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

    def _at_the_end(self) -> bool:
        """Return whether the times are at the end that is told: AVI counts gaps as frames."""
        tick, told = self._stream.time_base, self._stream.duration
        return tick is not None and told is not None and (self._stream.start_time or 0) + told <= self._end_s / tick

    def _told_end_s(self) -> Fraction:
        """Return when the stream ends by what the file tells; 0: it doesn't tell."""
        import av

        if told := _CLOCK.fullmatch(self._stream.metadata.get("DURATION", "")):
            hours, minutes, seconds = told.groups()
            return 3600 * int(hours) + 60 * int(minutes) + Fraction(seconds)
        if len(self._container.streams) > 1 or self._container.duration is None:
            return Fraction(0)
        return Fraction(self._container.duration + (self._container.start_time or 0), av.time_base)


class _Clock:
    """Makes times that rise, from 0 or later on, of those that a file tells, in steps of its stream."""

    def __init__(self, step: int, back: int) -> None:
        """Begin.

        Args:
            step: from a frame to the next, where the file tells nothing.
            back: by which a time may lie before the last one; what lies further back belongs to another clock.
        """
        self._step, self._back = step, back
        self._last: int | None = None
        self._ahead = 0  # of the file's clock

    @property
    def following(self) -> int:
        """When the next frame is shown, as far as one can tell before it is there."""
        return 0 if self._last is None else self._last + self._step

    def shown(self, told: int | None) -> tuple[int, bool]:
        """Return when the next frame is shown, and whether the file's clock goes back there."""
        pts, begins = self.following if told is None else told + self._ahead, self._last is None
        jump = self._last is not None and pts < self._last - self._back
        moved = max(self.following - pts, 0) if begins or jump else 0
        self._ahead += moved
        self._last = pts + moved if self._last is None else max(pts + moved, self._last + 1)
        return self._last, jump


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


def _issues(frame: av.VideoFrame, jump: bool) -> str:
    return "; ".join([DAMAGED] * frame.is_corrupt + [INTERLACED] * frame.interlaced_frame + [RESTARTED] * jump)
