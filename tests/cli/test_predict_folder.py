"""Folders of odd files, through a stub that calls bright pixels lesion."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages.commands.predict import predict_folder, summary
from stages.core.base.errors import InputError


class Bright:
    """Probability of lesion = brightness of the frame at working size."""

    size_px = 32

    def probability(self, frames):
        assert frames.dtype == np.uint8
        assert frames.shape[1:] == (32, 32, 3)
        return (frames.mean(axis=3) / 255).astype(np.float32)


def half_white(width, height, side="left"):
    pixels = np.zeros((height, width, 3), np.uint8)
    if side == "left":
        pixels[:, : width // 2] = 255
    else:
        pixels[: height // 2] = 255
    return Image.fromarray(pixels)


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "frames"
    (place / "more").mkdir(parents=True)
    half_white(80, 60).save(place / "a.png")
    half_white(64, 96, "top").save(place / "more" / "b.bmp")
    Image.new("RGB", (50, 40)).save(place / "dark.png")
    return place


def run(folder, out, **options):
    return predict_folder(folder, Bright(), out, **{"threshold": 0.5, "batch_size": 2, **options})


def test_masks_have_the_frames_size_and_lie_where_the_lesion_is(folder, tmp_path):
    run(folder, tmp_path / "out")
    left = np.asarray(Image.open(tmp_path / "out" / "a.png"))
    assert left.shape == (60, 80)
    assert set(np.unique(left)) == {0, 255}
    assert (left[:, :38] == 255).all()
    assert (left[:, 42:] == 0).all()
    top = np.asarray(Image.open(tmp_path / "out" / "more" / "b.png"))
    assert top.shape == (96, 64)
    assert (top[:46] == 255).all()
    assert (top[50:] == 0).all()


def test_table_follows_from_the_masks(folder, tmp_path):
    run(folder, tmp_path / "out")
    rows = pd.read_csv(tmp_path / "out" / "predictions.csv", keep_default_na=False).set_index("file")
    assert rows.index.tolist() == ["a.png", "dark.png", "more/b.bmp"]
    for file, row in rows.iterrows():
        mask = np.asarray(Image.open(tmp_path / "out" / row["mask"])) > 0
        assert mask.shape == (row["height_px"], row["width_px"]), file
        assert mask.sum() == row["lesion_area_px"]
        assert float(row["lesion_share"]) == pytest.approx(mask.mean(), abs=1e-6)
    assert float(rows.loc["dark.png", "max_probability"]) == 0


def test_exif_orientation_turns_frame_and_mask(folder, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying: the viewer turns it by 90 degrees clockwise
    half_white(80, 60).save(folder / "turned.jpg", exif=exif, quality=95)
    run(folder, tmp_path / "out")
    mask = np.asarray(Image.open(tmp_path / "out" / "turned.png"))
    assert mask.shape == (80, 60)
    assert (mask[:36] == 255).all()
    assert (mask[44:] == 0).all()


def test_unreadable_files_are_listed_with_a_reason_and_the_others_go_on(folder, tmp_path):
    (folder / "notes.txt").write_text("no frame")
    (folder / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut short")
    (folder / ".hidden").write_text("not even listed")
    rows = run(folder, tmp_path / "out")
    refused = {row.file: row.reason for row in rows if row.reason}
    assert set(refused) == {"notes.txt", "cut.jpg"}
    assert all("unreadable frame" in reason for reason in refused.values())
    table = pd.read_csv(tmp_path / "out" / "predictions.csv", keep_default_na=False)
    assert len(table) == 5
    assert not (tmp_path / "out" / "notes.png").exists()
    text = summary(rows, tmp_path / "out")
    assert "3 masks" in text
    assert "refused 2: unreadable frame" in text


def test_frames_that_differ_in_their_ending_alone_keep_two_masks(folder, tmp_path):
    half_white(40, 40).save(folder / "a.bmp")
    rows = run(folder, tmp_path / "out")
    assert {row.mask for row in rows} == {"a.bmp.png", "a.png.png", "dark.png", "more/b.png"}


def test_a_higher_threshold_finds_less(folder, tmp_path):
    Image.fromarray(np.tile(np.linspace(0, 255, 64, dtype=np.uint8), (64, 1))).save(folder / "ramp.png")
    areas = [
        {row.file: row.lesion_area_px for row in run(folder, tmp_path / "out", threshold=t)}["ramp.png"]
        for t in (0.2, 0.5, 0.8)
    ]
    assert areas[0] > areas[1] > areas[2] > 0


def test_the_batch_size_changes_nothing(folder, tmp_path):
    assert run(folder, tmp_path / "one", batch_size=1) == run(folder, tmp_path / "all", batch_size=9)


def test_other_files_in_the_results_stay(folder, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    run(folder, tmp_path / "out")
    assert (tmp_path / "out" / "mine.txt").read_text() == "keep"


@pytest.mark.parametrize("out", [".", "masks", "deep/masks"])
def test_results_inside_the_frames_folder_are_refused(folder, out):
    with pytest.raises(InputError, match="would count as frames"):
        run(folder, folder / out)


def test_missing_empty_and_unreadable_folders_are_named(tmp_path):
    with pytest.raises(InputError, match="there is no folder"):
        run(tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no files"):
        run(tmp_path / "empty", tmp_path / "out")
    (tmp_path / "empty" / "a.jpg").write_text("nothing")
    with pytest.raises(InputError, match="not one of the 1 files"):
        run(tmp_path / "empty", tmp_path / "out")
    assert (tmp_path / "out" / "predictions.csv").exists()


def test_a_crop_is_undone(tmp_path):
    frame = np.zeros((224, 224, 3), np.uint8)
    frame[56:168, 28:196] = (120, 60, 50)
    frame[84:112, 70:112] = 250
    (tmp_path / "in").mkdir()
    Image.fromarray(frame).save(tmp_path / "in" / "a.png")
    seen = []

    class Whole(Bright):
        def probability(self, frames):
            seen.append(frames.min())
            return super().probability(frames)

    (row,) = predict_folder(tmp_path / "in", Whole(), tmp_path / "out", threshold=0.5, batch_size=1, crop=True)
    lesion = np.asarray(Image.open(tmp_path / "out" / row.mask)) > 0
    truth = frame[..., 0] == 250
    assert lesion.shape == (224, 224)
    assert (lesion & truth).sum() > 0.8 * (lesion | truth).sum()
    assert seen[0] > 20
