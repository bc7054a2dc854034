"""A folder that holds frames and nothing else."""

import json

import numpy as np
import pytest

from mcdrl.base.errors import InputError
from mcdrl.commands.models.labelled import read_labelled
from mcdrl.commands.models.unlabelled import Unlabelled, holds_frames_alone
from tests.commands.acceptance.hospital import write_frame, write_hospital


def test_frames_alone_are_told_from_labelled_ones(tmp_path):
    assert holds_frames_alone(write_hospital(tmp_path / "bare", [(4, None), (5, None)]))
    assert not holds_frames_alone(write_hospital(tmp_path / "labelled", [(4, 4), (5, 5)]))
    assert not holds_frames_alone(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert not holds_frames_alone(tmp_path / "empty")


def test_annotations_are_no_frames_alone(tmp_path):
    write_frame(tmp_path, "a", 4, None, 0)
    (tmp_path / "a.json").write_text(json.dumps({"imagePath": "a.png", "shapes": []}))
    assert not holds_frames_alone(tmp_path)


@pytest.mark.parametrize("channels", ["rgb", "bgr"])
def test_a_frame_is_the_same_with_and_without_its_mask(tmp_path, channels):
    write_hospital(tmp_path / "labelled", [(4, 4)])
    write_hospital(tmp_path / "bare", [(4, None)])
    settings = {"channels": channels}
    (one,) = read_labelled(tmp_path / "labelled", 32, view="full", card="folder", settings=settings).frames(1)
    (other,) = Unlabelled(tmp_path / "bare", tmp_path / "out", 32, "full", swap=channels == "bgr").frames(1)
    assert one.sha256 == other.sha256
    assert np.array_equal(one.shown.pixels, other.shown.pixels)


def test_what_is_no_frame_is_left_out_with_a_word(tmp_path, capsys):
    folder = write_hospital(tmp_path / "north", [(4, 4), (5, 5)])
    (folder / "clip.mp4").touch()
    (folder / "list.csv").touch()
    found = Unlabelled(folder, tmp_path / "out", 32, "full", swap=False)
    assert [frame.file for frame in found.frames(1)] == ["images/a00.png", "images/a01.png"]
    assert found.left_out == [
        "left out, no pictures by their ending: 1 files (.csv)",
        f"left out, masks by their folder, two values or kind: 2 files, such as {folder / 'masks' / 'a00.png'}",
        f"left out, videos: 1 files, such as {folder / 'clip.mp4'}",
    ]
    assert capsys.readouterr().err.splitlines()[:3] == found.left_out


def test_videos_alone_are_no_frames(tmp_path):
    (tmp_path / "clip.mp4").touch()
    with pytest.raises(InputError, match=r"holds videos, such as .*clip\.mp4, and no frames; cut them"):
        Unlabelled(tmp_path, tmp_path.parent / "out", 32, "full", swap=False)
