"""Layouts that annotation tools and public data sets leave behind: read once a setting says how, areas to the pixel."""

from zlib import crc32

import numpy as np
import pytest
from PIL import Image

from mcdrl.artifacts.frames import unpack_native_mask
from mcdrl.base.errors import InputError
from mcdrl.study.params import Site, resolve
from tests.sites.site_folder import noise

CLASSES = ["polyp", "cyst"]


@pytest.fixture
def ingest(tmp_path, through_gate):
    def run(**keys):
        given = {} if "table_class" in keys else {"lesion_class": "polyp"}
        site = Site.model_validate({"card": "folder", "root": str(tmp_path / "raw"), **given, **keys})
        return through_gate("S", site, CLASSES)

    return run


@pytest.fixture
def areas(passed):
    return lambda: {case: int((unpack_native_mask(one.native_mask) > 0).sum()) for case, one in passed.items()}


@pytest.fixture
def save(tmp_path):
    """Write a frame, or a mask whose lesion is a box, below the root."""

    def write(name, box=None, **options):
        path = tmp_path / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        grey = np.zeros((30, 40), np.uint8)
        if box is not None:
            grey[box[1] : box[3], box[0] : box[2]] = 255
        image = noise(crc32(name.encode())) if box is None else Image.fromarray(grey)
        image.save(path, **options)

    return write


def test_masks_a_lesion_are_united(ingest, areas, save):
    save("images/case (1).png")
    save("masks/case (1)_mask.png", (0, 0, 10, 10))
    save("masks/case (1)_mask_1.png", (5, 0, 15, 10))
    save("masks/case (1)_mask_2.png", (30, 20, 32, 22))
    result = ingest(masks="masks/{stem}_mask*.png")
    assert result.refused == []
    assert areas() == {"S/case (1)": 154}
    assert result.cases["lesion_area_px"].tolist() == [154]
    with pytest.raises(InputError, match=r"several masks, .*masks: 'masks/\{stem\}_mask\*\.png' takes all"):
        ingest(masks="masks/{stem}_mask.png")


def test_a_bad_one_among_several_masks_costs_the_frame(ingest, save, tmp_path):
    save("images/a.png")
    save("images/b.png")
    for name in ("a_1", "a_2", "b_1"):
        save(f"masks/{name}.png", (0, 0, 5, 5))
    Image.new("L", (20, 30), 255).save(tmp_path / "raw" / "masks" / "a_2.png")
    assert [(one.file, one.kind) for one in ingest(masks="masks/{stem}_*.png").refused] == [
        ("images/a.png", "mask of another size")
    ]


def test_a_folder_a_patient(ingest, areas, save):
    for patient in range(3):
        for number in range(2):
            save(f"patient_{patient}/images/{number}.png")
            save(f"patient_{patient}/masks/{number}.png", (0, 0, 1 + patient, 1 + number))
    keys = {"images": "*/images/*", "masks": "{0}/masks/{stem}.*", "case_ids": "path", "folder_group": 0}
    cases = ingest(**keys).cases
    assert areas() == {f"S/patient_{p}/{n}": (1 + p) * (1 + n) for p in range(3) for n in range(2)}
    assert cases["group_id"].tolist() == [f"patient_{p}" for p in range(3) for _ in range(2)]
    assert (cases.groupby("group_id")["split"].nunique() == 1).all()


def test_a_folder_a_frame_with_the_same_names_in_each(ingest, areas, save):
    """Names that aren't the frame's: the folder tells masks apart, and one that two frames would share is refused."""
    for part, box in (("a", (0, 0, 10, 6)), ("b", (0, 0, 0, 0))):
        save(f"{part}/frame.png")
        save(f"{part}/mask.png", box)
    for place in ("{0}", "{parent}"):
        keys = {"images": "*/frame.png", "masks": f"{place}/mask.png", "case_ids": "path"}
        assert (ingest(**keys).refused, areas()) == ([], {"S/a/frame": 60, "S/b/frame": 0})
    save("b/frame2.png")
    refused = ingest(images="*/frame*.png", masks="{0}/mask.*", case_ids="path").refused
    assert {(issue.file, issue.kind) for issue in refused} == {
        (f"b/{name}.png", "mask of two frames") for name in ("frame", "frame2")
    }


def test_repeated_stems_in_a_table_are_told_by_their_path(ingest, save, tmp_path):
    for patient in ("p", "q"):
        save(f"images/{patient}/0.png")
        save(f"masks/{patient}/0.png", (0, 0, 3, 3))
    keys = {"images": "images/*/*", "masks": "masks/{path}.*", "case_ids": "path", "table": "t.csv"}
    (tmp_path / "raw" / "t.csv").write_text("file,who\np/0,P\nimages/q/0.png,Q\n")
    assert ingest(**keys, table_group="who").cases["group_id"].tolist() == ["P", "Q"]
    (tmp_path / "raw" / "t.csv").write_text("file,who\n0,P\n")
    with pytest.raises(InputError, match="no row in the table"):
        ingest(**keys, table_group="who")


def test_paths_do_not_go_with_outlines_that_call_frames_by_their_stem():
    site = Site(card="bm_broncholc", root="x", case_ids="path")
    with pytest.raises(InputError, match="case_ids: path doesn't go with polygons"):
        resolve(site)


def test_one_site_of_a_table_of_several(ingest, save, tmp_path):
    rows = ["\ufeffimage;mask;centre;patient;diagnosis"]
    for number in range(6):
        save(f"images/{number}.jpg", quality=95)
        if number != 1:
            save(f"masks/{number}.png", (0, 0, 4, 4) if number else (0, 0, 0, 0))
        rows.append(f"images/{number}.jpg;x;{'north' if number % 2 else 'south'};P{number // 2};{number and 'Polyp'}")
    rows[1] = rows[1].replace(";0", ";Normal")
    (tmp_path / "raw" / "meta.csv").write_bytes("\r\n".join(rows).encode())
    table = {"table": "meta.csv", "table_file": "image", "table_group": "patient", "table_class": "diagnosis"}
    names = {"Polyp": "polyp", "Normal": None}
    south = ingest(**table, table_rows={"centre": "south"}, class_names=names)
    assert south.cases["case_id"].tolist() == ["S/0", "S/2", "S/4"]
    assert south.cases["lesion_class"].fillna("none").tolist() == ["none", "polyp", "polyp"]
    assert south.cases["group_id"].tolist() == ["P0", "P1", "P2"]
    assert south.refused == []
    left = [note.file for note in south.notes if note.kind == "frame of another site, by table_rows"]
    assert left == ["images/1.jpg", "images/3.jpg", "images/5.jpg"]
    north = ingest(**table, table_rows={"centre": "north"}, class_names=names)
    assert north.cases["case_id"].tolist() == ["S/3", "S/5"]
    assert [(one.file, one.kind) for one in north.refused] == [("images/1.jpg", "no mask")]
    with pytest.raises(InputError, match=r"no row of .*meta\.csv says \{'centre': 'east'\}"):
        ingest(**table, table_rows={"centre": "east"}, class_names=names)
    unlisted = ingest(**table, table_rows={"centre": "south"}, class_names={"Polyp": "polyp"}).refused
    assert [one.text for one in unlisted] == ["class without a name of ours: 'Normal'; list it in class_names"]


def test_a_lesion_in_a_frame_that_the_table_calls_healthy_is_refused(ingest, save, tmp_path):
    for number in range(2):
        save(f"images/{number}.png")
        save(f"masks/{number}.png", (0, 0, 4, 4))
    (tmp_path / "raw" / "t.csv").write_text("file,kind\n0,Polyp\n1,Normal\n")
    result = ingest(table="t.csv", table_class="kind", class_names={"Polyp": "polyp", "Normal": None})
    assert [(one.file, one.kind) for one in result.refused] == [("images/1.png", "lesion without a class")]


def test_healthy_frames_without_a_mask(ingest, areas, save):
    for number in range(3):
        save(f"images/{number}.png")
    save("masks/0.png", (0, 0, 4, 4))
    assert [one.file for one in ingest().refused] == ["images/1.png", "images/2.png"]
    result = ingest(missing_mask="no_lesion")
    assert areas() == {"S/0": 16, "S/1": 0, "S/2": 0}
    assert result.cases["lesion_class"].fillna("none").tolist() == ["polyp", "none", "none"]
    assert [note.file for note in result.notes if note.kind == "no mask, taken as a negative"] == [
        "images/1.png",
        "images/2.png",
    ]


def test_the_channel_s_number_is_taken_off(ingest, areas, save):
    save("imagesTr/polyp_001_0000.png")
    save("labelsTr/polyp_001.png", (0, 0, 4, 4))
    assert ingest(card="nnunet").refused == []
    assert areas() == {"S/polyp_001": 16}


@pytest.mark.parametrize("name", ["0.webp", "0.jpg"])
def test_webp_under_its_own_and_another_ending(ingest, areas, save, name):
    save(f"images/{name}", format="WEBP", lossless=True)
    save("masks/0.png", (0, 0, 4, 4))
    assert ingest().refused == []
    assert areas() == {"S/0": 16}


def test_moving_webp_is_no_frame(ingest, save, tmp_path):
    save("images/0.png")
    save("images/1.webp", save_all=True, append_images=[noise(5)])
    save("masks/0.png", (0, 0, 4, 4))
    save("masks/1.png", (0, 0, 4, 4))
    assert [one.kind for one in ingest().refused] == ["several pictures in one frame"]


def save_numbered(save, *masks):
    for name in ("f1", "f1_2"):
        save(f"images/{name}.png")
    for number, name in enumerate(masks, 1):
        save(f"masks/{name}.png", (0, 0, number, 10))


def test_a_mask_that_is_one_frame_s_second_or_another_s_first_is_refused(ingest, areas, save):
    """By its name f1_2.png may be the second of f1."""
    save_numbered(save, "f1_1", "f1_2", "f1_2_1", "f1_2_2")
    with pytest.raises(
        InputError, match=r"mask of two frames.*f1_2.png is also .*masks: 'masks/\{stem\}_\*\.\*' gives"
    ):
        ingest(masks="masks/{stem}*.*")
    with pytest.raises(InputError, match=r"several masks.*masks: 'masks/\{stem\}_\*\.\*' takes all of them together"):
        ingest(masks="masks/{stem}.*")
    assert ingest(masks="masks/{stem}_*.*").refused == []
    assert areas() == {"S/f1": 20, "S/f1_2": 40}


def test_a_mask_called_like_a_frame_without_further_ones_is_that_frame_s(ingest, areas, save):
    save_numbered(save, "f1", "f1_b", "f1_2")
    assert ingest(masks="masks/{stem}*.*").refused == []
    assert areas() == {"S/f1": 20, "S/f1_2": 30}


def test_the_only_mask_of_a_frame_may_be_the_second_of_another_that_has_none_of_its_name(ingest, save):
    save_numbered(save, "f1_1", "f1_2")
    with pytest.raises(InputError, match="mask of two frames"):
        ingest(masks="masks/{stem}*.*")


def test_lesions_of_two_classes_in_masks_that_overlap_are_told_and_both_stay(tmp_path, ingest, passed, save):
    """A class is called 1 or 2; the small lesion lies on the large one, and its class is the first."""
    save("images/a.png")
    (tmp_path / "raw" / "masks").mkdir()
    large, small = np.zeros((30, 40), np.uint8), np.zeros((30, 40), np.uint8)
    large[2:22, 2:22], small[8:12, 8:12] = 2, 1
    for name, mask in (("a_1", small), ("a_2", large)):
        Image.fromarray(mask).save(tmp_path / "raw" / "masks" / f"{name}.png")
    result = ingest(masks="masks/{stem}_*.png", mask_values={"1": "polyp", "2": "cyst"}, lesion_class=None)
    assert np.array_equal(unpack_native_mask(passed["S/a"].native_mask), np.where(small, 1, large))
    assert "lesions of two classes overlap, the smaller one counts there" in {note.kind for note in result.notes}
