"""Annotation files in the place of masks: frames found by name, classes by label, and what is wrong told by place."""

import json

import numpy as np
import pytest

from mcdrl.artifacts.frames import unpack_native_mask
from mcdrl.base.errors import InputError
from mcdrl.sites.annotations import match, read_annotations
from mcdrl.study.params import Site
from mcdrl.study.reading import Reading
from tests.imaging.annotations.written import (
    SIZE,
    SQUARE,
    blob,
    coco,
    coco_annotation,
    coco_image,
    cvat,
    cvat_points,
    flat,
    labelme,
    labelme_shape,
    png,
    runs,
    square,
    tag,
    write,
    yolo,
)  # fmt: skip
from tests.sites.site_folder import noise

CLASSES = ["polyp", "cyst"]
COCO = {"annotations": "all.json", "annotation_format": "coco"}


@pytest.fixture
def root(tmp_path):
    return tmp_path / "site"


@pytest.fixture
def frames(root):
    def save(*names, size=SIZE, **options):
        for number, name in enumerate(names):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            noise(number, *size).save(root / name, **options)

    return save


@pytest.fixture
def ingest(root, through_gate):
    def run(**keys):
        given = {} if "label_class" in keys else {"lesion_class": "polyp"}
        return through_gate("S", Site.model_validate({"card": "folder", "root": str(root), **given, **keys}), CLASSES)

    return run


@pytest.fixture
def masks(passed):
    return lambda: {case: unpack_native_mask(one.native_mask) for case, one in passed.items()}


def of_image(key, *shapes, category=1):
    return [coco_annotation(10 * key + number, key, category, shape) for number, shape in enumerate(shapes)]


def told(issues):
    return {(issue.file, issue.kind) for issue in issues}


def test_a_coco_file_is_read_like_masks(root, frames, ingest, masks):
    """Polygons, run lengths of both kinds, a frame without a lesion; the pixels are known."""
    frames("images/a.png", "images/b.png", "images/c.png")
    rle = {"size": [30, 40], "counts": runs(blob(1), "F")}
    annotations = [*of_image(1, [flat(SQUARE)]), *of_image(2, rle)]
    images = [coco_image(key, f"{name}.png") for key, name in ((1, "a"), (2, "b"), (3, "c"))]
    write(root / "all.json", coco(images, annotations))
    result = ingest(**COCO)
    found = masks()
    assert (result.refused, list(found)) == ([], ["S/a", "S/b", "S/c"])
    for case, wanted in (("S/a", square()), ("S/b", blob(1)), ("S/c", np.zeros((30, 40), bool))):
        assert np.array_equal(found[case], wanted.astype(np.uint8))
    assert result.cases["lesion_class"].fillna("none").tolist() == ["polyp", "polyp", "none"]
    assert result.cases["lesion_area_px"].tolist() == [60, blob(1).sum(), 0]
    assert [note.text for note in result.notes] == [
        "read as coco annotations: 1 files, 3 frames; polyp (2): lesion",
        "annotated without any shape, taken as a negative",
    ]


def the_same_square(form):
    """Files of one format that mark SQUARE as a polyp in a.png and nothing in b.png: name -> text, and the keys."""
    if form == "coco":
        images = [coco_image(1, "a.png"), coco_image(2, "b.png")]
        return {"all.json": coco(images, of_image(1, [flat(SQUARE)]))}, COCO
    if form == "labelme":
        shapes = {"a": [labelme_shape("polyp", "polygon", SQUARE)], "b": []}
        files = {f"images/{name}.json": labelme(f"{name}.png", shapes[name]) for name in shapes}
        return files, {"annotations": "images/*.json", "annotation_format": "labelme"}
    if form == "cvat":
        images = [("a.png", [tag("polygon", label="polyp", points=cvat_points(SQUARE))]), ("b.png", [])]
        return {"annotations.xml": cvat(images)}, {"annotations": "*.xml", "annotation_format": "cvat"}
    files = {"data.yaml": "names: [polyp]\n", "labels/a.txt": yolo(0, SQUARE), "labels/b.txt": "\n"}
    return files, {"annotations": "labels/*.txt", "annotation_format": "yolo"}


@pytest.mark.parametrize("form", ["coco", "labelme", "cvat", "yolo"])
@pytest.mark.parametrize("label_class", [None, {"polyp": "cyst", "instrument": None}])
def test_every_format_gives_the_same_masks(form, label_class, root, frames, ingest, masks):
    frames("images/a.png", "images/b.png")
    files, keys = the_same_square(form)
    for name, text in files.items():
        write(root / name, text)
    result = ingest(**keys, **({"label_class": label_class} if label_class else {}))
    found = masks()
    value = 2 if label_class else 1
    assert result.refused == []
    assert np.array_equal(found["S/a"], value * square().astype(np.uint8))
    assert not found["S/b"].any()
    assert result.cases["lesion_class"].fillna("none").tolist() == [CLASSES[value - 1], "none"]


def test_labels_are_classes_landmarks_or_judged_by_nobody(root, frames, ingest, masks):
    frames("images/a.png", "images/b.png")
    shapes = {
        "a": [
            labelme_shape("big", "rectangle", [(0, 0), (20, 20)]),
            labelme_shape("doubt", "rectangle", [(15, 0), (40, 20)]),
            labelme_shape("small", "rectangle", [(2, 2), (6, 6)]),
            labelme_shape("needle", "line", [(0, 0), (6, 6)]),
        ],
        "b": [labelme_shape("needle", "rectangle", [(2, 2), (6, 6)])],
    }
    for name, given in shapes.items():
        write(root / "ann" / f"{name}.json", labelme(f"{name}.png", given))
    labels = {"big": "polyp", "small": "cyst", "needle": None, "doubt": "ignore"}
    result = ingest(annotations="ann/*.json", annotation_format="labelme", label_class=labels)
    wanted = np.zeros((30, 40), np.uint8)
    wanted[:20, 15:] = 255
    wanted[:20, :20] = 1
    wanted[2:6, 2:6] = 2
    assert np.array_equal(masks()["S/a"], wanted)
    assert not masks()["S/b"].any()
    assert result.cases["lesion_class"].fillna("none").tolist() == ["polyp", "none"]
    summary = "2 files, 2 frames; needle (2): no lesion; big (1): polyp; doubt (1): ignore; small (1): cyst"
    assert result.notes[0].text == f"read as labelme annotations: {summary}"
    assert {note.kind for note in result.notes[1:]} == {
        "lesions of two classes overlap, the smaller one counts there",
        "several classes in one frame, its class is that of the largest area",
        "class without a frame",
    }


def test_a_frame_that_nobody_judged_at_all_is_refused(root, frames, ingest):
    frames("images/a.png", "images/b.png")
    annotations = [*of_image(1, [flat(SQUARE)]), *of_image(2, [[0, 0, 40, 0, 40, 30, 0, 30]], category=2)]
    write(root / "all.json", coco([coco_image(1, "a.png"), coco_image(2, "b.png")], annotations))
    result = ingest(**COCO, label_class={"polyp": "polyp", "instrument": "ignore"})
    assert [(one.file, one.kind) for one in result.refused] == [("images/b.png", "mask that judges no pixel")]


def test_ids_of_labels_serve_too(root, frames, ingest):
    frames("images/a.png")
    write(root / "all.json", coco([coco_image(1, "a.png")], of_image(1, [flat(SQUARE)])))
    assert ingest(**COCO, label_class={1: "cyst"}).cases["lesion_class"].tolist() == ["cyst"]


def test_a_label_that_nobody_has_judged_refuses_its_frame_and_all_labels_are_said(root, frames, ingest):
    frames("images/a.png", "images/b.png")
    annotations = [*of_image(1, [flat(SQUARE)]), *of_image(2, [flat(SQUARE)], category=2)]
    write(root / "all.json", coco([coco_image(1, "a.png"), coco_image(2, "b.png")], annotations))
    (refused,) = ingest(**COCO, label_class={"polyp": "polyp"}).refused
    assert refused.file == "images/b.png"
    assert refused.text == (
        "label without a class: all.json annotation 20: 'instrument'; list it in label_class: a class, null (no "
        "lesion) or ignore; all labels: instrument (1), polyp (1)"
    )
    with pytest.raises(
        InputError, match=r"2 labels: instrument \(1\), polyp \(1\).*label_class: \{'instrument': CLASS"
    ):
        ingest(**COCO)


def test_labels_that_are_declared_need_a_meaning_though_only_one_is_used(root, frames, ingest):
    """Nobody has said that the one that is used is the lesion and not the instrument."""
    frames("images/a.png")
    write(root / "all.json", coco([coco_image(1, "a.png")], of_image(1, [flat(SQUARE)]), [(1, "polyp"), (2, "tool")]))
    with pytest.raises(InputError, match=r"have 2 labels: polyp \(1\), tool \(0\); say which are lesions"):
        ingest(**COCO)
    assert ingest(**COCO, label_class={"polyp": "polyp"}).refused == []


def test_a_label_that_the_names_do_not_declare_needs_a_meaning(root, frames, ingest):
    frames("images/a.png")
    write(root / "labels" / "data.yaml", "names: [polyp]")
    write(root / "labels" / "a.txt", yolo(7, SQUARE))
    with pytest.raises(InputError, match=r"have 2 labels: 7 \(1\), polyp \(0\)"):
        ingest(annotations="labels/*.txt", annotation_format="yolo")


def test_lists_of_frames_that_the_pattern_takes_along_have_no_labels(root, frames, ingest):
    """As YOLO's train.txt beside the frames' files."""
    frames("images/a.png")
    write(root / "labels" / "a.txt", yolo(0, SQUARE))
    write(root / "labels" / "train.txt", "./images/a.png\n./images/b.png\n")
    result = ingest(annotations="labels/*.txt", annotation_format="yolo")
    assert result.refused == []
    assert result.notes[0].text == "read as yolo annotations: 2 files, 1 frames; 0 (1): lesion"
    assert ("train", "annotation without a frame") in {(note.file.split("/")[-1], note.kind) for note in result.notes}


def test_a_name_that_is_the_id_of_another_label_is_refused_where_they_mean_different_things(root, frames, ingest):
    frames("images/a.png", "images/b.png")
    annotations = [*of_image(1, [flat(SQUARE)]), *of_image(2, [flat(SQUARE)], category=2)]
    images = [coco_image(1, "a.png"), coco_image(2, "b.png")]
    write(root / "all.json", coco(images, annotations, [(1, "2"), (2, "needle")]))
    (refused,) = ingest(**COCO, label_class={"2": "polyp", "needle": None}).refused
    assert refused.file == "images/b.png"
    assert refused.text == (
        "label of two meanings: all.json annotation 20: label_class has its name and its id, 'needle': null and '2': "
        "polyp; leave one, or rename the label"
    )
    assert ingest(**COCO, label_class={"2": "polyp", "needle": "polyp"}).refused == []


@pytest.mark.parametrize(
    ("names", "files", "noted"),
    [
        (["test/a.png", "train/b.png"], ["train/a.png", "train/b.png"], ["images/train/a.png"]),
        (["test/a.png"], ["train/a.png", "test/b.png"], ["images/train/a.png"]),
        (["test/a.png", "test/b.png"], ["train/a.png", "test/b.png"], ["images/train/a.png"]),
        (["obj/a.png", "obj/b.png"], ["train/a.png", "test/b.png"], []),
        (["a.png", "b.png"], ["train/a.png", "test/b.png"], []),
    ],
)
def test_a_frame_that_its_annotation_has_in_another_frames_folder_is_told(root, frames, ingest, names, files, noted):
    frames(*(f"images/{file}" for file in files))
    images = [coco_image(number, name) for number, name in enumerate(names)]
    write(root / "all.json", coco(images, of_image(0, [flat(SQUARE)])))
    result = ingest(**COCO, images="images/*/*", missing_mask="no_lesion")
    assert [note.file for note in result.notes if note.kind == "annotated in a folder of another name"] == noted


def test_no_frame_gets_lesions_by_an_id_of_two_frames(root, frames, ingest, masks):
    frames("images/a.png", "images/b.png", "images/c.png")
    images = [coco_image(1, "a.png"), coco_image(1, "b.png"), coco_image(2, "c.png")]
    write(root / "all.json", coco(images, [*of_image(1, [flat(SQUARE)]), *of_image(2, [flat(SQUARE)])]))
    result = ingest(**COCO, missing_mask="no_lesion")
    assert told(result.refused) == {(f"images/{name}.png", "image id used twice") for name in "ab"}
    assert list(masks()) == ["S/c"]


def test_frames_that_are_not_named_are_asked_for(root, frames, ingest, masks):
    """Unlike a frame that is listed without any shape, which is one without a lesion."""
    frames("images/a.png", "images/new.png")
    images = [coco_image(1, "a.png"), coco_image(2, "gone.png")]
    write(root / "all.json", coco(images, [*of_image(1, [flat(SQUARE)]), *of_image(2, [flat(SQUARE)])]))
    refusing = ingest(**COCO)
    assert told(refusing.refused) == {("images/new.png", "no annotation")}
    assert "missing_mask: no_lesion" in refusing.refused[0].detail
    assert ("gone", "annotation without a frame") in told(refusing.notes)
    taking = ingest(**COCO, missing_mask="no_lesion")
    assert taking.refused == []
    assert ("images/new.png", "frame without any annotation, taken as a negative") in told(taking.notes)
    assert not masks()["S/new"].any()


@pytest.mark.parametrize(
    ("names", "annotated", "near"),
    [
        (("my frame.png", "b.png"), "my%20frame.png", "my%20frame"),
        (("F1.PNG", "b.png"), "f1.png", "f1"),
        (("P1/a.png", "P2/a.png", "b.png"), "p1/a.png", "p1/a"),
        (("p1/a.png", "b.png"), "C:\\data\\A.png", "C:/data/A"),
        (("scan.png", "b.png"), "scan.2", "scan.2"),
        (("a.png", "b.png"), "a.mha", "a.mha"),
    ],
)
def test_an_annotation_of_nearly_the_same_name_makes_no_negative(root, frames, ingest, names, annotated, near):
    frames(*names)
    images = [coco_image(1, annotated), coco_image(2, "b.png")]
    write(root / "all.json", coco(images, of_image(1, [flat(SQUARE)])))
    result = ingest(**COCO, images="**/*.[pP][nN][gG]", case_ids="path", missing_mask="no_lesion")
    assert {issue.file: issue.text for issue in result.refused} == {
        names[0]: f"annotation of nearly the same name: '{near}', which no frame is called, differs in case, folders, "
        "ending or codes such as %20; rename one"
    }


def test_an_annotation_without_folders_may_be_of_each_frame_of_its_name(root, frames, ingest):
    frames("p1/a.png", "p2/a.png", "b.png")
    images = [coco_image(1, "a.png"), coco_image(2, "b.png"), coco_image(3, "p3/b.png")]
    write(root / "all.json", coco(images, of_image(1, [flat(SQUARE)])))
    result = ingest(**COCO, images="**/*.png", case_ids="path", missing_mask="no_lesion")
    assert [issue.file for issue in result.refused] == ["p1/a.png", "p2/a.png"]


@pytest.mark.parametrize("form", ["coco", "labelme", "cvat", "yolo"])
def test_names_with_dots_and_without_an_ending_are_told_apart(root, frames, ingest, masks, form):
    """As DICOM's UIDs are; in each of them 1.2.3 has a lesion, 1.2 has none."""
    frames("images/1.2.3.png", "images/1.2.png")
    polygon = [labelme_shape("polyp", "polygon", SQUARE)]
    written = {
        "coco": {"a.json": coco([coco_image(1, "1.2.3"), coco_image(2, "1.2.png")], of_image(1, [flat(SQUARE)]))},
        "labelme": {"1.2.3.json": labelme("1.2.3", polygon), "1.2.json": labelme("1.2.png", [])},
        "cvat": {"a.xml": cvat([("1.2.3", [tag("polygon", label="polyp", points=cvat_points(SQUARE))]), ("1.2", [])])},
        "yolo": {"1.2.3.txt": yolo(0, SQUARE), "1.2.txt": ""},
    }
    for name, text in written[form].items():
        write(root / "labels" / name, text)
    assert ingest(annotations="labels/*", annotation_format=form).refused == []
    assert {case: int(mask.sum()) for case, mask in masks().items()} == {"S/1.2": 0, "S/1.2.3": 60}


def test_annotations_of_another_data_set_are_refused(root, frames, ingest):
    frames("images/a.png")
    write(root / "all.json", coco([coco_image(1, "train/z.png")], of_image(1, [flat(SQUARE)])))
    for missing in ("refuse", "no_lesion"):
        with pytest.raises(InputError, match=r"of another data set: not one of the 1 frames, such as images/a\.png.*z"):
            ingest(**COCO, missing_mask=missing)


@pytest.mark.parametrize("name", ["3f2a9c1b-a_1.png", "..\\..\\label-studio\\upload\\1\\3f2a9c1b-a_1.png", "7_a_1.png"])
def test_names_with_a_prefix_of_a_tool_s_are_told_to_have_one(root, frames, ingest, name):
    frames("images/a_1.png", "images/b.png")
    images = [coco_image(1, "z.png"), coco_image(2, name), coco_image(3, "9-b.png")]
    write(root / "all.json", coco(images, of_image(1, [flat(SQUARE)])))
    with pytest.raises(InputError, match=r"have a prefix before names: (3f2a9c1b-|7_)a_1 for images/a_1\.png; not one"):
        ingest(**COCO)


@pytest.mark.parametrize(
    "names", [["A_01", "A_02", "B_01", "B_02"], ["A_01", "z1", "z2"], ["A_01", "z"], ["x/A_01", "x/B_01"]]
)
def test_names_that_leave_one_frame_twice_or_mostly_none_have_no_prefix(root, frames, ingest, names):
    frames("images/01.png", "images/02.png")
    images = [coco_image(number, f"{name}.png") for number, name in enumerate(names, 1)]
    write(root / "all.json", coco(images, of_image(1, [flat(SQUARE)])))
    with pytest.raises(InputError, match=r"of another data set: .*; the first name in them is (x/)?A_01$"):
        ingest(**COCO)


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ([[50, 2, 60, 2, 60, 9]], "polygon outside the frame"),
        ([[500, 200, 600, 200, 600, 900]], "shape far outside the frame"),
        ([[1, 1, 2, 2]], "polygon with under three points"),
        ([[5.1, 5.1, 5.2, 5.1, 5.2, 5.2]], "lesion without a pixel"),
        ({"size": [30, 40], "counts": [1200]}, "lesion without a pixel"),
        ({"size": [40, 30], "counts": [0, 1200]}, "RLE of another size"),
        ([], "lesion without an outline"),
    ],
)
def test_what_cannot_be_drawn_costs_its_frame_alone(root, frames, ingest, shape, kind):
    frames("images/a.png", "images/b.png")
    images = [coco_image(1, "a.png"), coco_image(2, "b.png")]
    write(root / "all.json", coco(images, [*of_image(1, [flat(SQUARE)]), *of_image(2, [flat(SQUARE)], shape)]))
    (refused,) = ingest(**COCO).refused
    assert (refused.file, refused.kind) == ("images/b.png", kind)
    assert "all.json annotation 21" in refused.detail


def test_what_is_no_lesion_need_not_be_drawable(root, frames, ingest):
    frames("images/a.png")
    annotations = [*of_image(1, [flat(SQUARE)]), coco_annotation(5, 1, 2, [])]
    write(root / "all.json", coco([coco_image(1, "a.png")], annotations))
    assert ingest(**COCO, label_class={"polyp": "polyp", "instrument": None}).refused == []


def test_a_polygon_that_reaches_out_is_clipped_and_told(root, frames, ingest, masks):
    frames("images/a.png")
    write(root / "all.json", coco([coco_image(1, "a.png")], of_image(1, [[-5, -5, 4, -5, 4, 3, -5, 3]])))
    result = ingest(**COCO)
    assert masks()["S/a"].sum() == masks()["S/a"][:3, :4].sum() == 12
    assert ("images/a.png", "polygon that reaches out of the frame, clipped") in told(result.notes)


def test_annotations_of_frames_of_another_size_are_refused(root, frames, ingest):
    """As when the frames were shrunk after they had been annotated."""
    frames("images/a.png", "images/b.png")
    images = [coco_image(1, "a.png"), coco_image(2, "b.png", (80, 60))]
    write(root / "all.json", coco(images, [*of_image(1, [flat(SQUARE)]), *of_image(2, [flat(SQUARE)])]))
    (refused,) = ingest(**COCO).refused
    told = "annotation of another size: all.json annotation 20: of a frame of 80x60, this one is 40x30; give the frame"
    assert refused.text.startswith(told)
    assert refused.text.endswith("(points, width and height times 0.5; RLE by nearest neighbour)")


@pytest.mark.parametrize("form", ["cvat", "labelme"])
@pytest.mark.parametrize("given", [{"label": "polyp"}, {}])
def test_a_shape_that_nobody_knows_costs_its_frame_alone(root, frames, ingest, form, given):
    """With a label or without, beside one that is known and a frame that is fine."""
    frames("images/a.png", "images/b.png")
    odd = {"shape_type": "blob", "points": [[1, 1], [9, 9]], **given}
    known = labelme_shape("polyp", "polygon", SQUARE)
    polygon = tag("polygon", label="polyp", points=cvat_points(SQUARE))
    written = {
        "cvat": {"a.xml": cvat([("a.png", [polygon, tag("blob", **given)]), ("b.png", [polygon])])},
        "labelme": {"a.json": labelme("a.png", [known, odd]), "b.json": labelme("b.png", [known])},
    }
    for name, text in written[form].items():
        write(root / "labels" / name, text)
    result = ingest(annotations="labels/*", annotation_format=form)
    assert ([one.file for one in result.refused], list(result.cases["case_id"])) == (["images/a.png"], ["S/b"])
    assert "shape" in result.refused[0].kind


@pytest.mark.parametrize(
    ("size", "kind"), [(("80", "60"), "annotation of another size"), (("80 px", 60), "malformed size")]
)
def test_sizes_may_be_texts_in_any_format(root, frames, ingest, size, kind):
    frames("images/a.png", "images/b.png")
    of_square = [labelme_shape("polyp", "polygon", SQUARE)]
    written = {
        "coco": coco([coco_image(1, "a.png", size)], of_image(1, [flat(SQUARE)])),
        "labelme": labelme("a.png", of_square, size),
        "cvat": cvat([("a.png", [tag("polygon", label="polyp", points=cvat_points(SQUARE))])], size),
    }
    for form, text in written.items():
        write(root / form / "a.json", text)
        keys = {"annotations": f"{form}/*", "annotation_format": form, "missing_mask": "no_lesion"}
        assert told(ingest(**keys).refused) == {("images/a.png", kind)}


def test_annotations_of_a_turned_frame_are_refused(root, frames, ingest):
    frames("images/a.jpg")
    exif = noise(0).getexif()
    exif[0x0112] = 6
    frames("images/b.jpg", exif=exif.tobytes())
    names = ("a", "b")
    for name in names:
        write(root / "ann" / f"{name}.json", labelme(f"{name}.jpg", [labelme_shape("p", "polygon", SQUARE)], (40, 30)))
    keys = {"images": "images/*", "annotations": "ann/*.json", "annotation_format": "labelme"}
    assert [one.kind for one in ingest(**keys).refused] == ["outline that may be turned"]


@pytest.mark.parametrize("turn", range(2, 9))
def test_annotations_of_the_upright_frame_are_read_where_its_size_says_so(root, frames, ingest, masks, turn):
    """The frame is stored turned; outlines and RLE are of the upright one, as our own predictions are."""
    exif = noise(0).getexif()
    exif[0x0112] = turn
    upright = SIZE[::-1] if turn >= 5 else SIZE
    frames("images/a.jpg", exif=exif.tobytes())
    frames("images/square.jpg", size=(30, 30), exif=exif.tobytes())
    frames("images/fine.jpg")
    rle = {"size": list(upright[::-1]), "counts": runs(square(upright), "F")}
    images = [coco_image(1, "a.jpg", upright), coco_image(2, "square.jpg", (30, 30)), coco_image(3, "fine.jpg")]
    annotations = [*of_image(1, [flat(SQUARE)], rle), *of_image(2, [flat(SQUARE)])]
    write(root / "all.json", coco(images, annotations))
    both = {("images/a.jpg", "outline that may be turned"), ("images/square.jpg", "outline that may be turned")}
    assert told(ingest(**COCO, images="images/*").refused) == {pair for pair in both if turn < 5 or "square" in pair[0]}
    assert turn < 5 or np.array_equal(masks()["S/a"], square(upright))


def test_several_files_and_names_that_repeat(root, frames, ingest, masks):
    """Folders of the split, each with its own file beside its frames, as exporters lay them out."""
    frames("train/0.png", "train/1.png")
    frames("valid/0.png", size=(20, 16))
    low = [[0, 0, 4, 0, 4, 4, 0, 4]]
    files = {
        "train": coco([coco_image(1, "0.png"), coco_image(2, "1.png")], of_image(1, [flat(SQUARE)])),
        "valid": coco([coco_image(1, "0.png", (20, 16))], of_image(1, low)),
    }
    for name, text in files.items():
        write(root / name / "_annotations.coco.json", text)
    keys = {"images": "*/*", "case_ids": "path", "annotations": "*/_annotations.coco.json"}
    result = ingest(**keys, annotation_format="coco")
    assert result.refused == []
    assert {case: int(mask.sum()) for case, mask in masks().items()} == {
        "S/train/0": 60,
        "S/train/1": 0,
        "S/valid/0": 16,
    }


def test_a_frame_in_two_files_is_refused(root, frames, ingest):
    frames("images/a.png", "images/b.png")
    for name in ("one", "two"):
        images = [coco_image(1, "a.png")] + [coco_image(2, "b.png")] * (name == "one")
        write(root / f"{name}.json", coco(images, of_image(1, [flat(SQUARE)])))
    (refused,) = ingest(annotations="*.json", annotation_format="coco").refused
    assert refused.text == "frame that is annotated twice: one.json image 1 and two.json image 1"
    assert refused.file == "images/a.png"


def test_a_bad_file_of_one_frame_is_no_negative(root, frames, ingest):
    frames("images/a.png", "images/b.png", "images/c.png", "images/d.png")
    square_of = {"a": "a.png", "d": "elsewhere/x.png"}
    for name, path in square_of.items():
        write(root / "ann" / f"{name}.json", labelme(path, [labelme_shape("polyp", "polygon", SQUARE)]))
    write(root / "ann" / "b.json", "{")
    write(root / "ann" / "c.json", "[" * 100_000)
    keys = {"annotations": "ann/*.json", "annotation_format": "labelme", "missing_mask": "no_lesion"}
    assert told(ingest(**keys).refused) == {
        ("images/b.png", "unreadable annotation"),
        ("images/c.png", "unreadable annotation"),
        ("images/d.png", "annotation of another frame"),
    }


def test_annotations_behind_a_link_are_told_as_dvc_does_not_see_them_change(root, frames, ingest, tmp_path):
    frames("images/a.png")
    write(tmp_path / "elsewhere" / "all.json", coco([coco_image(1, "a.png")], of_image(1, [flat(SQUARE)])))
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    result = ingest(annotations="linked/*.json", annotation_format="coco")
    assert ("linked", "folder behind a link") in told(result.notes)


def test_no_file_is_an_error(root, frames, ingest):
    frames("images/a.png")
    with pytest.raises(InputError, match=r"no file matches annotations 'all\.json'"):
        ingest(**COCO)


def test_no_format_is_an_error(root):
    with pytest.raises(InputError, match="annotation_format, one of coco, labelme, cvat, yolo"):
        read_annotations(root, Reading(annotations="all.json"), ["a.png"])


def test_a_mask_in_a_labelme_file_is_exact(root, frames, ingest, masks):
    frames("images/a.png")
    mask = labelme_shape("polyp", "mask", [(4, 6), (23, 15)], mask=png(blob(4, (20, 10))))
    write(root / "images" / "a.json", labelme("a.png", [mask]))
    ingest(annotations="images/*.json", annotation_format="labelme")
    assert np.array_equal(masks()["S/a"][6:16, 4:24], blob(4, (20, 10)).astype(np.uint8))
    assert masks()["S/a"].sum() == blob(4, (20, 10)).sum()


def test_with_a_table_frames_of_other_sites_are_left_to_them(root, frames, ingest):
    frames("images/a.png", "images/b.png")
    images = [coco_image(1, "a.png"), coco_image(2, "b.png")]
    write(root / "all.json", coco(images, [*of_image(1, [flat(SQUARE)]), *of_image(2, [flat(SQUARE)])]))
    write(root / "t.csv", "file,centre,patient\na,north,p1\nb,south,p2\n")
    keys = {"table": "t.csv", "table_rows": {"centre": "north"}, "table_group": "patient"}
    result = ingest(**COCO, **keys)
    assert result.cases["group_id"].tolist() == ["p1"]
    assert "annotation without a frame" not in {note.kind for note in result.notes}


@pytest.mark.parametrize(
    ("names", "frames", "wanted"),
    [
        (["obj_train/a", "obj_train/b"], ["x/a.png", "y/b.png"], ["x/a.png", "y/b.png"]),
        (["p1/1", "p2/1"], ["i/p1/1.png", "i/p2/1.png"], ["i/p1/1.png", "i/p2/1.png"]),
        (["p1/1", "p2/1"], ["i/p2/1.png"], [None, "i/p2/1.png"]),
        (["1"], ["p1/1.png", "p2/1.png"], [None]),
        (["p3/1"], ["p1/1.png", "p2/1.png"], [None]),
        (["z"], ["a.png"], [None]),
        (["x/a", "x/a"], ["a.png"], ["a.png", "a.png"]),
    ],
)
def test_names_find_their_frames_by_as_much_as_it_takes(names, frames, wanted):
    assert match([tuple(name.split("/")) for name in names], frames) == wanted


def test_the_annotation_files_are_no_frames(root, frames, ingest):
    frames("a.png")
    write(root / "a.json", labelme("a.png", [labelme_shape("polyp", "polygon", SQUARE)]))
    result = ingest(images="*", annotations="*.json", annotation_format="labelme")
    assert (result.refused, len(result.cases)) == ([], 1)


def test_a_whole_file_that_is_broken_is_one_sentence(root, frames, ingest):
    frames("images/a.png")
    for text, said in (("{", "is not valid JSON"), (json.dumps([]), "no COCO instances"), ("[" * 10**5, "too deep")):
        write(root / "all.json", text)
        with pytest.raises(InputError, match=said) as error:
            ingest(**COCO)
        assert "\n" not in str(error.value)
