"""Videos through PyAV: times, turns, and files that aren't whole or none at all."""

import os
import re
import sys
from fractions import Fraction
from functools import partial
from itertools import islice

import av
import numpy as np
import pytest
from PIL import Image

from mcdrl.base.errors import InputError
from mcdrl.base.issues import RefusedError
from mcdrl.imaging.video.container import INTERLACED, RESTARTED, Container, _Clock
from tests.videos import LOSSLESS, marks, write_video


def opened(path):
    return Container(partial(path.open, "rb"), path.name)


def noisy(count, size=(160, 120)):
    """Pictures of which each takes some kilobytes."""
    drawn = np.random.default_rng(0)
    return [drawn.integers(0, 256, (*size[::-1], 3), np.uint8) for _ in range(count)]


def read(video):
    """Return the frames that can be read, and what is said behind the last one."""
    frames, said = [], ""
    try:
        frames += iter(video.frames())
    except RefusedError as error:
        said = str(error)
    return frames, said


def test_frames_come_bit_by_bit_and_as_often_as_it_takes(tmp_path):
    given = noisy(4)
    video = opened(write_video(tmp_path / "a.mkv", given, **LOSSLESS))
    for _ in range(2):
        frames = list(video.frames())
        assert [frame.index for frame in frames] == [0, 1, 2, 3]
        assert all(np.array_equal(frame.picture(), picture) for frame, picture in zip(frames, given, strict=True))
    assert video.shape.size == (160, 120)


def test_colours_come_back_through_h264(tmp_path):
    colours = [(200, 60, 50), (90, 160, 60), (60, 70, 190)]
    given = [np.full((48, 64, 3), colour, np.uint8) for colour in colours]
    for frame, colour in zip(opened(write_video(tmp_path / "a.mp4", given)).frames(), colours, strict=True):
        assert np.abs(np.asarray(frame.picture()).mean(axis=(0, 1)) - colour).max() < 4


def test_times_are_the_files_own_and_need_not_be_even(tmp_path):
    pts = [700, 733, 800, 801, 1000]
    video = opened(write_video(tmp_path / "a.mkv", marks(5), pts=pts, tick_s=Fraction(1, 1000)))
    assert [frame.pts * video.shape.tick_s for frame in video.frames()] == [Fraction(one, 1000) for one in pts]
    assert video.shape.timed


def test_times_rise_where_the_file_has_none(tmp_path):
    path = tmp_path / "a.h264"
    write_video(path, marks(6), kind="h264")
    assert {packet.pts for packet in av.open(str(path)).demux(video=0)} == {None}
    pts = [frame.pts for frame in opened(path).frames()]
    assert len(pts) == 6
    assert all(np.diff(pts) > 0)


@pytest.mark.parametrize(("turn", "way"), [(90, "ROTATE_90"), (180, "ROTATE_180"), (-90, "ROTATE_270")])
def test_a_video_is_turned_as_its_file_says(tmp_path, turn, way):
    """Pillow's turns are against the clock, too."""
    picture = noisy(1)[0]
    video = opened(write_video(tmp_path / "a.mkv", [picture], turn=turn, **LOSSLESS))
    upright = Image.fromarray(picture).transpose(Image.Transpose[way])
    (frame,) = video.frames()
    assert np.array_equal(frame.picture(), upright)
    assert video.shape.size == upright.size


@pytest.mark.parametrize(("turn", "told"), [(0, Fraction(4, 3)), (180, Fraction(4, 3)), (90, Fraction(3, 4))])
def test_pixels_need_not_be_square_and_turn_with_the_frame(tmp_path, turn, told):
    video = opened(write_video(tmp_path / "a.mp4", marks(2), turn=turn, aspect=Fraction(4, 3)))
    assert video.shape.pixel_aspect == told


@pytest.mark.parametrize(
    ("name", "codec", "options", "said"),
    [
        ("a.mp4", "libx264", {"movflags": "faststart"}, r"breaks off, as \d+ of the 20 frames that it tells of"),
        ("a.avi", "mpeg4", {}, r"it breaks off, as \d+ of the 20 frames"),
        ("a.mkv", "libx264", {}, r"it breaks off after 0\.\d\d of 0\.80 seconds"),
        ("a.webm", "libvpx-vp9", {}, r"it breaks off after 0\.\d\d of 0\.80 seconds"),
    ],
)
def test_of_a_file_that_breaks_off_what_is_there_is_read(tmp_path, monkeypatch, name, codec, options, said):
    monkeypatch.setattr("mcdrl.imaging.video.container._MISSING_S", Fraction(1, 10))
    path = write_video(tmp_path / name, noisy(20), codec=codec, **options)
    assert read(opened(path))[1] == ""
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    frames, told = read(opened(path))
    assert 3 < len(frames) < 17
    assert told.startswith("video that isn't whole: ")
    assert re.search(said, told)


def test_damage_in_the_middle_is_told_and_read_over(tmp_path):
    """Frames behind it come again; that they are the same each time is what decoding in one thread is for."""
    path = write_video(tmp_path / "a.mp4", noisy(20))
    data = bytearray(path.read_bytes())
    start = len(data) // 3
    data[start : start + len(data) // 4] = b"\xff" * (len(data) // 4)
    path.write_bytes(data)
    once, again = read(opened(path)), read(opened(path))
    assert re.search(r"video that isn't whole: \d+ pieces of it are damaged; frames there are missing", once[1])
    assert 8 < len(once[0]) < 20
    assert np.array_equal(*([frame.picture() for frame in frames] for frames, _ in (once, again)))


def test_recordings_that_were_joined_go_on_in_time_and_it_is_told_where(tmp_path):
    """As by `cat`, or by recorders that begin a new clock with each button that is pressed."""
    path = write_video(tmp_path / "a.mpg", marks(20), codec="mpeg2video")
    path.write_bytes(2 * path.read_bytes())
    video = opened(path)
    frames = list(video.frames())
    assert np.allclose(np.diff([float(frame.pts * video.shape.tick_s) for frame in frames]), 1 / 25)
    assert [frame.index for frame in frames if frame.issues] == [20]
    assert frames[20].issues == RESTARTED


def test_times_that_are_a_little_out_of_order_rise_all_the_same():
    clock = _Clock(step=40, back=500)
    assert [clock.shown(told) for told in (100, 140, 130, None, 220)] == [
        (100, False), (140, False), (141, False), (181, False), (220, False),
    ]  # fmt: skip


def test_a_clock_that_begins_below_0_is_set(tmp_path):
    """What is written can't hold such times: players leave those frames out."""
    path = write_video(tmp_path / "a.mkv", marks(5), pts=[-90, -50, -10, 30, 70], tick_s=Fraction(1, 1000),
                       avoid_negative_ts="disabled", **LOSSLESS)  # fmt: skip
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).pts == -90
    assert [frame.pts for frame in opened(path).frames()] == [0, 40, 80, 120, 160]


def test_gaps_in_time_are_no_missing_frames(tmp_path):
    """AVI counts them as frames."""
    path = write_video(tmp_path / "a.avi", marks(6), pts=[0, 1, 2, 10, 11, 30], codec="mpeg4")
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 31
    frames, said = read(opened(path))
    assert (len(frames), said) == (6, "")


@pytest.mark.parametrize("name", ["a.mkv", "a.avi", "a.mp4"])
def test_texts_that_are_no_utf8_are_passed_over(tmp_path, name):
    """Such as a patient's name, as older recorders write it."""
    path = write_video(tmp_path / name, marks(3), codec="mpeg4", title="MXller")
    path.write_bytes(path.read_bytes().replace(b"MXller", "Müller".encode("latin-1")))
    assert len(list(opened(path).frames())) == 3


def test_a_trimmed_video_is_whole(tmp_path):
    """Frames that the file holds and doesn't show, as phones leave them, aren't missing."""
    path = write_video(tmp_path / "a.mp4", marks(10))
    data = bytearray(path.read_bytes())
    at = data.find(b"elst")
    assert at > 0
    data[at + 16 : at + 20] = (5 * 512).to_bytes(4, "big")  # shown from the sixth frame on
    path.write_bytes(data)
    frames, said = read(opened(path))
    assert len(frames) < 10
    assert said == ""


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", r"unreadable video: a\.mp4 is none, or breaks off"),
        (b"no video at all" * 40, r"unreadable video: a\.mp4 is none, or breaks off"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path, data, said):
    (tmp_path / "a.mp4").write_bytes(data)
    with pytest.raises(RefusedError, match=said):
        opened(tmp_path / "a.mp4")


def test_a_file_that_breaks_off_before_its_index_is_refused(tmp_path):
    path = write_video(tmp_path / "a.mp4", noisy(5))
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(RefusedError, match=r"breaks off before FFmpeg finds its way .*; copy it again"):
        opened(path)


def test_sound_alone_is_refused(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 44100, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(RefusedError, match=r"no video: a\.mp4 holds audio alone"):
        opened(tmp_path / "a.mp4")


def test_the_picture_that_goes_with_sound_is_no_video(tmp_path):
    """As music has it: FFmpeg knows it as a video stream of one frame."""
    with av.open(str(tmp_path / "a.mp3"), "w") as container:
        sound = container.add_stream("mp3", rate=44100, layout="mono")
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        container.mux(cover.encode(av.VideoFrame.from_ndarray(marks(1)[0], format="rgb24")))
        container.mux(cover.encode(None))
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1152), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 44100, 0
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    assert av.open(str(tmp_path / "a.mp3")).streams.video
    with pytest.raises(RefusedError, match=r"no video: a\.mp3 holds audio alone"):
        opened(tmp_path / "a.mp3")


def test_a_file_that_names_others_leads_nowhere(tmp_path):
    """A list of parts, as FFmpeg follows it, may name any file or address."""
    part = write_video(tmp_path / "part.ts", marks(5), kind="mpegts")
    for name, text in {
        "list.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{part}\n#EXT-X-ENDLIST\n",
        "list.mp4": f"ffconcat version 1.0\nfile {part.name}\n",
    }.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(RefusedError):
            opened(tmp_path / name)


@pytest.mark.parametrize("name", [os.fsdecode(b"polype_\xe9.mp4"), "http:a.mp4", "a b%03d.mp4", "-.mp4"])
def test_a_name_may_be_anything(tmp_path, name):
    path = tmp_path / "in.mp4"
    write_video(path, marks(3)).rename(tmp_path / name)
    assert len(list(opened(tmp_path / name).frames())) == 3


def test_a_length_that_is_no_time_is_passed_over(tmp_path):
    path = write_video(tmp_path / "a.mkv", marks(3))
    assert path.read_bytes().count(b"00:00:00.120000000") == 1
    path.write_bytes(path.read_bytes().replace(b"00:00:00.120000000", b"about half an hour"))
    assert len(read(opened(path))[0]) == 3


def test_a_video_without_a_frame_is_refused(tmp_path):
    with av.open(str(tmp_path / "b.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    with pytest.raises(RefusedError, match=r"video without frames|unreadable video|no video"):
        opened(tmp_path / "b.mkv")


def test_frames_of_several_sizes_end_the_video(tmp_path):
    """Two streams of MPEG behind each other, as a recorder writes them that is switched over."""
    parts = [
        write_video(tmp_path / f"{side}.mpg", marks(4, (64, side)), codec="mpeg2video", kind="mpeg2video")
        for side in (48, 64)
    ]
    (tmp_path / "a.mpg").write_bytes(b"".join(part.read_bytes() for part in parts))
    frames, said = read(opened(tmp_path / "a.mpg"))
    assert said == f"frames of several sizes: 64x48, from frame {len(frames)} on 64x64; cut the video there"
    assert len(frames) in (3, 4)  # FFmpeg may swallow the last one before


def test_interlaced_frames_are_told(tmp_path):
    path = tmp_path / "a.mpg"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25, options={"flags": "+ildct+ilme", "top": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for picture in marks(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    assert {frame.issues for frame in opened(path).frames()} == {INTERLACED}


def test_reading_may_end_early(tmp_path):
    video = opened(write_video(tmp_path / "a.mp4", noisy(10)))
    assert len(list(islice(video.frames(), 3))) == 3


def test_without_pyav_the_extra_is_named(tmp_path, monkeypatch):
    path = write_video(tmp_path / "a.mp4", marks(2))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InputError, match=r"a\.mp4 is a video, and PyAV isn't installed: pip install 'mcdrl\[video\]'"):
        opened(path)


def test_a_missing_file_is_the_users(tmp_path):
    with pytest.raises(InputError, match=r"gone\.mp4 can't be read: No such file"):
        opened(tmp_path / "gone.mp4")
