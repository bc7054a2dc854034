"""Videos through `predict`: the same as the folder of their frames, with the same times; what can't be read is told."""

import os
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from mcdrl import cli
from mcdrl.base.errors import InputError
from mcdrl.commands.models.dicom_seg import Algorithm
from mcdrl.commands.models.masks import WantedOutput
from mcdrl.commands.models.predict import predict_frames, refused, summary
from mcdrl.commands.models.videos import UNTIMED
from mcdrl.imaging.video.container import RESTARTED
from mcdrl.metrics.operating_point import OperatingPoint
from tests.commands.models.test_predict import Bright, contents, half_white, run
from tests.imaging.test_dicom import content
from tests.videos import LOSSLESS, marks, read_video, write_video

PTS = [7, 40, 80, 81, 200, 300, 340]  # milliseconds


@pytest.fixture
def video(tmp_path):
    (tmp_path / "in").mkdir()
    return write_video(tmp_path / "in" / "clip.mkv", marks(7), pts=PTS, tick_s=Fraction(1, 1000), **LOSSLESS)


def table(out, name="clip"):
    return pd.read_csv(out / f"{name}.csv", keep_default_na=False)


def test_a_video_gets_what_the_folder_of_its_frames_gets(video, tmp_path):
    (tmp_path / "frames").mkdir()
    for index, picture in enumerate(marks(7)):
        Image.fromarray(picture).save(tmp_path / "frames" / f"{index}.png")
    run(tmp_path / "frames", tmp_path / "folder", probabilities=True)
    run(video, tmp_path / "out", probabilities=True)
    for kind in (".", "probabilities"):
        back, times = read_video(tmp_path / "out" / kind / "clip.mp4", "gray")
        assert times == [Fraction(one, 1000) for one in PTS]
        alone = [np.asarray(Image.open(tmp_path / "folder" / kind / f"{index}.png")) for index in range(7)]
        assert np.array_equal(back, alone)
    rows, alone = table(tmp_path / "out"), pd.read_csv(tmp_path / "folder" / "predictions.csv", keep_default_na=False)
    assert rows["frame"].tolist() == list(range(7))
    assert rows["time_s"].tolist() == [one / 1000 for one in PTS]
    assert rows.drop(columns=["frame", "time_s"]).equals(alone[list(rows.columns[2:])])


def test_the_overlay_has_the_same_times_and_shows_the_outline(video, tmp_path):
    run(video, tmp_path / "out", overlay=True)
    back, times = read_video(tmp_path / "out" / "overlays" / "clip.mp4", "rgb24")
    assert times == [Fraction(one, 1000) for one in PTS]
    for index, (drawn, plain) in enumerate(zip(back, marks(7), strict=True)):
        changed = np.abs(drawn.astype(int) - plain).sum(axis=2) > 150
        rows, columns = np.nonzero(changed)
        assert 8 <= rows.min() <= 11, index
        assert 2 + 2 * index <= columns.min() <= 5 + 2 * index
        assert not changed[14:22, 8 + 2 * index : 16 + 2 * index].any()


def test_the_row_of_a_video_is_that_of_its_likeliest_frame(video, tmp_path):
    (row,) = run(video, tmp_path / "out")
    rows = table(tmp_path / "out")
    best = rows.loc[rows["frame_score"].astype(float).idxmax()]
    assert (row.frame, row.mask, row.table, row.frames) == ("clip.mkv", "clip.mp4", "clip.csv", 7)
    assert (row.frame_score, row.lesion_area_px) == (best["frame_score"], best["lesion_area_px"])
    text = summary([row], tmp_path / "out")
    assert f"clip.mkv: 7 frames, a row each in {tmp_path / 'out' / 'clip.csv'}" in text


def test_a_frame_with_a_lesion_stands_before_one_without(tmp_path):
    """Of equal scores: the square is below the least area in the frames in which its half is outside."""
    pictures = [np.roll(picture, 44, axis=1) for picture in marks(2)]
    path = write_video(tmp_path / "a.mkv", [np.zeros_like(pictures[0]), *pictures], **LOSSLESS)
    (row,) = run(path, tmp_path / "out", predictor=Bright(operating_point=OperatingPoint(0.5, 0.0)))
    assert table(tmp_path / "out", "a")["lesion"].tolist() == ["no", "yes", "yes"]
    assert row.lesion == "yes"


def test_what_is_odd_about_any_frame_is_told_of_the_video(tmp_path):
    path = write_video(tmp_path / "a.mpg", marks(20), codec="mpeg2video")
    path.write_bytes(2 * path.read_bytes())
    (row,) = run(path, tmp_path / "out")
    rows = table(tmp_path / "out", "a")
    assert rows["issues"][rows["issues"] != ""].to_dict() == {20: RESTARTED}
    assert row.issues == f"{RESTARTED}, in 1 of 40 frames"


def test_frames_and_videos_lie_side_by_side(video, tmp_path):
    half_white(80, 60).save(video.parent / "a.png")
    half_white(80, 60).save(video.parent / "clip.png")
    (video.parent / "deep").mkdir()
    write_video(video.parent / "deep" / "b.mp4", marks(3))
    rows = run(video.parent, tmp_path / "out")
    assert [(row.frame, row.mask, row.frames) for row in rows] == [
        ("a.png", "a.png", 1), ("clip.mkv", "clip.mkv.mp4", 7), ("clip.png", "clip.png.png", 1),
        ("deep/b.mp4", "deep/b.mp4", 3),
    ]  # fmt: skip
    assert {path.relative_to(tmp_path / "out").as_posix() for path in contents(tmp_path / "out")} == {
        "a.png", "clip.mkv.mp4", "clip.mkv.csv", "clip.png.png", "deep/b.mp4", "deep/b.csv", "predictions.csv",
    }  # fmt: skip


def test_of_a_video_that_breaks_off_what_could_be_read_is_kept_and_told(tmp_path):
    drawn = np.random.default_rng(0)
    noise = [drawn.integers(0, 256, (96, 128, 3), np.uint8) for _ in range(20)]
    path = write_video(tmp_path / "a.avi", noise, codec="mjpeg", stored="yuvj420p")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (row,) = run(path, tmp_path / "out")
    frames = len(table(tmp_path / "out", "a"))
    assert 5 < frames < 15
    assert len(read_video(tmp_path / "out" / "a.mp4", "gray")[0]) == row.frames == frames
    assert row.mask == "a.mp4"
    told = refused([row])
    assert told.startswith("a.avi: video that isn't whole: it breaks off")
    assert f"what could be read, {frames} frames, is in a.csv" in told


@pytest.mark.parametrize("data", [b"", b"no video"])
def test_what_is_no_video_is_refused_and_nothing_overwritten(tmp_path, data):
    (tmp_path / "a.mp4").write_bytes(data)
    write_video(tmp_path / "b.mp4", marks(2))
    (tmp_path / "out").mkdir()
    for name in ("a.mp4", "a.csv"):
        (tmp_path / "out" / name).write_text("before")
    rows = run([tmp_path / "a.mp4", tmp_path / "b.mp4"], tmp_path / "out")
    assert [(row.frame, bool(row.reason), row.frames) for row in rows] == [("a.mp4", True, 0), ("b.mp4", False, 2)]
    assert "not read: a.mp4: unreadable video" in refused(rows)
    assert {(tmp_path / "out" / name).read_text() for name in ("a.mp4", "a.csv")} == {"before"}
    with pytest.raises(InputError, match=r"not one of the 1 files .* a\.mp4: unreadable video"):
        run(tmp_path / "a.mp4", tmp_path / "out")


def test_what_was_there_stays_if_the_network_fails(video, tmp_path):
    class Failing(Bright):
        def __call__(self, frames):
            if getattr(self, "before", False):
                raise MemoryError
            self.before = True
            return super().__call__(frames)

    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "clip.mp4").write_text("before")
    with pytest.raises(MemoryError):
        run(video, tmp_path / "out", predictor=Failing())
    assert {path.name: path.read_text() for path in contents(tmp_path / "out")} == {"clip.mp4": "before"}


def test_a_video_whose_results_cannot_be_written_is_listed_and_the_others_go_on(video, tmp_path):
    write_video(video.parent / "a.mkv", marks(3))
    (tmp_path / "out" / "a.mp4" / "in the way").mkdir(parents=True)
    rows = run(video.parent, tmp_path / "out")
    assert [(row.frame, row.frames) for row in rows] == [("a.mkv", 0), ("clip.mkv", 7)]
    assert refused(rows) == "not read: a.mkv: its results can't be written: Is a directory"
    assert {path.name for path in contents(tmp_path / "out")} == {"clip.mp4", "clip.csv", "predictions.csv"}


def test_names_that_are_no_utf8_get_their_videos(tmp_path):
    odd = os.fsdecode(b"polype_\xe9")
    write_video(tmp_path / "a.mp4", marks(2)).rename(tmp_path / f"{odd}.mp4")
    (row,) = run(tmp_path / f"{odd}.mp4", tmp_path / "out", overlay=True)
    assert row.reason == ""
    assert (tmp_path / "out" / "overlays" / f"{odd}.mp4").exists()


def test_what_an_earlier_run_left_of_a_video_is_told(video, tmp_path, capsys):
    run(video, tmp_path / "out", overlay=True, probabilities=True)
    write_video(tmp_path / "b.mkv", marks(2))
    run(tmp_path / "b.mkv", tmp_path / "out")
    told = f"4 files of an earlier run stay in {tmp_path / 'out'}, which predictions.csv doesn't name: "
    assert capsys.readouterr().err == f"{told}clip.csv, clip.mp4, overlays/clip.mp4, ...\n"


def test_smoothing_lets_masks_go_slowly(tmp_path):
    bright, dark = np.full((48, 64, 3), 250, np.uint8), np.zeros((48, 64, 3), np.uint8)
    path = write_video(tmp_path / "a.mkv", [bright] * 2 + [dark] * 6, **LOSSLESS)
    run(path, tmp_path / "plain")
    run(path, tmp_path / "smooth", smooth_s=0.1)
    areas = [table(tmp_path / name, "a")["lesion_area_px"].gt(0).tolist() for name in ("plain", "smooth")]
    assert areas == [[True] * 2 + [False] * 6, [True] * 3 + [False] * 5]  # exp(-0.4) = 0.67, exp(-0.8) = 0.45


def test_suppressed_masks_are_empty_in_the_video_too(video, tmp_path):
    run(video, tmp_path / "out", predictor=Bright(operating_point=OperatingPoint(1.0, 0.0)), suppress=True)
    assert not np.any(read_video(tmp_path / "out" / "clip.mp4", "gray")[0])
    assert set(table(tmp_path / "out")["lesion"]) == {"no"}


@pytest.mark.parametrize("given", [{"coco": True}, {"dicom": Algorithm("a", "1", ("0" * 64,), (), {})}])
def test_coco_and_segmentations_are_for_pictures(video, tmp_path, given):
    wanted = WantedOutput(tmp_path / "out", 0.5, **given)
    with pytest.raises(InputError, match=r"clip\.mkv is a video; --format coco and dicom-seg are for single pictures"):
        predict_frames([video], Bright(), wanted, view="full", workers=1)
    assert not (tmp_path / "out").exists()


def test_beside_pictures_a_video_is_listed_where_coco_is_asked_for(video, tmp_path):
    Image.fromarray(marks(1)[0]).save(video.parent / "a.png")
    rows = predict_frames(
        [video.parent], Bright(), WantedOutput(tmp_path / "out", 0.5, coco=True), view="full", workers=1
    )
    told = [(row.frame, row.mask, row.reason.partition(";")[0]) for row in rows]
    assert told == [("a.png", "predictions.coco.json", ""), ("clip.mkv", "", "is a video")]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"predictions.coco.json", "predictions.csv"}


def test_a_video_and_the_table_do_not_share_a_file(tmp_path):
    path = write_video(tmp_path / "predictions.mp4", marks(2))
    with pytest.raises(
        InputError, match=r"predictions\.csv would be the table and the table of predictions\.mp4; rename the file "
    ):
        run(path, tmp_path / "out")
    folder = tmp_path / "in" / "overlays"
    folder.mkdir(parents=True)
    write_video(folder / "a.mp4", marks(2))
    write_video(tmp_path / "in" / "a.mp4", marks(2))
    with pytest.raises(InputError, match=r"overlays/a\.mp4 would be .*; rename the frames' folder overlays$"):
        run(tmp_path / "in", tmp_path / "out", overlay=True)


def test_dicom_without_times_is_predicted_and_not_smoothed(tmp_path):
    pixels = np.stack(marks(3))
    given = content(pixels[0], "RGB", NumberOfFrames=3)
    given.PixelData = pixels.tobytes()
    given.save_as(tmp_path / "a.dcm", enforce_file_format=True, implicit_vr=False, little_endian=True)
    (row,) = run(tmp_path / "a.dcm", tmp_path / "out")
    assert UNTIMED in row.issues
    assert UNTIMED in summary([row], tmp_path / "out")
    assert table(tmp_path / "out", "a")["time_s"].tolist() == [""] * 3
    back, times = read_video(tmp_path / "out" / "a.mp4", "gray")
    assert len(back) == 3
    assert times == [Fraction(index, 25) for index in range(3)]
    with pytest.raises(InputError, match=r"a\.dcm: video without times: it can't be smoothed"):
        run(tmp_path / "a.dcm", tmp_path / "out", smooth_s=0.1)


def test_a_picture_amid_a_video_that_cannot_be_shown_refuses_it(tmp_path):
    """Values below 0 in the last of its pictures alone; what was written before is taken back."""
    grey = np.zeros((40, 30, 40), np.int16)
    grey[-1, 0, 0] = -5
    given = content(grey[0], "MONOCHROME2", NumberOfFrames=40, PixelRepresentation=1)
    given.PixelData = grey.tobytes()
    given.save_as(tmp_path / "a.dcm", enforce_file_format=True, implicit_vr=False, little_endian=True)
    with pytest.raises(InputError, match="DICOM with values below 0"):
        run(tmp_path / "a.dcm", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["predictions.csv"]


def test_the_batch_size_changes_nothing(video, tmp_path):
    for batch_size in (1, 3, 9):
        run(video, tmp_path / str(batch_size), batch_size=batch_size, overlay=True)
    first, *others = (contents(tmp_path / str(batch_size)) for batch_size in (1, 3, 9))
    for other in others:
        assert list(first.values()) == list(other.values())


def test_the_command_ends_with_2_where_a_video_breaks_off(video, tmp_path, monkeypatch):
    monkeypatch.setattr("mcdrl.model.predictor.load_predictor", lambda *_args, **_options: (Bright(), "full"))
    command = ["predict", video, "--model", tmp_path, "--out", tmp_path / "out", "--smooth", "0.1"]
    done = CliRunner().invoke(cli.app, [str(one) for one in command])
    assert done.exit_code == 0, done.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"clip.mp4", "clip.csv", "predictions.csv"}
    path = write_video(video.with_suffix(".mp4"), marks(30), movflags="faststart")
    path.write_bytes(path.read_bytes()[:-300])
    done = CliRunner().invoke(cli.app, [str(path) if one == video else str(one) for one in command])
    assert done.exit_code == 2
    assert "video that isn't whole" in done.output
