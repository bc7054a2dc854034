"""Folders of frames with masks or annotations that are easily overlooked, and of frames that look labelled by name."""

import json
import shlex

import numpy as np
import pytest
from PIL import Image

from mcdrl.base.errors import InputError
from mcdrl.commands.models.masks_among import masks_among
from mcdrl.commands.models.unlabelled import holds_frames_alone
from mcdrl.commands.sites.guess import guess_card
from mcdrl.commands.sites.mask_names import likeness
from mcdrl.commands.sites.survey import masks_beside, survey
from tests.imaging.annotations.written import (
    coco_annotation,
    coco_image,
    flat,
    labelme,
    labelme_shape,
    write,
    yolo,
)  # fmt: skip

LESION = [(2, 3), (12, 3), (12, 9), (2, 9)]
SHAPE = labelme_shape("polyp", "polygon", LESION)


def frames(folder, count=3):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (30, 40, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"f{number}.png")


def masks(folder, ending=".png", mode="L", count=3, behind=""):
    folder.mkdir(parents=True, exist_ok=True)
    picture = Image.new("L", (40, 30))
    picture.paste(255, (2, 3, 12, 9))
    for number in range(count):
        picture.convert(mode).save(folder / f"f{number}{behind}{ending}")


def coco(count, names="f{}.png"):
    """COCO in the order in which Roboflow and CVAT write its keys."""
    images = [coco_image(number, names.format(number)) | {"license": 1, "date_captured": 0} for number in range(count)]
    drawn = [coco_annotation(number, number, 1, [flat(LESION)], area=60.0) for number in range(count)]
    return json.dumps({"categories": [{"id": 1, "name": "polyp"}], "images": images, "annotations": drawn})


def refused(root):
    with pytest.raises(InputError) as error:
        guess_card(root)
    return str(error.value)


def settings(root):
    """What the command line that is offered for a folder sets."""
    (line,) = [line for line in refused(root).splitlines() if "mcdrl sites check" in line]
    told, _, command = line.strip().partition(": mcdrl ")
    return told, [word for word in shlex.split(command) if "=" in word]


READS_ALL = "this would read 3 frames and refuse 0 files"


def test_coco_is_known_by_keys_anywhere_in_the_file(tmp_path):
    frames(tmp_path / "images")
    path = write(tmp_path / "instances_default.json", coco(1500))
    assert path.stat().st_size > 300_000
    assert survey(tmp_path).others == {"COCO annotations": ["instances_default.json"]}
    assert not holds_frames_alone(tmp_path)
    told, given = settings(tmp_path)
    assert told == READS_ALL
    assert "annotation_format=coco" in given


@pytest.mark.parametrize("before", [(1 << 20) - 20, (1 << 20) - 5, 1 << 20])
def test_a_key_may_lie_across_two_pieces_of_a_file(tmp_path, before):
    text = '{"images": [], "categories": [], "info": "'
    write(tmp_path / "a.json", f'{text}{"x" * (before - len(text))}", "annotations": []}}')
    assert survey(tmp_path).others == {"COCO annotations": ["a.json"]}


def test_labelme_with_many_points_before_the_frame_s_name_and_the_frame_behind_it(tmp_path):
    frames(tmp_path, 1)
    points = [(2 + index / 1000, 3) for index in range(9000)]
    text = labelme("f0.png", [labelme_shape("polyp", "polygon", [*points, (12, 9)])])
    keys = json.loads(text)
    ordered = {"shapes": keys.pop("shapes"), "imagePath": keys.pop("imagePath"), **keys, "imageData": "A" * 400_000}
    write(tmp_path / "f0.json", json.dumps(ordered))
    assert survey(tmp_path).others == {"LabelMe annotations": ["f0.json"]}
    assert not holds_frames_alone(tmp_path)


def test_frames_without_a_lesion_do_not_hide_those_with_one_in_yolo(tmp_path):
    frames(tmp_path / "images", 64)
    for number in range(64):
        write(tmp_path / "labels" / f"f{number:02}.txt", "" if number < 60 else yolo(0, LESION))
        (tmp_path / "images" / f"f{number}.png").rename(tmp_path / "images" / f"f{number:02}.png")
    assert len(survey(tmp_path).others["YOLO annotations"]) == 4
    assert not holds_frames_alone(tmp_path)
    told, given = settings(tmp_path)
    assert told == "this would read 64 frames and refuse 0 files"
    assert "annotations=labels/*.txt" in given


def test_a_box_in_front_of_an_outline_is_yolo_too(tmp_path):
    write(tmp_path / "a.txt", f"0 0.5 0.5 0.1 0.1\n{yolo(0, LESION)}\n")
    assert survey(tmp_path).others == {"YOLO annotations": ["a.txt"]}


def test_many_files_of_one_folder_do_not_hide_those_of_the_next(tmp_path):
    for number in range(60):
        write(tmp_path / "a" / f"{number}.json", labelme("f0.png", [SHAPE]))
    write(tmp_path / "b" / "0.json", labelme("f1.png", [SHAPE]))
    found = survey(tmp_path).others
    assert (len(found["LabelMe annotations"]), len(found["further JSON files"])) == (51, 10)
    assert "b/0.json" in found["LabelMe annotations"]


VIA = {"f0.png12": {"filename": "f0.png", "size": 12, "regions": [{"shape_attributes": {"name": "polygon"}}]}}
VIA_COLUMNS = "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("via_region_data.json", json.dumps(VIA)),
        ("via_region_data.csv", VIA_COLUMNS),
        ("via_project.json", '{"_via_settings": {}, "_via_img_metadata": {}}'),
    ],
)
def test_what_via_exports_is_named_with_what_to_export_instead(tmp_path, name, text):
    frames(tmp_path)
    write(tmp_path / name, text)
    assert survey(tmp_path).others == {"VIA annotations": [name]}
    assert not holds_frames_alone(tmp_path)
    assert "VIA annotations aren't read; export them as masks, a PNG a frame, or, in VIA, as COCO" in refused(tmp_path)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("notes.json", "json files"),
        ("notes.xml", "xml files"),
        ("notes.txt", "text files"),
        ("notes.csv", "tables"),
        ("outlines.mat", "arrays, to be saved as pictures first, a PNG a frame"),
        ("f0.npy", "arrays, to be saved as pictures first, a PNG a frame"),
        ("outlines.pt", "files of other kinds"),
        ("f0.gif", "pictures that aren't read, to be saved as PNG first"),
        ("f0.nii.gz", "volumes, to be exported as pictures first, a PNG a slice"),
        ("f0.nii", "volumes, to be exported as pictures first, a PNG a slice"),
        ("f0.tar.gz", "archives, to be unpacked first"),
        ("f0.gz", "archives, to be unpacked first"),
    ],
)
def test_what_may_hold_lesions_is_named_and_no_frames_alone(tmp_path, name, kind):
    frames(tmp_path)
    assert holds_frames_alone(tmp_path)
    write(tmp_path / name, "x")
    assert survey(tmp_path).others == {kind: [name]}
    assert not holds_frames_alone(tmp_path)


@pytest.mark.parametrize("name", ["README.md", "LICENSE", "Thumbs.db", "clip.mp4"])
def test_what_says_nothing_of_lesions_leaves_frames_alone(tmp_path, name):
    frames(tmp_path)
    write(tmp_path / name, "x")
    assert holds_frames_alone(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "kind", "fix"),
    [
        ("f0.geojson", '{"type": "FeatureCollection", "features": [{"geometry": {}}]}', "QuPath annotations", ""),
        ("f0.png.json", '{"objects": [{"classTitle": "polyp"}]}', "Supervisely annotations", ", or as COCO"),
    ],
)
def test_tools_that_are_not_read_are_named_with_what_to_export(tmp_path, name, text, kind, fix):
    frames(tmp_path)
    write(tmp_path / name, text)
    assert f"{kind} aren't read; export them as masks, a PNG a frame{fix}" in refused(tmp_path)


def test_boxes_are_said_to_be_no_outlines(tmp_path):
    frames(tmp_path / "JPEGImages")
    write(tmp_path / "Annotations" / "f0.xml", "<annotation><object><bndbox></bndbox></object></annotation>")
    assert "Pascal VOC boxes aren't read; they don't say where in them the lesion is" in refused(tmp_path)


def test_what_is_missing_where_nothing_fits_is_said(tmp_path):
    frames(tmp_path / "a" / "images")
    told = "nothing is known here as masks or annotations (frames alone: `mcdrl predict`); if there are some, give"
    assert told in refused(tmp_path / "a")
    masks(tmp_path / "b" / "masks")
    assert "there are no frames; give the folder that holds them, with their masks" in refused(tmp_path / "b")
    (tmp_path / "c").mkdir()
    assert "there are no frames; give the folder that holds them, with their masks" in refused(tmp_path / "c")
    frames(tmp_path / "d" / "images")
    masks(tmp_path / "d" / "masks")
    for mask in (tmp_path / "d" / "masks").iterdir():
        mask.rename(mask.with_name(f"mask_0{mask.stem[1:]}.png"))
    told = "no mask is called like a frame (masks/mask_00.png, images/f0.png); give it the frame's name"
    assert told in refused(tmp_path / "d")
    frames(tmp_path / "e" / "images")
    for kind in ("polyp", "instrument"):
        masks(tmp_path / "e" / "masks" / kind)
    assert refused(tmp_path / "e").endswith(
        "\n  give --card (`mcdrl sites cards` lists them), and what differs with --set images=... --set masks=..."
    )


def test_dicom_without_an_ending_is_named(tmp_path):
    (tmp_path / "IM0001").write_bytes(bytes(128) + b"DICM")
    assert survey(tmp_path).others == {"DICOM without an ending, to be called .dcm first": ["IM0001"]}


@pytest.mark.parametrize(
    ("place", "ending", "mode", "behind"),
    [
        ("ground_t", ".jpg", "L", ""),
        ("manual", ".png", "RGB", "_gt"),
        ("images", ".jpg", "L", "_mask"),
    ],
)
def test_masks_of_any_format_are_known_by_their_black_and_white(tmp_path, place, ending, mode, behind):
    frames(tmp_path / "images")
    masks(tmp_path / place, ending, mode, behind=behind)
    assert not holds_frames_alone(tmp_path)
    pictures = sorted(path for path in tmp_path.rglob("*.*") if path.is_file())
    found = masks_among(pictures)
    assert len(found) == 3
    assert all(path.parent.name == place and path.stem.endswith(behind) for path in found)


def test_masks_beside_a_folder_of_frames_are_told_with_the_folder_that_holds_both(tmp_path):
    frames(tmp_path / "images")
    assert masks_beside(tmp_path / "images") == ""
    masks(tmp_path / "Ground Truth")
    told = f"masks may lie beside it, in {tmp_path / 'Ground Truth'}: give {tmp_path}, which holds both"
    assert masks_beside(tmp_path / "images") == told
    assert f"\n  {told}\n  nothing is known here as masks" in refused(tmp_path / "images")
    assert masks_beside(tmp_path) == ""


def test_a_folder_that_would_hold_the_project_is_not_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "dvc.yaml", "stages: {}")
    frames(tmp_path / "images")
    masks(tmp_path / "masks")
    assert masks_beside(tmp_path / "images").endswith("masks: put both into one folder and give that")


@pytest.mark.parametrize("name", ["labelled", "photos", "masks"])
def test_a_folder_beside_that_says_nothing_of_masks_or_is_empty_is_not_told(tmp_path, name):
    frames(tmp_path / "images")
    (tmp_path / name).mkdir()
    if name != "masks":
        frames(tmp_path / name)
    assert masks_beside(tmp_path / "images") == ""


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("ending", [".png", ".jpg"])
@pytest.mark.parametrize(
    ("frame", "mask"),
    [
        ("image_{}", "mask_{}"), ("img{}", "gt{}"), ("frame-{}", "label-{}"), ("colon_image_{}", "mask_{}"),
        ("image_{}", "mask_{}_1"), ("p1_image_{}", "p1_mask_{}"), ("image_{}_x", "ground_truth_{}_x"),
    ],
)  # fmt: skip
def test_masks_that_exchange_a_part_of_their_frames_names_are_known(tmp_path, frame, mask, ending, mode):
    frames(tmp_path)
    for number in range(3):
        (tmp_path / f"f{number}.png").rename(tmp_path / f"{frame.format(number)}.png")
    masks(tmp_path / "m", ending, mode)
    for number in range(3):
        (tmp_path / "m" / f"f{number}{ending}").rename(tmp_path / f"{mask.format(number)}{ending}")
    (tmp_path / "m").rmdir()
    assert not holds_frames_alone(tmp_path)
    found = masks_among(sorted(tmp_path.iterdir()))
    assert sorted(path.name for path in found) == sorted(f"{mask.format(number)}{ending}" for number in range(3))


def test_frames_that_begin_as_masks_do_are_frames_unless_they_look_drawn(tmp_path):
    frames(tmp_path)
    for number in range(3):
        (tmp_path / f"f{number}.png").rename(tmp_path / f"label_{number}.png")
    frames(tmp_path)
    assert masks_among(sorted(tmp_path.iterdir())) == []
    assert holds_frames_alone(tmp_path)


def test_frames_of_equal_names_are_no_masks_however_dark(tmp_path):
    frames(tmp_path / "p1")
    dark = np.random.default_rng(0).integers(0, 20, (30, 40, 3), np.uint8)
    (tmp_path / "p2").mkdir()
    for number in range(3):
        Image.fromarray(dark).save(tmp_path / "p2" / f"f{number}.png")
    assert masks_among(sorted(tmp_path.rglob("*.png"))) == []


@pytest.mark.parametrize(
    ("name", "much"),
    [
        ("images", 0), ("labelled", 1), ("unlabelled", 1), ("segmented-images", 1), ("ascending_segment", 1),
        ("annotated_images", 1), ("masks", 2), ("labelsTr", 2), ("Ground Truth", 2), ("GT", 2), ("masks_C2", 2),
        ("labelled_masks", 2), ("groundtruth", 2), ("annotations", 2), ("polypmasks", 2),
        ("train_gt", 2), ("gt_train", 2), ("testGT", 2), ("GTs", 2), ("GTS", 2), ("trainGTS", 2),
        ("gt2", 2), ("height", 0), ("Weight", 0),
        ("LENGTH", 0), ("sgt", 0),
    ],
)  # fmt: skip
def test_how_much_a_folder_is_called_like_masks(name, much):
    assert likeness(name) == much


@pytest.mark.parametrize("above", ["segmented-images", "labelled"])
def test_folders_of_a_pair_are_judged_by_what_differs(tmp_path, above):
    frames(tmp_path / above / "images")
    masks(tmp_path / above / "masks")
    told, given = settings(tmp_path)
    assert told == READS_ALL
    assert given == [f"images={above}/images/*.png", f"masks={above}/masks/{{stem}}.*"]


def test_of_two_folders_called_like_masks_the_one_that_is_more_so_holds_them(tmp_path):
    frames(tmp_path / "labelled_images")
    masks(tmp_path / "labelled_masks")
    assert settings(tmp_path) == (READS_ALL, ["images=labelled_images/*.png", "masks=labelled_masks/{stem}.*"])


def test_annotated_frames_may_lie_in_a_folder_called_like_masks(tmp_path):
    frames(tmp_path / "coco" / "labeled_images")
    write(tmp_path / "coco" / "all.json", coco(3, "labeled_images/f{}.png"))
    frames(tmp_path / "labelme" / "annotated_images")
    for number in range(3):
        path = tmp_path / "labelme" / "annotated_images" / f"f{number}.json"
        write(path, labelme(f"f{number}.png", [SHAPE]))
    for form, place in (("coco", "labeled_images"), ("labelme", "annotated_images")):
        told, given = settings(tmp_path / form)
        assert told == READS_ALL
        assert {f"images={place}/*.png", f"annotation_format={form}"} <= set(given)
        said = refused(tmp_path / form)
        assert f"{place}/: 3 pictures (3 .png)" in said
        assert "aren't read" not in said


def test_masks_beside_annotated_frames_are_no_frames(tmp_path):
    frames(tmp_path / "labeled_images")
    masks(tmp_path / "masks")
    write(tmp_path / "all.json", coco(3))
    offered = [line for line in refused(tmp_path).splitlines() if "annotation_format=coco" in line]
    assert len(offered) == 1
    assert "'images=labeled_images/*.png'" in offered[0]
    assert "masks/: 3 masks, by the folder's name and their few colours (3 .png)" in refused(tmp_path)


def test_annotations_without_pictures_are_told_apart_from_unknown_ones(tmp_path):
    write(tmp_path / "all.json", coco(3))
    assert "there are annotations and no pictures; give the folder that holds both" in refused(tmp_path)


def test_frames_in_folders_called_like_masks_are_frames_alone(tmp_path):
    frames(tmp_path / "unlabelled")
    assert holds_frames_alone(tmp_path)
    assert holds_frames_alone(tmp_path / "unlabelled")
    frames(tmp_path / "ascending_segment")
    frames(tmp_path / "rectum")
    assert holds_frames_alone(tmp_path)


def test_drawn_pictures_in_a_folder_called_like_masks_are_no_frames(tmp_path):
    masks(tmp_path / "segmented", ".jpg")
    assert not holds_frames_alone(tmp_path)
    assert not holds_frames_alone(tmp_path / "segmented")


def test_whatever_lies_in_masks_beside_frames_they_are_not_alone(tmp_path):
    frames(tmp_path / "frames")
    frames(tmp_path / "masks")
    assert not holds_frames_alone(tmp_path)


def test_drawings_that_are_no_masks_are_not_suggested_as_frames(tmp_path):
    """As SUN-SEG has them: edges and scribbles in the same tree as frames and masks, and called before them."""
    for case in ("case1_1", "case2_1"):
        frames(tmp_path / "Frame" / case)
        for kind in ("GT", "Edge", "Scribble"):
            masks(tmp_path / kind / case)
    told, given = settings(tmp_path)
    assert told == "this would read 6 frames and refuse 0 files; 12 of 24 pictures aren't named by it"
    assert given[:2] == ["images=Frame/*/*.png", "masks=GT/{1}/{stem}.*"]
    assert "found: GT/case1_1/: 3 masks, by the folder's name and their few colours (3 .png)" in refused(tmp_path)


def test_where_drawings_alone_may_be_the_frames_it_is_said(tmp_path):
    masks(tmp_path / "Edge")
    masks(tmp_path / "GT")
    told, given = settings(tmp_path)
    assert (told, given[0]) == (READS_ALL, "images=Edge/*.png")
    assert "images=Edge/*.png below looks drawn, as masks are; name the frames if that is wrong" in refused(tmp_path)


def test_masks_of_one_frame_that_are_laid_together_are_told(tmp_path):
    frames(tmp_path / "images")
    masks(tmp_path / "masks", behind="_rater1")
    assert "over one another" not in refused(tmp_path)
    masks(tmp_path / "masks", behind="_rater2")
    told, given = settings(tmp_path)
    assert (told, given[1]) == (READS_ALL, "masks=masks/{stem}*.*")
    line = "below lays up to 2 masks of a frame over one another, as one a lesion; if they are of several people"
    assert line in refused(tmp_path)
