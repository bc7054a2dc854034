"""What is a video is told by a file's content; of an unknown content its ending counts."""

import numpy as np
import pytest
from PIL import Image

from mcdrl.imaging.video.files import is_video, open_video
from tests.imaging.test_dicom import content
from tests.videos import marks, write_video

FORMATS = {
    "mp4": "libx264", "mov": "libx264", "mkv": "libx264", "webm": "libvpx-vp9", "avi": "mpeg4", "mpegts": "libx264",
    "mpeg": "mpeg2video", "flv": "flv", "ogv": "libvpx", "asf": "mpeg4",
}  # fmt: skip


@pytest.mark.parametrize(("kind", "codec"), FORMATS.items())
def test_formats_are_known_without_an_ending_and_read(tmp_path, kind, codec):
    kind = {"mkv": "matroska", "ogv": "ogg"}.get(kind, kind)
    path = write_video(tmp_path / "a", marks(5), codec=codec, kind=kind)
    assert is_video(path)
    frames = list(open_video(path).frames())
    assert len(frames) == 5
    shown = np.asarray(frames[3].picture())
    assert shown[14:22, 14:22].min() > 180
    assert shown[30:].max() < 80


@pytest.mark.parametrize(
    ("name", "told"), [("a.mp4", True), ("a.MKV", True), ("a.txt", False), ("a.png", False), ("a", False)]
)
def test_of_an_unknown_content_the_ending_counts(tmp_path, name, told):
    (tmp_path / name).write_text("neither picture nor video")
    assert is_video(tmp_path / name) is told


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF", "WEBP", "AVIF"])
def test_a_picture_is_no_video_whatever_it_is_called(tmp_path, kind):
    Image.new("RGB", (64, 64)).save(tmp_path / "a.mp4" if kind != "AVIF" else tmp_path / "a", kind)
    assert not is_video(next(tmp_path.iterdir()))


def test_no_file_is_no_video(tmp_path):
    assert not is_video(tmp_path / "nowhere.mp4")
    assert not is_video(tmp_path)


@pytest.mark.parametrize(("pictures", "told"), [(1, False), (3, True)])
def test_dicom_is_a_video_from_two_pictures_on(tmp_path, pictures, told):
    given = content(np.zeros((8, 8, 3), np.uint8), "RGB")
    given.NumberOfFrames, given.PixelData = pictures, bytes(8 * 8 * 3 * pictures)
    given.save_as(tmp_path / "a.mp4", enforce_file_format=True, implicit_vr=False, little_endian=True)
    assert is_video(tmp_path / "a.mp4") is told
    (tmp_path / "a.mp4").write_bytes((tmp_path / "a.mp4").read_bytes()[:150])
    assert not is_video(tmp_path / "a.mp4")  # read as a picture, which says what is wrong
