"""A labelled folder, read as a site is: pixel by pixel what was drawn, and what a model would be shown."""

import json

import numpy as np
import pytest
from PIL import Image

from mcdrl.base.errors import InputError
from mcdrl.commands.models.labelled import read_labelled
from mcdrl.imaging.decode import read_frame
from mcdrl.model.shown import show
from tests.sites.site_folder import SiteFolder, box_mask, noise


@pytest.fixture
def folder(tmp_path):
    return SiteFolder(tmp_path / "north")


def read(folder, size_px=32, view="full", **options):
    labelled = read_labelled(folder.root, size_px, view=view, **options)
    return labelled, list(labelled.frames(1))


def test_frames_come_with_their_masks_at_their_own_size(folder, capsys):
    folder.pair("a", 1)
    folder.pair("b", 2, lesion=False)
    labelled, frames = read(folder)
    assert [frame.file for frame in frames] == ["images/a.png", "images/b.png"]
    assert [frame.lesion_class for frame in frames] == ["lesion", None]
    assert [frame.group for frame in frames] == [None, None]
    assert np.array_equal(frames[0].lesion, np.asarray(box_mask()) > 0)
    assert not frames[1].lesion.any()
    assert not frames[0].ignored.any()
    assert labelled.result().cases["sha256"].tolist() == [frame.sha256 for frame in frames]
    said = capsys.readouterr().out
    assert "card 'folder': it has images/ and masks/" in said
    assert "class 'lesion'" in said


def test_a_model_is_shown_what_predict_shows_it(folder):
    folder.frame("a.png", noise(3, 80, 50))
    folder.mask("a.png", box_mask(80, 50))
    for view in ("full", [0.25, 0.0, 1.0, 0.5]):
        _, (frame,) = read(folder, view=view)
        expected = show(read_frame(folder.root / frame.file)[0], 32, view=view)
        assert frame.shown.box == expected.box
        assert frame.shown.size == expected.size == (80, 50)
        assert np.array_equal(frame.shown.pixels, expected.pixels)
        left, top, right, bottom = expected.box
        cut = Image.fromarray(frame.lesion.astype(np.uint8)).crop((left, top, right, bottom))
        squashed = cut.resize((32, 32), Image.Resampling.NEAREST)
        assert np.array_equal(frame.labels > 0, np.asarray(squashed) > 0)


def test_a_frame_that_is_too_dark_is_doubtful(folder):
    for name, top in (("a", 4095), ("b", 65535)):
        deep = np.random.default_rng(0).integers(0, top, (50, 80)).astype(np.uint16)
        folder.frame(f"{name}.png", Image.fromarray(deep))
        folder.mask(f"{name}.png", box_mask(80, 50))
    _, frames = read(folder)
    assert [frame.shown.doubtful for frame in frames] == [True, False]


def test_a_view_that_is_set_counts_more_than_the_models(folder):
    folder.pair("a")
    _, (frame,) = read(folder, view="full", settings={"view": [0.0, 0.0, 0.5, 1.0]})
    assert frame.shown.box == (0, 0, 20, 30)


def test_groups_classes_and_ignored_pixels_are_as_the_settings_say(folder):
    labels = np.zeros((30, 40), np.uint8)
    labels[:6, :10], labels[20:, :] = 2, 9
    folder.frame("a.png", noise(1))
    folder.mask("a.png", Image.fromarray(labels))
    (folder.root / "frames.csv").write_text("file,patient\na,p7\n")
    given = {
        "mask_values": {"2": "tumor", "9": "ignore"}, "table": "frames.csv", "table_group": "patient",
    }  # fmt: skip
    _, (frame,) = read(folder, card="folder", settings=given)
    assert (frame.group, frame.lesion_class) == ("p7", "tumor")
    assert np.array_equal(frame.lesion, labels == 2)
    assert np.array_equal(frame.ignored, labels == 9)


def test_classes_of_a_table_need_not_be_known_to_anybody(folder):
    folder.pair("a", 1)
    folder.pair("b", 2)
    (folder.root / "frames.csv").write_text("file,kind\na,hamartoma\nb,ulcer\n")
    _, frames = read(folder, card="folder", settings={"table": "frames.csv", "table_class": "kind"})
    assert [frame.lesion_class for frame in frames] == ["hamartoma", "ulcer"]


def test_too_many_classes_of_a_table_are_refused(folder):
    for number in range(255):
        folder.pair(f"{number:03d}", number)
    rows = "".join(f"{number:03d},kind{number}\n" for number in range(255))
    (folder.root / "frames.csv").write_text("file,kind\n" + rows)
    with pytest.raises(InputError, match=r"'kind' of frames\.csv has 255 lesion classes, 254 at most"):
        read(folder, card="folder", settings={"table": "frames.csv", "table_class": "kind"})


def test_outlines_of_an_annotation_tool_are_drawn(folder):
    Image.fromarray(np.asarray(noise(1))).save(folder.root / "a.png")
    shape = {"label": "polyp", "points": [[0, 0], [10, 0], [10, 6], [0, 6]], "shape_type": "polygon"}
    sheet = {"imagePath": "a.png", "imageWidth": 40, "imageHeight": 30, "shapes": [shape]}
    (folder.root / "a.json").write_text(json.dumps(sheet))
    given = {
        "images": "*.png", "annotations": "*.json", "annotation_format": "labelme", "label_class": {"polyp": "polyp"},
    }  # fmt: skip
    _, (frame,) = read(folder, card="folder", settings=given)
    assert np.array_equal(frame.lesion, np.asarray(box_mask()) > 0)


def test_what_is_refused_is_told_and_the_others_are_read(folder):
    folder.pair("a", 1)
    folder.frame("b.png", noise(2))
    folder.mask("b.png", box_mask(20, 30))
    labelled, frames = read(folder)
    assert [frame.file for frame in frames] == ["images/a.png"]
    assert [issue.kind for issue in labelled.result().refused] == ["mask of another size"]


def test_a_file_and_a_folder_that_no_card_fits_are_refused(tmp_path):
    with pytest.raises(InputError, match="is no folder; give the folder that holds the frames and their masks"):
        read_labelled(tmp_path / "nothing", 32, view="auto")
    (tmp_path / "readme.txt").write_text("x")
    with pytest.raises(InputError, match="no card fits"):
        read_labelled(tmp_path, 32, view="auto")
