"""Names of frames as any system writes them; what is drawn on a frame of another size is refused."""

from pathlib import PurePosixPath

import pytest

from mcdrl.base.issues import RefusedError
from mcdrl.imaging.annotations.annotated import (
    Annotation,
    Mark,
    Sheet,
    files_of,
    frame_name,
    known_labels,
)  # fmt: skip
from mcdrl.imaging.annotations.shapes import Bitmap, Box, Polygons, RunLengths, Shares
from mcdrl.imaging.outlines import clipped, draw, overlapping_px
from tests.imaging.annotations.written import SIZE, SQUARE, write


@pytest.mark.parametrize(
    ("text", "folder", "name"),
    [
        ("a.png", "", ("a",)),
        ("a.b.png", "x/y", ("x", "y", "a.b")),
        ("1.2.840.5", "", ("1.2.840.5",)),
        ("1.2.840.5.DCM", "", ("1.2.840.5",)),
        *[(f"a{ending}", "", ("a",)) for ending in (".heic", ".tga", ".pnm", ".pbm", ".dib", ".j2k", ".jxl", ".IMA")],
        (" x / a.png ", "y ", ("y", "x", "a")),
        ("https://x/a.PNG?d=1.2", "", ("https:", "x", "a")),
        (".png", "", (".png",)),
        ("..\\img\\a.png", "x/y", ("x", "img", "a")),
        ("./a.png", "x", ("x", "a")),
        ("../../../a.png", "x", ("a",)),
        ("/data/a.png", "", ("data", "a")),
        ("e\u0301.png", "", ("\u00e9",)),
        ("", "", ()),
        ("a", "", ("a",)),
    ],
)
def test_names_of_frames(text, folder, name):
    assert frame_name(text, PurePosixPath(folder)) == name


def test_labels_are_counted_the_commonest_first_and_those_that_are_but_declared_last():
    marks = [Mark("", (label,), ("", "")) for label in ("b", "a", "c", "c")]
    counts = known_labels([Sheet("", ("a",), None, tuple(marks))], {"d", "c"})
    assert list(counts.items()) == [("c", 2), ("a", 1), ("b", 1), ("d", 0)]


def test_hidden_files_are_left_out(tmp_path):
    for name in (".x/a.json", "._a.json", "b/a.json"):
        write(tmp_path / name, "")
    (tmp_path / "b" / "folder.json").mkdir()
    assert [path.relative_to(tmp_path).as_posix() for path in files_of(tmp_path, "**/*.json")] == ["b/a.json"]


def test_a_link_to_nothing_is_left_to_whoever_opens_it(tmp_path):
    (tmp_path / "a.json").symlink_to(tmp_path / "gone.json")
    assert files_of(tmp_path, "*.json") == [tmp_path / "a.json"]


def test_a_lesion_is_drawn_like_an_outline_and_lies_above_what_nobody_judged():
    small, large = Annotation("", "cyst", Box(3, 3, 5, 5)), Annotation("", "polyp", Box(2, 2, 12, 12))
    doubt = Annotation("", "ignore", Box(4, 4, 6, 30))
    for lesions in ([small, large, doubt], [doubt, large, small]):
        mask = draw(lesions, SIZE, {"polyp": 1, "cyst": 2, "ignore": 255})
        assert [int((mask == value).sum()) for value in (1, 2, 255)] == [96, 4, 36]
        assert overlapping_px(lesions, SIZE) == 4
    assert clipped([small, Annotation("out", "polyp", Box(-2, 2, 12, 12))], SIZE)[0].place == "out"


def test_shares_are_drawn_at_the_frames_size():
    shares = Annotation("", "polyp", Shares(Polygons((tuple((x / 40, y / 30) for x, y in SQUARE),))))
    assert draw([shares], (80, 60), {"polyp": 1}).sum() == 240


def test_a_bitmap_of_another_scale_is_refused_before_it_is_unpacked():
    bitmap = Bitmap(0, 0, (9000, 9000), lambda: pytest.fail("unpacked"))
    with pytest.raises(RefusedError, match="shape far outside the frame: here"):
        Annotation("here", None, bitmap).on(SIZE)


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        (Annotation("here", None, Box(0, 0, 2, 2), (30, 40)), "annotation of another size: here: of a frame of 30x40"),
        (Annotation("here", None, Box(0, 0, 200, 2)), "shape far outside the frame: here: it lies within 0, 0, 200, 2"),
        (
            Annotation("here", None, RunLengths((1, 5), (3, 2))),
            "annotation of another size: here: of a frame of 3x2, this",
        ),
        (Annotation("here", None, Box(0.6, 0, 1.4, 2)), "lesion without a pixel: here; the frame is 40x30"),
        (Annotation("here", None, Box(41, 0, 44, 2)), "polygon outside the frame: here; the frame is 40x30"),
    ],
)
def test_what_does_not_fit_the_frame_is_refused(annotation, said):
    with pytest.raises(RefusedError, match=said):
        draw([annotation], SIZE, {None: 1})
