"""CVAT's XML "for images 1.1": boxes and masks exact; entities and other XML are refused."""

import numpy as np
import pytest

from mcdrl.base.errors import InputError
from mcdrl.imaging.annotations.cvat import read_cvat
from tests.imaging.annotations.written import (
    RAGGED,
    SIZE,
    SQUARE,
    blob,
    cvat,
    cvat_points,
    peak_bytes,
    runs,
    square,
    tag,
    write,
)  # fmt: skip


@pytest.fixture
def read(tmp_path):
    return lambda text: read_cvat([write(tmp_path / "annotations.xml", text)], tmp_path)


@pytest.fixture
def marked(read):
    def run(kind, **given):
        (sheet,) = read(cvat([("a.png", [tag(kind, label="polyp", **given)])])).sheets
        (mark,) = sheet.marks
        return mark.shape

    return run


CORNERS = {"xtl": 2, "ytl": 3, "xbr": 12, "ybr": 9}


def test_boxes_and_polygons_along_pixels_are_exact(marked):
    assert np.array_equal(marked("box", **CORNERS).filled(SIZE), square())
    assert np.array_equal(marked("polygon", points=cvat_points(SQUARE)).filled(SIZE), square())


def test_a_turned_box_turns_clockwise_around_its_middle(marked):
    turned = marked("box", **CORNERS, rotation=90)
    assert turned.bounds == pytest.approx((4, 1, 10, 11))
    leaning = marked("box", xtl=10, ytl=10, xbr=30, ybr=12, rotation=30)
    right = leaning.filled(SIZE).nonzero()
    assert right[0][right[1].argmax()] > right[0][right[1].argmin()]


def test_an_ellipse_with_its_half_axes(marked):
    rows, columns = np.mgrid[:30, :40] + 0.5
    found = marked("ellipse", cx=20, cy=15, rx=12, ry=6).filled(SIZE)
    assert np.array_equal(found, np.hypot((columns - 20) / 12, (rows - 15) / 6) <= 1)


def test_a_mask_goes_row_by_row_through_its_box(marked):
    mask = blob(6, (9, 7))
    rle = ", ".join(map(str, runs(mask, "C")))
    found = marked("mask", rle=rle, left=4, top=11, width=9, height=7).filled(SIZE)
    assert np.array_equal(found[11:18, 4:13], mask)
    assert found.sum() == mask.sum()


def test_masks_stay_packed_until_their_frame_is_drawn(read):
    """Each of these has 16 million pixels."""
    mask = tag("mask", label="polyp", rle="15999999,1", left=0, top=0, width=4000, height=4000)
    text = cvat([("a.png", [mask] * 20)], (4000, 4000))
    assert peak_bytes(lambda: read(text)) < 1 << 20


def test_images_their_sizes_and_labels(read):
    polygon = tag("polygon", label="a & b", points=cvat_points(RAGGED), z_order=3, occluded=1)
    first, second = read(cvat([("p1/a.png", [polygon]), ("b.png", [])])).sheets
    assert (first.name, first.size, first.marks[0].labels) == (("p1", "a"), SIZE, ("a & b",))
    assert first.marks[0].place == "annotations.xml image 0 polygon 0"
    assert (second.name, second.marks) == (("b",), ())


def test_labels_are_declared_in_the_tasks_or_projects_description(read):
    label = "<label><name>{}</name><attributes><attribute><name>sure</name></attribute></attributes></label>"
    labels = "".join(label.format(name) for name in ("polyp", "needle"))
    for kind in ("task", "project", "job"):
        text = f"<annotations><meta><{kind}><name>mine</name><labels>{labels}</labels></{kind}></meta></annotations>"
        assert read(text).declared == {"polyp", "needle"}


def test_tags_of_whole_frames_are_told_and_images_without_a_name_refused(read):
    found = read(cvat([("a.png", [tag("tag", label="blurred")]), ("", [])]))
    assert [note.text for note in found.notes] == ["tag of a whole frame, not read: blurred"]
    assert [issue.kind for issue in found.refused] == ["malformed image"]
    assert [sheet.marks for sheet in found.sheets] == [()]


@pytest.mark.parametrize(
    ("kind", "given", "problem"),
    [
        ("polyline", {"points": cvat_points(SQUARE)}, "shape without an area"),
        ("points", {"points": "1,1"}, "shape without an area"),
        ("Polygon", {"points": cvat_points(SQUARE)}, "shape of an unknown kind"),
        ("circle", {"cx": 9, "cy": 9, "r": 3}, "shape of an unknown kind"),
        ("polygon", {"points": "1,1;2,2"}, "polygon with under three points"),
        ("polygon", {"points": "1,1;2,2;3"}, "malformed polygon"),
        ("polygon", {"points": ""}, "malformed polygon"),
        ("polygon", {}, "malformed polygon"),
        ("box", {"xtl": 1}, "malformed box"),
        ("box", {**CORNERS, "rotation": "left"}, "malformed box"),
        ("ellipse", {"cx": 1, "cy": 1, "rx": 0, "ry": 2}, "malformed ellipse"),
        ("mask", {"rle": "1,2", "left": 0, "top": 0, "width": 2}, "malformed mask"),
        ("mask", {"rle": "1,2", "left": 0, "top": 0, "width": 2, "height": 2}, "RLE of another size"),
        ("mask", {"rle": "1,x", "left": 0, "top": 0, "width": 2, "height": 2}, "malformed RLE"),
    ],
)
def test_what_has_no_area_is_told_by_its_place(marked, kind, given, problem):
    found, detail = marked(kind, **given)
    assert (found, detail.startswith(f"annotations.xml image 0 {kind} 0")) == (problem, True)


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><annotations>&b;</annotations>'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<annotations>", "is not valid XML"),
        ("<annotation></annotation>", r"no CVAT file: its root is <annotation>"),
        ("<annotations><track id='0'/></annotations>", "export it as 'CVAT for images 1.1'"),
        (BOMB, "declares a document type or entities"),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd"><annotations/>', "declares a document type or entities"),
        ("", "is not valid XML"),
        ("<?xml version='1.0' encoding='utfX8'?><annotations/>", "is not valid XML"),
        ("<?xml version='1.0' encoding='big5'?><annotations/>", "is not valid XML"),
    ],
)
def test_another_file_is_refused_whole(read, text, said):
    with pytest.raises(InputError, match=said):
        read(text)


def test_a_file_says_its_own_encoding(tmp_path):
    text = "<?xml version='1.0' encoding='windows-1251'?><annotations><image name='кадр.png'/></annotations>"
    (tmp_path / "a.xml").write_bytes(text.encode("windows-1251"))
    assert read_cvat([tmp_path / "a.xml"], tmp_path).sheets[0].name == ("кадр",)


def test_depth_costs_nothing(read):
    assert read(f"<annotations>{'<x>' * 100_000}{'</x>' * 100_000}</annotations>").sheets == []
