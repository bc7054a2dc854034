"""Videos that are written, read back by PyAV alone: times and masks are those that were given."""

import errno
import resource
from fractions import Fraction

import av
import numpy as np
import pytest

from mcdrl.imaging.video.frames import VideoShape
from mcdrl.imaging.video.writing import COLOURS, GREY, written
from tests.videos import read_video


def write(path, pictures, pts, encoding, tick_s=Fraction(1, 600), **more):
    size = pictures[0].shape[1::-1]
    with written(path, encoding, VideoShape(size, tick_s, **more)) as add:
        for picture, place in zip(pictures, pts, strict=True):
            add(picture, place)
    return path


def grey(count, size=(65, 49)):
    drawn = np.random.default_rng(0)
    return [drawn.integers(0, 256, size[::-1], np.uint8) for _ in range(count)]


@pytest.mark.parametrize("size", [(65, 49), (64, 48), (17, 200)])
def test_grey_comes_back_bit_by_bit_at_any_size(tmp_path, size):
    given = grey(4, size)
    back, _ = read_video(write(tmp_path / "a.mp4", given, range(4), GREY), "gray")
    assert all(np.array_equal(one, other) for one, other in zip(given, back, strict=True))


@pytest.mark.parametrize("encoding", [GREY, COLOURS])
@pytest.mark.parametrize(
    ("tick_s", "pts"),
    [
        (Fraction(1, 600), [700, 733, 800, 801, 1000]),
        (Fraction(1, 1000), [0, 33, 67, 100]),
        (Fraction(1001, 30000), [0, 1, 2, 5]),
        (Fraction(1, 1_000_000), [1, 40_000, 73_333, 90_000_000]),
        (Fraction(1, 90_000), [900_000_000, 900_003_003]),
    ],
)
def test_times_are_those_that_were_given(tmp_path, encoding, tick_s, pts):
    given = grey(len(pts)) if encoding is GREY else [np.stack([one] * 3, -1) for one in grey(len(pts))]
    _, times = read_video(write(tmp_path / "a.mp4", given, pts, encoding, tick_s), "gray")
    assert times == [one * tick_s for one in pts]


def test_colours_are_seen_as_they_were(tmp_path):
    colours = [(200, 60, 50), (90, 160, 60), (60, 70, 190), (255, 0, 255)]
    given = [np.full((49, 65, 3), colour, np.uint8) for colour in colours]
    back, _ = read_video(write(tmp_path / "a.mp4", given, range(4), COLOURS), "rgb24")
    for picture, colour in zip(back, colours, strict=True):
        assert picture.shape == (50, 66, 3)  # players want even sides
        assert np.abs(picture.mean(axis=(0, 1)) - colour).max() < 5


def test_pixels_keep_their_aspect_and_players_get_what_they_know(tmp_path):
    path = write(tmp_path / "a.mp4", [np.zeros((48, 64, 3), np.uint8)], [0], COLOURS, pixel_aspect=Fraction(16, 15))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert stream.sample_aspect_ratio == Fraction(16, 15)


def test_equal_frames_give_equal_bytes(tmp_path):
    one, other = (write(tmp_path / name, grey(30), range(30), GREY) for name in ("a.mp4", "b.mp4"))
    assert one.read_bytes() == other.read_bytes()


def test_what_was_there_stays_if_writing_fails(tmp_path):
    (tmp_path / "a.mp4").write_text("before")

    def fail():
        with written(tmp_path / "a.mp4", GREY, VideoShape((64, 48), Fraction(1, 25))) as add:
            add(np.zeros((48, 64), np.uint8), 0)
            raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        fail()
    assert (tmp_path / "a.mp4").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("most", [100, 20_000, 400_000])
def test_a_disk_that_is_full_is_told_as_such(tmp_path, most):
    """By a limit of the size of files: at the first frames, amid them, and at the end."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as error:
            write(tmp_path / "a.mp4", grey(120, (96, 64)), range(120), GREY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (error.value.errno, error.value.filename) == (errno.EFBIG, str(tmp_path / "a.mp4"))
    assert not list(tmp_path.iterdir())
