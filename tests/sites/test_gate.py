"""One site through the gate: every file is a case, some case's mask, or refused with a reason."""

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation

from mcdrl.artifacts.frames import unpack_native_mask
from mcdrl.base.errors import InputError
from mcdrl.base.issues import grouped
from mcdrl.imaging.decode import ANOTHER
from mcdrl.study.params import Site, check
from tests import factories
from tests.factories import pass_gate
from tests.projects import SHIPPED
from tests.sites.site_folder import box_mask, noise
from tests.view.drawings import tissue

CLASSES = ["polyp", "cyst"]
HEIGHT, WIDTH = 120, 160
UNGROUPED = "patient is empty; frames of one patient may come to both sides of the split"


@pytest.fixture
def ingest(folder, through_gate):
    def run(name="A", **keys):
        return through_gate(name, folder.site(**keys), CLASSES)

    return run


def reasons(result):
    return {issue.file: issue.text for issue in result.refused}


def test_every_matched_file_is_a_case_or_in_quarantine(folder, ingest):
    for number in range(12):
        folder.pair(f"ok{number}", number)
    folder.frame("no_mask.png", noise(20))
    folder.frame("small_mask.png", noise(21))
    folder.mask("small_mask.png", box_mask(20, 15))
    folder.pair("cut", 22)
    (folder.root / "images" / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\nhalf")
    folder.pair("copy", 0)
    folder.pair("other", 1)
    folder.mask("other.png", box_mask(value=0))
    result = ingest()
    assert len(result.cases) + len(result.refused) == len(list((folder.root / "images").iterdir()))
    found = reasons(result)
    assert found["images/no_mask.png"].startswith("no mask: expected masks/no_mask.*; where none means")
    assert found["images/small_mask.png"] == (
        "mask of another size: frame 40x30, mask 20x15; draw or save it at the frame's size: enlarge it by nearest "
        "neighbour"
    )
    assert found["images/cut.png"].startswith("unreadable frame")
    # Copies are found in the order of the case ids: "copy" comes before "ok0", "ok1" before "other".
    assert found["images/ok0.png"] == "same pixels as another frame: as images/copy.png, which was kept"
    assert found["images/other.png"].endswith(
        "as images/ok1.png, which was kept but another mask: check which one is right"
    )
    assert "A/copy" in set(result.cases["case_id"])


def test_a_refused_frame_does_not_shadow_its_copy(folder, ingest):
    """The first of two equal frames has no usable mask, so the second one is the case."""
    folder.pair("a", 5)
    folder.mask("a.png", box_mask(20, 15))
    folder.pair("b", 5)
    result = ingest()
    assert result.cases["case_id"].tolist() == ["A/b"]


def test_groups_and_classes_from_a_table(folder, ingest):
    for number, stem in enumerate("abcdef"):
        folder.pair(stem, number, lesion=stem not in "ef")
    rows = [
        "file,patient,kind",
        "a,p1,polyp",
        "b,p1,cyst",
        "c,,polyp",
        "d,p2,polip",
        "e,p2,",
        "f,p3,cyst",
        "gone,p4,cyst",
    ]
    (folder.root / "t.csv").write_text("\n".join(rows))
    result = ingest(table="t.csv", table_group="patient", table_class="kind")
    cases = result.cases.set_index("case_id")
    assert cases["group_id"].to_dict() == {"A/a": "p1", "A/b": "p1", "A/c": "A/c", "A/e": "p2", "A/f": "p3"}
    assert cases["lesion_class"].dropna().to_dict() == {"A/a": "polyp", "A/b": "cyst", "A/c": "polyp"}
    assert reasons(result) == {
        "images/d.png": "unknown lesion class: 'polip'; did you mean 'polyp'? legal: cyst, polyp; "
        "class_names: {polip: ...} maps it"
    }
    assert {note.kind: note.detail for note in result.notes} == {
        "row without a frame": "gone",
        "no group in the table, taken for a group of its own": UNGROUPED,
        "empty mask, taken as a negative though the table names a class": "",
    }


def test_every_frame_without_a_patient_is_told(folder, ingest):
    for number in range(4):
        folder.pair(f"f{number}", number)
    (folder.root / "t.csv").write_text("file,patient\nf0,P1\nf1,\nf2,P2\nf3, \n")
    for keys, expected in ({"table_group": "patient"}, ["images/f1.png", "images/f3.png"]), ({}, []):
        notes = ingest(table="t.csv", **keys).notes
        assert [note.file for note in notes if note.detail == UNGROUPED] == expected


def test_a_patient_called_as_if_nobody_knew_is_told(folder, ingest):
    for number in range(6):
        folder.pair(f"f{number}", number)
    (folder.root / "t.csv").write_text("file,patient\nf0,NaN\nf1,NaN\nf2,NA\nf3,unknown\nf4,unknown\nf5,Nana\n")
    result = ingest(table="t.csv", table_group="patient")
    told = "frames, which count as one patient's; if nobody knows whose they are, leave their cells empty"
    assert [note.detail for note in result.notes] == [f"'NaN': 2 {told}", f"'unknown': 2 {told}"]
    assert result.cases["group_id"].nunique() == 4


def test_a_lesion_without_a_class_is_refused(folder, ingest):
    folder.pair("a", 0)
    folder.pair("b", 1)
    folder.pair("c", 2)
    (folder.root / "t.csv").write_text("file,kind\na,polyp\nb,\n")
    assert reasons(ingest(table="t.csv", table_class="kind")) == {
        "images/b.png": "lesion without a class: there is a lesion, and neither table nor folder gives its class",
        "images/c.png": "no row in the table: t.csv has neither its path, its name nor its stem",
    }


def test_groups_never_straddle_the_split(folder, ingest):
    lines = ["file,patient"]
    for number in range(40):
        folder.pair(f"f{number:02}", number)
        lines.append(f"f{number:02},p{number % 10}")
    (folder.root / "t.csv").write_text("\n".join(lines))
    cases = ingest(table="t.csv", table_group="patient").cases
    assert cases.groupby("group_id")["split"].nunique().eq(1).all()
    assert set(cases["split"]) == {"train", "val"}


def test_notes_of_classes_and_vanished_lesions(folder, ingest):
    folder.frame("big.png", noise(0, 640, 640))
    dot = np.zeros((640, 640), np.uint8)
    dot[1, 1] = 255
    folder.mask("big.png", Image.fromarray(dot))
    (folder.root / "t.csv").write_text("file,kind\nbig,cyst\n")
    result = ingest(table="t.csv", table_class="kind")
    assert result.cases["lesion_area_px"].tolist() == [1]
    assert [(note.kind, note.detail) for note in result.notes] == [
        ("lesion that vanishes at the working size", ""),
        ("class without a frame", "polyp"),
    ]


def test_frames_that_use_less_than_half_of_their_sixteen_bits_are_told(folder, ingest):
    for stem, top in (("a", 4095), ("b", 4000), ("c", 65535)):
        values = np.random.default_rng(top).integers(0, top + 1, (30, 40)).astype(np.uint16)
        folder.frame(f"{stem}.png", Image.fromarray(values))
        folder.mask(f"{stem}.png", box_mask())
    (line,) = [line for line in grouped(ingest().notes) if "16-bit" in line]
    assert line == "2 x 16-bit frame that uses less than half of the range, it looks dark, e.g. images/a.png"


def test_a_second_picture_of_about_the_views_size_is_noted(folder, ingest):
    for name, width in (("a", 90), ("b", 40)):
        pixels = np.zeros((100, 240, 3), np.uint8)
        pixels[5:95, 10:100] = tissue(90, 90)
        pixels[5 : 5 + width, 140 : 140 + width] = tissue(width, width, seed=1)
        folder.frame(f"{name}.png", Image.fromarray(pixels))
        folder.mask(f"{name}.png", box_mask(240, 100))
    (line,) = [line for line in grouped(ingest().notes) if "second picture" in line]
    assert line == f"1 x {ANOTHER}, e.g. images/a.png"


def test_frames_that_take_much_memory_are_told(folder, ingest, monkeypatch):
    monkeypatch.setattr("mcdrl.imaging.decode._LARGE_PX", 30 * 40)
    for stem, size in (("a", (40, 30)), ("b", (41, 30))):
        folder.frame(f"{stem}.png", Image.new("RGB", size, "red"))
        folder.mask(f"{stem}.png", Image.new("L", size))
    (line,) = [line for line in grouped(ingest().notes) if "megapixels" in line]
    assert line.startswith("1 x frame of more than 40 megapixels, which takes half a gigabyte and more")
    assert line.endswith("e.g. images/b.png")


def test_a_site_of_negatives_alone_is_accepted_with_a_note(folder, ingest):
    folder.pair("a", lesion=False)
    result = ingest()
    assert result.cases["lesion_class"].isna().all()
    assert [(note.kind, note.detail) for note in result.notes] == [("class without a frame", "polyp")]


def test_a_site_needs_a_folder():
    with pytest.raises(InputError, match="is no folder"):
        pass_gate("A", Site(root="nowhere", card="folder", lesion_class="polyp"), CLASSES)


@pytest.fixture
def ingest_masks(folder, through_gate):
    def run(masks, **keys):
        for number, (stem, mask) in enumerate(masks.items()):
            folder.frame(f"{stem}.png", noise(number, WIDTH, HEIGHT))
            folder.mask(f"{stem}.png", Image.fromarray(mask))
        return through_gate("A", folder.site(**keys), CLASSES)

    return run


def disc(radius: float, cy: float = 60, cx: float = 90) -> np.ndarray:
    return factories.disc(HEIGHT, WIDTH, cy, cx, radius)


def labels(one: np.ndarray, two: np.ndarray, values: tuple[int, int]) -> np.ndarray:
    return np.where(one, values[0], np.where(two, values[1], 0)).astype(np.uint8)


def test_a_table_makes_cases_of_several_classes(ingest_masks, passed):
    small, large, ignored = disc(10, 20, 20), disc(30), disc(15, 100, 20)
    first = labels(small, large, (1, 2)) | labels(ignored, ignored, (255, 255))
    second = labels(ignored, ignored, (255, 255))
    result = ingest_masks(
        masks={"both": first, "none": second},
        lesion_class=None,
        mask_values={"1": "cyst", "2": "polyp", "255": "ignore"},
    )
    cases = result.cases.set_index("case_id")
    assert cases["lesion_area_px"].to_dict() == {"A/both": small.sum() + large.sum(), "A/none": 0}
    assert cases["lesion_class"].fillna("none").to_dict() == {"A/both": "polyp", "A/none": "none"}
    native = unpack_native_mask(passed["A/both"].native_mask)
    assert np.array_equal(native, np.where(small, 2, np.where(large, 1, np.where(ignored, 255, 0))))


IGNORING = {"1": "lesion", "255": "ignore"}


def test_a_frame_of_which_its_masks_together_judge_no_pixel_is_refused(folder, ingest):
    """Each of them judges half of it, and no half is judged by both."""
    left = np.zeros((30, 40), np.uint8)
    left[:, :20] = 255
    for name, masks in {"no": (left, 255 - left), "yes": (left, np.where(left, 1, 255))}.items():
        folder.frame(f"{name}.png", noise(len(name)))
        for number, mask in enumerate(masks):
            folder.mask(f"{name}_{number}.png", Image.fromarray(mask.astype(np.uint8)))
    result = ingest(masks="masks/{stem}_*.png", mask_values=IGNORING)
    assert reasons(result) == {
        "images/no.png": "mask that judges no pixel: each pixel is to be ignored in one of its masks"
    }
    assert result.cases["lesion_area_px"].tolist() == [600]


@pytest.mark.parametrize("value", [0, 1])
def test_a_frame_of_which_nobody_judged_what_is_looked_at_is_refused(folder, ingest, value):
    """Not at all in the view, or so little that the working size loses it."""
    cut, tiny = np.full((300, 400), 255, np.uint8), np.full((300, 400), 255, np.uint8)
    cut[:, :100], tiny[150, 300] = value, value
    for seed, (name, mask) in enumerate({"cut": cut, "tiny": tiny, "yes": cut[:, ::-1]}.items()):
        folder.frame(f"{name}.png", noise(seed, 400, 300))
        folder.mask(f"{name}.png", Image.fromarray(mask))
    result = ingest(view=[0.5, 0, 1, 1], mask_values={"0": "background", **IGNORING})
    told = "mask that judges no pixel: what it judges lies outside the view, or is lost at the working size"
    assert reasons(result) == {"images/cut.png": told, "images/tiny.png": told}
    assert result.cases["case_id"].tolist() == ["A/yes"]


def test_masks_that_call_different_values_lesion_stop_the_stage(ingest_masks):
    """Labels 0, 1 and 255 where no frame holds all three: each of them is plain, and together they are not."""
    masks = {f"f{number}": labels(disc(20), disc(20), (value, value)) for number, value in enumerate((1, 255, 255))}
    with pytest.raises(InputError, match=r"1 in 1, e\.g\. A/f0; 255 in 2, e\.g\. A/f1; say what each means in mask_va"):
        ingest_masks(masks=masks)


def test_the_same_masks_are_read_once_a_table_says_what_they_mean(ingest_masks):
    masks = {f"f{number}": labels(disc(20), disc(20), (value, value)) for number, value in enumerate((1, 255, 255))}
    result = ingest_masks(masks=masks, mask_values={"1": "lesion", "255": "ignore"})
    assert result.cases["lesion_area_px"].tolist() == [disc(20).sum(), 0, 0]


def test_plain_masks_beside_others_of_more_values_are_told(ingest_masks):
    plain, more = labels(disc(20), disc(20), (255, 255)), np.asarray(noise(9, WIDTH, HEIGHT).convert("L"))
    result = ingest_masks(masks={"a": plain, "b": more, "c": plain})
    assert result.cases["case_id"].tolist() == ["A/a", "A/c"]
    assert [issue.file for issue in result.refused] == ["images/b.png"]
    assert result.refused[0].text.startswith("mask values that nobody has explained: ")
    assert result.doubts == []  # one mask in three is told, and puts the others in no doubt
    assert [note.text for note in result.notes if "beside others" in note.kind] == [
        "masks read as two values beside others of more: 2 beside 1 refused; "
        "mask_values says what a value means in all of them"
    ]


@pytest.mark.parametrize("ids", [(1, 2), (1, 255), (128, 255), (255, 1)])
def test_a_label_that_is_absent_from_most_masks_stops_the_stage(ingest_masks, ids):
    """Labels 0, 1 and 2 where most frames lack 2: these alone would be read, whatever 1 means."""
    few, more = labels(disc(20), disc(20), (ids[0], ids[0])), labels(disc(20), disc(26), ids)
    plain = few if ids[0] in (1, 255) else few // 128 * 255
    taken, both = plain.max(), ", ".join(str(value) for value in sorted({0, *ids}))
    said = rf"{taken} in 2, e\.g\. A/a; {both} in 1 refused, e\.g\. images/b\.png; say what each means in mask_v"
    with pytest.raises(InputError, match=said):
        ingest_masks(masks={"a": plain, "b": more, "c": plain})
    meanings = {str(ids[0]): "lesion", str(ids[1]): "ignore"} | ({"255": "lesion"} if taken == 255 else {})
    assert not ingest_masks(masks={}, mask_values=meanings).refused


def arc(radius: int) -> np.ndarray:
    """Half of an outline, which encloses nothing."""
    drawn = binary_dilation(disc(radius), iterations=2) & ~disc(radius)
    drawn[:, 90:] = False
    return drawn.astype(np.uint8) * 255


def test_lines_in_most_masks_are_told(ingest_masks):
    filled = disc(30).astype(np.uint8) * 255
    most = ingest_masks(masks={"a": arc(30), "b": arc(35), "c": filled, "d": filled * 0})
    assert [note.text for note in most.notes] == [
        "lesions drawn as thin lines: 2 of 3 masks; if they are outlines, fill them, or give them as polygons"
    ]


def test_lines_in_few_masks_are_not(ingest_masks):
    filled = disc(30).astype(np.uint8) * 255
    assert not ingest_masks(masks={"a": arc(30), "b": filled, "c": np.roll(filled, 9)}).notes


def test_an_unknown_class_among_the_values_is_an_error_of_params(tmp_path):
    site = {"root": str(tmp_path), "card": "folder", "mask_values": {"1": "polip", "255": "ignore"}}
    with pytest.raises(InputError, match=r"sites\.X: lesion class: unknown 'polip'; did you mean 'polyp'\?"):
        check({**SHIPPED, "sites": {**SHIPPED["sites"], "X": site}})
