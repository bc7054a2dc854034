"""DICOM files with several pictures: their order, times, and films inside."""

import sys
from fractions import Fraction

import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import MPEG4HP41, ExplicitVRLittleEndian, JPEGLSLossless, RLELossless

from mcdrl.base.errors import InputError
from mcdrl.base.issues import RefusedError
from mcdrl.imaging.video.files import is_video, open_video
from tests.imaging.test_dicom import bare, content
from tests.videos import marks, write_video

RGB = np.random.default_rng(0).integers(0, 256, (4, 30, 40, 3), np.uint8)

UNTIMED = [0, Fraction(4, 100), Fraction(8, 100), Fraction(12, 100)]


@pytest.fixture
def stored(tmp_path):
    def save(pixels=RGB, meaning="RGB", syntax=ExplicitVRLittleEndian, empty=False, **more):
        given = content(pixels[0], meaning, syntax, NumberOfFrames=len(pixels), PixelData=pixels.tobytes(), **more)
        if empty:
            del given.PixelData
        given.save_as(tmp_path / "a.dcm", enforce_file_format=True, implicit_vr=False, little_endian=True)
        return tmp_path / "a.dcm"

    return save


def seconds(path):
    video = open_video(path)
    return [frame.pts * video.shape.tick_s for frame in video.frames()], video.shape.timed


def test_pictures_come_bit_by_bit_in_their_order(stored):
    video = open_video(stored())
    assert video.shape.size == (40, 30)
    for _ in range(2):
        assert np.array_equal([frame.picture() for frame in video.frames()], RGB)


def test_so_do_those_of_a_file_without_preamble(tmp_path):
    (tmp_path / "a.dcm").write_bytes(
        bare(content(RGB[0], "RGB", NumberOfFrames=4, PixelData=RGB.tobytes()), implicit=True)
    )
    assert is_video(tmp_path / "a.dcm")
    assert np.array_equal([frame.picture() for frame in open_video(tmp_path / "a.dcm").frames()], RGB)


def test_packed_pictures_do_too(tmp_path):
    given = content(RGB[0], "RGB", NumberOfFrames=4, PixelData=RGB.tobytes())
    given.compress(RLELossless)
    given.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert np.array_equal([frame.picture() for frame in open_video(tmp_path / "a.dcm").frames()], RGB)


def test_deep_inverted_grey_is_shown_as_in_single_pictures(stored):
    grey = np.linspace(0, 4095, 2 * 1200).reshape(2, 30, 40).astype(np.uint16)
    found = np.stack([frame.picture() for frame in open_video(stored(grey, "MONOCHROME1", BitsStored=12)).frames()])
    assert np.abs(found[..., 0] - (255 - grey / 4095 * 255)).max() < 1


@pytest.mark.parametrize("meaning", ["MONOCHROME2", "MONOCHROME1", "RGB"])
def test_dim_pictures_are_those_whose_stored_bits_are_mostly_unused(stored, meaning):
    last = np.random.default_rng(0).integers(0, 4096, (30, 40, 3)[: 3 if meaning == "RGB" else 2])
    pixels = np.stack([last, last // 4 * 16 + 3]).astype(np.uint16)
    pixels = pixels if meaning != "MONOCHROME1" else 0xFFFF - pixels
    assert [frame.dim for frame in open_video(stored(pixels, meaning, BitsStored=16)).frames()] == [True, True]
    shallow = np.where(pixels > 0xFFF, 0xFFF - (0xFFFF - pixels), pixels).astype(np.uint16)
    assert [frame.dim for frame in open_video(stored(shallow, meaning, BitsStored=12)).frames()] == [False, False]
    assert not any(frame.dim for frame in open_video(stored()).frames())


@pytest.mark.parametrize(
    ("tags", "times", "timed"),
    [
        ({"FrameTime": "33.33"}, [0, Fraction(3333, 100000), Fraction(6666, 100000), Fraction(9999, 100000)], True),
        (
            {"FrameTimeVector": ["0", "40", "20", "100"]},
            [0, Fraction(4, 100), Fraction(6, 100), Fraction(16, 100)],
            True,
        ),
        ({"RecommendedDisplayFrameRate": "50"}, [0, Fraction(2, 100), Fraction(4, 100), Fraction(6, 100)], True),
        ({"CineRate": "20"}, [0, Fraction(5, 100), Fraction(1, 10), Fraction(15, 100)], True),
        ({"FrameTimeVector": ["0", "0", "0", "0"], "CineRate": "20"}, [0, *(Fraction(n, 20) for n in (1, 2, 3))], True),
        ({}, UNTIMED, False),
        ({"FrameTime": "-40"}, UNTIMED, False),
        ({"FrameTimeVector": ["0", "40", "-40", "40"]}, UNTIMED, False),
        ({"FrameTimeVector": ["0", "0.0001", "0.0001", "0.0001"]}, UNTIMED, False),
    ],
)
def test_times_are_those_that_the_file_tells(stored, tags, times, timed):
    assert seconds(stored(**tags)) == (times, timed)


def test_a_film_inside_is_read_like_one(tmp_path, stored):
    film = write_video(tmp_path / "film.mp4", marks(6))
    given = content(marks(1)[0], "YBR_PARTIAL_420", MPEG4HP41, NumberOfFrames=6)
    given.PixelData = encapsulate([film.read_bytes()])
    given["PixelData"].VR = "OB"
    given.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert is_video(tmp_path / "a.dcm")
    frames = list(open_video(tmp_path / "a.dcm").frames())
    alone = list(open_video(film).frames())
    assert len(frames) == 6
    assert all(np.array_equal(one.picture(), other.picture()) for one, other in zip(frames, alone, strict=True))
    assert [frame.pts for frame in frames] == [frame.pts for frame in alone]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"empty": True}, r"DICOM without pixels: a\.dcm holds no picture"),
        ({"syntax": "1.2.3.4"}, r"DICOM that can't be unpacked: a\.dcm, transfer syntax 1\.2\.3\.4: "),
        ({"Rows": 400}, r"unreadable video: a\.dcm: "),
    ],
)
def test_what_cannot_be_shown_is_refused(stored, more, said):
    with pytest.raises(RefusedError, match=said) as error:
        open_video(stored(**more))
    assert "\n" not in str(error.value)


def test_a_film_that_breaks_off_is_told(tmp_path):
    given = content(marks(1)[0], "YBR_PARTIAL_420", MPEG4HP41, NumberOfFrames=6)
    given.PixelData = encapsulate([write_video(tmp_path / "film.mp4", marks(6)).read_bytes()])
    given["PixelData"].VR = "OB"
    given.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    whole = (tmp_path / "a.dcm").read_bytes()
    (tmp_path / "a.dcm").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RefusedError, match=r"^DICOM without pixels: a\.dcm holds no picture, or breaks off"):
        open_video(tmp_path / "a.dcm")


def test_times_that_are_no_numbers_are_told(stored):
    path = stored(FrameTime="33.3 ")  # DICOM wants an even length
    path.write_bytes(path.read_bytes().replace(b"33.3", b"33,3"))
    with pytest.raises(RefusedError, match=r"^DICOM whose times can't be read: FrameTime is '33,3'; expected decimal"):
        open_video(path)


def test_a_segmentation_of_several_pictures_is_no_video(stored):
    assert is_video(stored())
    assert not is_video(stored(Modality="SEG"))


def test_packed_in_a_way_that_nobody_here_knows(tmp_path):
    given = content(RGB[0], "RGB", JPEGLSLossless, NumberOfFrames=2)
    given.PixelData = encapsulate([b"nothing", b"nothing"])
    given["PixelData"].VR = "OB"
    given.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    with pytest.raises(RefusedError, match="transfer syntax JPEG-LS Lossless"):
        open_video(tmp_path / "a.dcm")


def test_of_a_file_that_breaks_off_what_is_there_is_read(tmp_path):
    given = content(RGB[0], "RGB", NumberOfFrames=4, PixelData=RGB.tobytes())
    given.compress(RLELossless)
    given.NumberOfFrames = 6
    given.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    frames = open_video(tmp_path / "a.dcm").frames()
    assert np.array_equal([next(frames).picture() for _ in range(4)], RGB)
    with pytest.raises(RefusedError, match="video that isn't whole: 4 of 6 frames are there"):
        next(frames)


def test_without_pydicom_a_file_counts_as_a_picture(stored, monkeypatch):
    path = stored()
    monkeypatch.setitem(sys.modules, "pydicom", None)
    assert not is_video(path)
    with pytest.raises(InputError, match="pydicom isn't installed"):
        open_video(path)
