"""`mcdrl sites check` and the guessed card: what the gate would say, and nothing written."""

import json
import os
import shlex
import shutil

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mcdrl import cli
from mcdrl.base.errors import InputError
from mcdrl.commands.sites.check import check_site, site_of
from mcdrl.commands.sites.classes import with_class
from mcdrl.commands.sites.edit import site_from
from mcdrl.commands.sites.guess import guess_card
from tests.factories import section_params
from tests.imaging.annotations.written import (
    coco,
    coco_annotation,
    coco_image,
    cvat,
    flat,
    labelme,
    labelme_shape,
    tag,
    write,
    yolo,
)  # fmt: skip
from tests.projects import copy_project

CLASSES = ["polyp", "cyst"]
CUT = "; draw or save it at the frame's size; if it is of a part of it, pad it with background, or cut the frame alike"
HEALTHY = "; where none means no lesion: missing_mask: no_lesion"


def frame(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(60, 256, (30, 40, 3), np.uint8)).save(path)


def mask(path, width=40):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("L", (width, 30), 255)
    picture.putpixel((0, 0), 0)
    picture.save(path)


@pytest.fixture
def hospital(tmp_path):
    """Four frames: one fine, one without a mask, one whose mask has another size; a mask of nobody's."""
    root = tmp_path / "hospital"
    for seed, stem in enumerate("abc"):
        frame(root / "images" / f"{stem}.png", seed)
    mask(root / "masks" / "a.png")
    mask(root / "masks" / "c.png", 20)
    mask(root / "masks" / "z.png")
    return root


def as_many_as_a_card_says(project, root, count):
    """Write a folder of frames and masks, and let the card kvasir_seg_flat speak of as many frames."""
    for number in range(count):
        frame(root / "images" / f"{number}.jpg", number)
        mask(root / "masks" / f"{number}.png")
    card = project / "data" / "sites" / "kvasir_seg_flat.yaml"
    card.write_text(card.read_text().replace("frames: 1000", f"frames: {count}"))


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    copy_project(folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")
    return folder


def mcdrl(*arguments):
    return CliRunner().invoke(cli.app, ["sites", *map(str, arguments)])


def tree(folder):
    return sorted((path.as_posix(), path.stat().st_mtime_ns) for path in folder.rglob("*"))


def test_both_sides_of_every_mismatch_are_told(hospital):
    site = site_from("h", {"card": "folder", "root": str(hospital), "lesion_class": "polyp"})
    verdict = check_site("h", site, section_params("ingest", size_px=64), CLASSES, 1)
    assert [(one.kind, one.refused, one.count, one.examples) for one in verdict.findings] == [
        ("mask of another size", True, 1, (("images/c.png", f"frame 40x30, mask 20x30{CUT}"),)),
        ("no mask", True, 1, (("images/b.png", f"expected masks/b.*{HEALTHY}"),)),
        ("mask without a frame", False, 1, (("masks/z.png", "no frame of images/* names it"),)),
    ]
    assert [(count.what, count.expected, count.found) for count in verdict.counts] == [
        ("frames", None, 1),
        ("of these without a lesion", None, 0),
    ]


def test_what_the_card_expects_stands_beside_what_is_there(hospital):
    site = site_from("k", {"card": "kvasir_seg_flat", "root": str(hospital), "images": "images/*"})
    verdict = check_site("k", site, section_params("ingest", size_px=64), CLASSES, 1)
    assert [(one.what, one.expected, one.found, one.differs) for one in verdict.counts] == [
        ("frames", 1000, 1, True),
        ("of these without a lesion", 0, 0, False),
    ]


def test_a_class_that_the_study_does_not_have(hospital):
    site = site_from("h", {"card": "folder", "root": str(hospital), "lesion_class": "polip"})
    with pytest.raises(InputError, match="unknown lesion class 'polip'; did you mean 'polyp'"):
        check_site("h", site, section_params("ingest"), CLASSES, 1)


def test_the_command_checks_a_folder_and_writes_nothing(project, hospital, tmp_path):
    before = tree(tmp_path)
    done = mcdrl("check", hospital, "--lesion-class", "polyp")
    assert done.exit_code == 2
    assert "hospital: 2 refused, hence exit code 2; --allow-refused makes it 0" in done.output
    for part in ("card 'folder'", "refused", "images/b.png", "expected masks/b.*", "frame 40x30, mask 20x30", "z.png"):
        assert part in done.output
    assert mcdrl("check", hospital, "--lesion-class", "polyp", "--allow-refused").exit_code == 0
    assert tree(tmp_path) == before


def test_a_folder_without_one_usable_frame_ends_with_2(project, hospital):
    shutil.rmtree(hospital / "masks")
    done = mcdrl("check", hospital, "--card", "folder", "--lesion-class", "polyp")
    assert done.exit_code == 2


def test_a_folder_whose_name_is_not_utf8_is_told_to_be_renamed(hospital):
    folder = hospital.rename(hospital.with_name(os.fsdecode(b"u8_\xff")))
    with pytest.raises(InputError, match=r"u8_.* is not UTF-8; rename it"):
        site_of(str(folder), {}, {"card": "folder"})


def test_what_dvc_cannot_read_is_an_error(project, hospital, capfd):
    (hospital / "notes").symlink_to(hospital / "nothing")
    done = mcdrl("check", hospital, "--card", "folder", "--lesion-class", "polyp")
    assert done.exit_code == 2
    assert "notes is a link to nothing, which DVC can't read; remove it" in done.output + capfd.readouterr().err
    (hospital / "notes").unlink()
    for ignored in (".git/hook", "images/.a.png.partial"):
        (hospital / ignored).parent.mkdir(exist_ok=True)
        (hospital / ignored).symlink_to("nothing")
    assert mcdrl("check", hospital, "--lesion-class", "polyp", "--allow-refused").exit_code == 0
    os.mkfifo(hospital / "frames.csv")  # the table of a card that guessing tries
    os.mkfifo(hospital / "images" / "pipe.png")
    with pytest.raises(
        InputError, match=r"frames\.csv is no regular file, which DVC can't read \(and 1 more like it\)"
    ):
        guess_card(hospital)
    done = mcdrl("check", hospital, "--card", "folder", "--lesion-class", "polyp")
    assert done.exit_code == 2
    assert "frames.csv is no regular file, which DVC can't read (and 1 more" in done.output + capfd.readouterr().err


def test_all_sites_of_the_study_are_checked_and_one_bad_one_is_enough(project, hospital):
    assert mcdrl("add", "h", hospital, "--lesion-class", "polyp").exit_code == 0
    done = mcdrl("check")
    assert done.exit_code == 2
    assert "h: A folder of frames and masks" in done.output
    assert mcdrl("check", "h", "--allow-refused").exit_code == 0
    assert mcdrl("check", "h").exit_code == 2


def test_neither_site_nor_folder(project):
    said = str(mcdrl("check", "nowhere").exception)
    assert said == "'nowhere' is no site of params.yaml and no folder; legal: A, B, C, D, E"
    assert "did you mean 'folder'" in str(mcdrl("add", "h", "x", "--card", "foldr").exception)


@pytest.mark.parametrize("command", [["check"], ["add", "north"]])
def test_an_archive_in_place_of_a_folder_is_to_be_unpacked(project, command):
    (project / "north.zip").write_bytes(b"PK")
    assert str(mcdrl(*command, "north.zip").exception).startswith("north.zip is an archive, to be unpacked first; give")


def test_tables_beside_the_frames_are_named_with_what_has_them_read(project, hospital):
    for name in ("patients.xlsx", "~$patients.xlsx", "Orte.ODS", "list.csv", "notes.txt"):
        (hospital / name).write_bytes(b"PK")
    (hospital / "table.csv").mkdir()
    lines = [line.strip() for line in mcdrl("check", hospital).output.splitlines() if "isn't read" in line]
    keys = "table_file, table_group, table_class, table_rows say how"
    assert lines == [
        f"Orte.ODS isn't read: save it as CSV UTF-8, then table=Orte.csv, {keys}",
        f"list.csv isn't read: table=list.csv, {keys}",
        f"patients.xlsx isn't read: save it as CSV UTF-8, then table=patients.csv, {keys}",
    ]


def test_annotations_beside_masks_are_named_with_what_has_them_read(project, tmp_path):
    root = tmp_path / "both"
    frame(root / "images" / "a.png", 0)
    mask(root / "masks" / "a.png")
    square = [labelme_shape("polyp", "polygon", LESION)]
    write(root / "all.json", coco([coco_image(1, "a.png")], [coco_annotation(1, 1, 1, [flat(LESION)])]))
    write(root / "via.csv", "filename,region_shape_attributes\n")
    write(root / "boxes" / "a.txt", "0 0.5 0.5 0.25 0.2\n")
    write(root / "cvat" / "a.xml", cvat([("a.png", [])]))
    write(root / "cvat" / "deeper" / "a.xml", cvat([("a.png", [])]))
    for name in "ab":
        write(root / "json" / f"{name}.json", labelme(f"{name}.png", square))
        write(root / "labels" / f"{name}.txt", yolo(0, LESION))
    (root / "folder.json").mkdir()
    done = mcdrl("check", root, "--lesion-class", "polyp")
    assert done.exit_code == 0, done.output
    lines = [line.strip() for line in done.output.splitlines() if "n't read" in line]
    place = "in the masks' place"
    assert lines == [
        f"all.json (COCO annotations) isn't read: annotations=all.json, annotation_format=coco read it {place}",
        "via.csv (VIA annotations) isn't read: in VIA, export as COCO; annotations=FILE, annotation_format=coco read "
        f"that {place}",
        "boxes/a.txt (YOLO boxes) isn't read: a box has no outline, so the masks count",
        f"cvat/a.xml (CVAT annotations) isn't read: annotations=cvat/a.xml, annotation_format=cvat read it {place}",
        "json/a.json, ... (LabelMe annotations) aren't read: annotations=json/*.json, annotation_format=labelme "
        f"may read them {place}",
        "labels/a.txt, ... (YOLO annotations) aren't read: annotations=labels/*.txt, annotation_format=yolo may "
        f"read them {place}",
    ]
    instead = ["--set", "annotations=all.json", "--set", "annotation_format=coco", "--lesion-class", "polyp"]
    done = mcdrl("check", root, *instead)
    assert done.exit_code == 0, done.output
    assert "read as coco annotations" in done.output
    assert "COCO annotations" not in done.output


def test_masks_alone_leave_nothing_unread(project, hospital):
    write(hospital / "notes.json", "{}")
    write(hospital / "masks" / "notes.txt", "1 2 3")
    assert "n't read" not in mcdrl("check", hospital).output


@pytest.mark.parametrize("target", ["nowhere/typo", "notes.txt", "A"])
def test_outside_of_a_project_what_is_no_folder_is_said_first(tmp_path, monkeypatch, target):
    (tmp_path / "notes.txt").touch()
    monkeypatch.chdir(tmp_path)
    said = str(mcdrl("check", target).exception)
    assert said.startswith(f"'{target}' is no folder, and no site's name, as there is no project in {tmp_path}")
    assert str(mcdrl("check").exception).startswith(f"there is no project in {tmp_path}")


def test_a_site_is_added_by_its_folder_alone_where_a_card_reads_it(project, tmp_path):
    root = tmp_path / "clinic"
    for number in (1, 2):
        frame(root / "images" / f"clinicdb_{number:03}.jpg", number)
        mask(root / "masks" / f"clinicdb_{number:03}.png")
    (root / "metadata.csv").write_text("frame_id,sequence_id\nclinicdb_001,1\nclinicdb_002,1\n")
    done = mcdrl("add", "clinic", root)
    assert done.exit_code == 0
    assert "card 'cvc_clinicdb_flat'" in done.output
    assert "{card: cvc_clinicdb_flat, root: " in (project / "params.yaml").read_text()


def test_guesses(project, tmp_path, hospital):
    assert guess_card(hospital).card == "folder"
    polypgen = tmp_path / "polypgen"
    frame(polypgen / "data_C2" / "images_C2" / "x.jpg", 0)
    mask(polypgen / "data_C2" / "masks_C2" / "x_mask.jpg")
    assert guess_card(polypgen).card == "polypgen_c2"
    frame(polypgen / "data_C3" / "images_C3" / "x.jpg", 0)
    mask(polypgen / "data_C3" / "masks_C3" / "x_mask.jpg")
    with pytest.raises(InputError, match=r"several cards fit .*: polypgen_c2, polypgen_c3; choose one"):
        guess_card(polypgen)
    with pytest.raises(InputError, match="no card fits"):
        guess_card(project)
    with pytest.raises(InputError, match="is no folder"):
        guess_card(tmp_path / "nowhere")


def test_cards_of_as_many_frames_are_named_but_not_taken(project, tmp_path):
    as_many_as_a_card_says(project, tmp_path / "c", 88)
    guess = guess_card(tmp_path / "c")
    assert (guess.card, guess.others) == ("folder", ("kvasir_seg_flat",))


def test_cards_are_listed_with_licence_and_way(project):
    lines = mcdrl("cards").output.splitlines()
    assert any(line.startswith("kvasir_seg ") and line.rstrip().endswith("yes") for line in lines)
    assert any(line.startswith("polypgen_c1 ") and line.rstrip().endswith("by hand") for line in lines)


def test_a_plain_folder_has_one_class_and_it_is_said(project, hospital):
    for name in ("b", "c"):
        mask(hospital / "masks" / f"{name}.png")
    done = mcdrl("check", hospital)
    assert done.exit_code == 0
    assert "every lesion of the site is of the class 'lesion', as no class is given; --lesion-class" in done.output
    assert "lesion class lesion: new beside the study's polyp, tumor, " in done.output
    added = mcdrl("add", "clinic", hospital)
    assert added.exit_code == 0
    assert "added to lesion_classes: lesion; build_confounders.class_phrases says what prompts call it" in added.output
    after = (project / "params.yaml").read_text(encoding="utf-8")
    assert "lesion_classes: [polyp, tumor, inflammation, nodule, cyst, lesion]" in after
    assert "cyst: cyst, lesion: lesion}" in after
    assert mcdrl("check", "clinic").exit_code == 0


def test_a_folder_that_is_named_like_a_site_is_checked_with_its_own_class(project, hospital):
    folder = hospital.rename(hospital.with_name("A"))
    result = mcdrl("check", folder, "--card", "folder", "--set", "lesion_class=fissure", "--allow-refused")
    assert result.exit_code == 0, result.output
    assert "lesion class fissure: new beside the study's" in result.output


def test_a_class_like_one_that_is_there_is_taken_for_a_slip(project, hospital):
    done = mcdrl("add", "clinic", hospital, "--lesion-class", "polip")
    assert "did you mean 'polyp'? If it is another class, add it to lesion_classes" in str(done.exception)


def test_the_class_of_an_nnunet_folder_is_its_data_set_s(project, tmp_path):
    root = tmp_path / "Dataset001"
    frame(root / "imagesTr" / "a_0000.png", 0)
    mask(root / "labelsTr" / "a.png")
    (root / "dataset.json").write_text('{"labels": {"background": 0, "polyp": 1}, "file_ending": ".png"}')
    done = mcdrl("check", root)
    assert done.exit_code == 0
    assert "every lesion of the site is of the class 'polyp', as dataset.json calls them" in done.output
    (root / "dataset.json").write_text('{"labels": {"background": 0, "polyp": 1, "cyst": 2}}')
    assert "dataset.json names 2 classes: polyp, cyst; say which" in str(mcdrl("check", root).exception)


@pytest.mark.parametrize(
    ("labels", "named"),
    [
        ({"0": "background", "1": "polyp"}, ["polyp"]),
        ({"0": "Background", "1": "polyp", "2": "cyst"}, ["polyp", "cyst"]),
        ({"Background": 0, "polyp": 1}, ["polyp"]),
        ({"healthy": 0, "polyp": 1, "Ignore": 2}, ["polyp"]),
        ({"background": 0, "whole": [1, 2], "core": 2}, ["whole", "core"]),
        ({"background": "0", "polyp": "1"}, ["polyp"]),
    ],
)
def test_dataset_json_names_classes_by_its_keys_or_by_its_values(project, tmp_path, labels, named):
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
    if len(named) > 1:
        with pytest.raises(InputError, match=f"names {len(named)} classes: {', '.join(named)}; say which"):
            with_class({"card": "nnunet"}, tmp_path)
    else:
        assert with_class({"card": "nnunet"}, tmp_path) == {"card": "nnunet", "lesion_class": named[0]}


@pytest.mark.parametrize("text", ['{"labels": {"background": 0, "polyp": 1', "[" * 100_000])
def test_a_dataset_json_that_cannot_be_read_is_not_passed_over(project, tmp_path, text):
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(InputError, match=r"dataset\.json is not valid JSON.*--lesion-class$"):
        with_class({"card": "nnunet"}, tmp_path)
    assert with_class({"card": "nnunet", "lesion_class": "polyp"}, tmp_path)["lesion_class"] == "polyp"


def test_a_dataset_json_that_is_not_nnunet_s_names_no_class(project, tmp_path):
    (tmp_path / "dataset.json").write_text("[1, 2]")
    assert with_class({"card": "folder"}, tmp_path)["lesion_class"] == "lesion"
    (tmp_path / "other" / "dataset.json").mkdir(parents=True)
    assert with_class({"card": "folder"}, tmp_path / "other")["lesion_class"] == "lesion"


def test_a_dataset_json_with_a_byte_order_mark_names_its_class(project, tmp_path):
    (tmp_path / "dataset.json").write_text('{"labels": {"background": 0, "polyp": 1}}', encoding="utf-8-sig")
    assert with_class({"card": "nnunet"}, tmp_path)["lesion_class"] == "polyp"


def test_frames_and_masks_that_names_alone_pair_are_told_one_by_one_and_so_are_rivals(tmp_path):
    for number in range(3):
        for seed, name in enumerate(("image", "depth")):
            frame(tmp_path / f"{name}_{number}.png", 10 * seed + number)
        mask(tmp_path / f"mask_{number}.png")
    with pytest.raises(InputError) as error:
        guess_card(tmp_path)
    told = "\n  frame_prefix=image_ below has image_0.png and mask_0.png belong together, which their names alone say"
    assert told in str(error.value)
    assert "\n  frame_prefix=depth_ would give these masks to as many other pictures; name those" in str(error.value)
    assert suggestion(error.value)[1].endswith(
        "--set 'images=image_*.png' --set 'masks=mask_{stem}.*' --set frame_prefix=image_"
    )


def test_names_with_a_number_in_what_is_exchanged_are_paired_by_nobody(tmp_path):
    for patient, number in ((1, 1), (1, 2), (2, 1), (2, 2)):
        frame(tmp_path / f"p{patient}_image_{number}.png", 10 * patient + number)
        mask(tmp_path / f"p{patient}_mask_{number}.png")
    with pytest.raises(InputError, match=r"no mask is called like a frame \(p1_mask_1.png, p1_image_1.png\)"):
        guess_card(tmp_path)


def test_padded_numbers_are_not_taken_for_those_without_zeros(tmp_path):
    for number in (1, 2):
        frame(tmp_path / f"image_{number}.png", number)
        mask(tmp_path / f"mask_00{number}.png")
    with pytest.raises(InputError, match=r"no mask is called like a frame \(mask_001.png, image_1.png\); give it the"):
        guess_card(tmp_path)


@pytest.mark.parametrize(
    "given", [("--card", "folder"), ("--set", "images=img/*"), ("--set", "missing_mask=no_lesion")]
)
def test_settings_that_name_no_frame_are_answered_by_those_that_names_propose(project, tmp_path, given):
    for number in range(3):
        frame(tmp_path / "s" / "images" / f"image_{number}.png", number)
        mask(tmp_path / "s" / "masks" / f"mask_{number}.png")
    done = mcdrl("check", tmp_path / "s", *given, "--lesion-class", "polyp")
    said = str(done.exception) if isinstance(done.exception, InputError) else done.output
    command = suggestion(said)[1]
    assert "'masks=masks/mask_{stem}.*' --set frame_prefix=image_ --set lesion_class=polyp" in command
    assert CliRunner().invoke(cli.app, shlex.split(command)).exit_code == 0


def test_what_names_alone_say_is_told_though_the_first_frame_has_no_mask(tmp_path):
    for number in range(1, 7):
        for seed, name in enumerate(("nbi", "wl")):
            frame(tmp_path / f"{name}_{number}.png", 10 * seed + number)
        if number > 1:
            mask(tmp_path / f"mask_{number}.png")
    with pytest.raises(InputError) as error:
        guess_card(tmp_path, {"missing_mask": "no_lesion"})
    taken, rival = ("nbi", "wl") if "frame_prefix=nbi_ below" in str(error.value) else ("wl", "nbi")
    assert f"frame_prefix={taken}_ below has {taken}_2.png and mask_2.png belong together" in str(error.value)
    assert f"frame_prefix={rival}_ would give these masks to as many other pictures" in str(error.value)


def test_masks_that_no_frame_names_are_told_where_frames_without_one_have_no_lesion(tmp_path):
    for number in range(1, 26):
        frame(tmp_path / "images" / f"image_{number}.png", number)
        mask(tmp_path / "masks" / f"mask_{number:02}.png")
    with pytest.raises(InputError) as error:
        guess_card(tmp_path, {"missing_mask": "no_lesion"})
    assert "9 masks, such as mask_01.png, are of no frame that is read below" in str(error.value)


def suggestion(error):
    (line,) = [line for line in str(error).splitlines() if "mcdrl sites check" in line]
    return line.strip().partition(": mcdrl ")[::2]


@pytest.mark.parametrize(
    ("frames", "masks", "settings"),
    [
        (
            ["images/case (0).png", "images/case (1).png"],
            ["masks/case (0)_mask.png", "masks/case (0)_mask_1.png", "masks/case (1)_mask.png"],
            "--set 'images=images/*.png' --set 'masks=masks/{stem}_mask*.*'",
        ),
        (
            ["p1/images/0.png", "p2/images/0.png"],
            ["p1/masks/0.png", "p2/masks/0.png"],
            "--set 'images=*/images/*.png' --set 'masks={0}/masks/{stem}.*' --set folder_group=0 --set case_ids=path",
        ),
        (
            ["img/a_0000.png", "img/b_0000.png"],
            ["labels/a.png", "labels/b.png"],
            "--set 'images=img/*.png' --set 'masks=labels/{stem}.*' --set frame_suffix=_0000",
        ),
        (["a.png", "b.png"], ["a_mask.png", "b_mask.png"], "--set 'images=*.png' --set 'masks={stem}_mask.*'"),
        (  # what frames' names begin with is exchanged
            ["image_001.png", "image_002.png", "image_010.png"],
            ["mask_001.png", "mask_002.png", "mask_010.png"],
            "--set 'images=*.png' --set 'masks=mask_{stem}.*' --set frame_prefix=image_",
        ),
        (
            ["img1.png", "img2.png", "img11.png"],
            ["gt1.png", "gt2.png", "gt11.png"],
            "--set 'images=*.png' --set 'masks=gt{stem}.*' --set frame_prefix=img",
        ),
        (
            ["set/frame-12.png", "set/frame-2.png"],
            ["set/label-12.png", "set/label-2.png"],
            "--set 'images=set/*.png' --set 'masks=set/label-{stem}.*' --set frame_prefix=frame-",
        ),
        (
            ["images/image_polyp_1.png", "images/image_polyp_2.png"],
            ["masks/mask_polyp_1.png", "masks/mask_polyp_2.png"],
            "--set 'images=images/*.png' --set 'masks=masks/mask_{stem}.*' --set frame_prefix=image_",
        ),
        (
            ["images/image_1.png", "images/image_12.png"],
            ["masks/1.png", "masks/12.png"],
            "--set 'images=images/*.png' --set 'masks=masks/{stem}.*' --set frame_prefix=image_",
        ),
        (  # or what they end with, or both
            ["img_1_rgb.png", "img_2_rgb.png"],
            ["img_1_mask.png", "img_2_mask.png"],
            "--set 'images=*.png' --set 'masks={stem}_mask.*' --set frame_suffix=_rgb",
        ),
        (
            ["a/image_1_rgb.png", "a/image_2_rgb.png"],
            ["masks/mask_1_gt.png", "masks/mask_2_gt.png"],
            "--set 'images=a/*.png' --set 'masks=masks/mask_{stem}_gt.*' --set frame_prefix=image_ "
            "--set frame_suffix=_rgb",
        ),
        (
            ["p1/image_1.png", "p1/image_2.png", "p2/image_1.png"],
            ["p1/mask_1.png", "p1/mask_2.png", "p2/mask_1.png"],
            "--set 'images=*/*.png' --set 'masks={0}/mask_{stem}.*' --set folder_group=0 --set frame_prefix=image_ "
            "--set case_ids=path",
        ),
        (
            ["image_1.png", "image_2.png"],
            ["mask_1_1.png", "mask_1_2.png", "mask_2_1.png"],
            "--set 'images=*.png' --set 'masks=mask_{stem}*.*' --set frame_prefix=image_",
        ),
        (  # frames may begin as masks do
            ["label_1.png", "label_2.png"],
            ["label_1_mask.png", "label_2_mask.png"],
            "--set 'images=*.png' --set 'masks={stem}_mask.*'",
        ),
        (  # folders as of BKAI-IGH NeoPolyp
            ["train/a1.png", "train/b2.png"],
            ["train_gt/a1.png", "train_gt/b2.png"],
            "--set 'images=train/*.png' --set 'masks=train_gt/{stem}.*'",
        ),
        (
            ["train/train/a1.png", "train/train/b2.png"],
            ["train_gt/train_gt/a1.png", "train_gt/train_gt/b2.png"],
            "--set 'images=train/train/*.png' --set 'masks=train_gt/train_gt/{stem}.*'",
        ),
        (
            ["train/a1.png", "train/b2.png"],
            ["train_gt/a1_gt.png", "train_gt/b2_gt.png"],
            "--set 'images=train/*.png' --set 'masks=train_gt/{stem}_gt.*'",
        ),
        (
            ["train/a1.png", "test/b2.png"],
            ["train_gt/a1.png", "test_gt/b2.png"],
            "--set 'images=*/*.png' --set 'masks={0}_gt/{stem}.*'",
        ),
        (
            ["frames/x/1.png", "frames/y/10.png"],
            ["gt/x/p1.png", "gt/y/p10.png"],
            "--set 'images=frames/*/*.png' --set 'masks=gt/{1}/p{stem}.*' --set folder_group=1",
        ),
        (  # masks beside the frames of each patient
            ["M\u00fcller, Anna/0.png", "M\u00fcller, Anna/1.png", "Z [2]/0.png"],
            ["M\u00fcller, Anna/0_mask.png", "M\u00fcller, Anna/1_mask.png", "Z [2]/0_mask.png"],
            "--set 'images=*/*.png' --set 'masks={0}/{stem}_mask.*' --set folder_group=0 --set case_ids=path",
        ),
        (  # folders of a split are no patients, those in them are
            ["Train/a/0.png", "Train/a/1.png", "val_2/b/0.png"],
            ["Train/a/0-gt.png", "Train/a/1-gt.png", "val_2/b/0-gt.png"],
            "--set 'images=*/*/*.png' --set 'masks={0}/{1}/{stem}-gt.*' --set folder_group=1 --set case_ids=path",
        ),
        (
            ["train/images/0.png", "TEST/images/1.png", "valid/images/2.png"],
            ["train/masks/0.png", "TEST/masks/1.png", "valid/masks/2.png"],
            "--set 'images=*/images/*.png' --set 'masks={0}/masks/{stem}.*'",
        ),
        (  # a folder a frame
            ["a/frame.png", "b/frame.png", "c/frame.png"],
            ["a/mask.png", "b/mask.png", "c/mask.png"],
            "--set 'images=*/frame.png' --set 'masks={0}/mask.*' --set case_ids=path",
        ),
        (
            ["p1/a/frame.png", "p1/b/frame.png", "p2/a/frame.png"],
            ["p1/a/label.png", "p1/b/label.png", "p2/a/label.png"],
            "--set 'images=*/*/frame.png' --set 'masks={0}/{1}/label.*' --set folder_group=0 --set case_ids=path",
        ),
        (  # a folder a frame, with several masks
            ["a/image.png", "b/image.png", "c/image.png"],
            ["a/mask.png", "a/mask2.png", "b/mask.png", "b/mask2.png", "b/mask 3.png", "c/mask.png"],
            "--set 'images=*/image.png' --set 'masks={0}/mask*.*' --set case_ids=path",
        ),
        (
            ["a/image.png", "b/image.png"],
            ["a/mask_1.png", "a/mask_2.png", "b/mask_1.png", "b/mask_2.png"],
            "--set 'images=*/image.png' --set 'masks={0}/mask*.*' --set case_ids=path",
        ),
        (  # folders of classes are none of patients
            ["benign/b (1).png", "malignant/m (1).png", "normal/n (1).png"],
            ["benign/b (1)_mask.png", "malignant/m (1)_mask.png", "normal/n (1)_mask.png"],
            "--set 'images=*/*.png' --set 'masks={0}/{stem}_mask.*'",
        ),
        (
            ["images/adenoma/1.png", "images/Hyperplastic polyps/2.png"],
            ["masks/adenoma/1.png", "masks/Hyperplastic polyps/2.png"],
            "--set 'images=images/*/*.png' --set 'masks=masks/{1}/{stem}.*'",
        ),
        (  # nor are those of the study's
            ["images/inflammation/1.png", "images/NODULE/2.png"],
            ["masks/inflammation/1.png", "masks/NODULE/2.png"],
            "--set 'images=images/*/*.png' --set 'masks=masks/{1}/{stem}.*'",
        ),
        (  # nor those of hospitals or of whatever lies above the last that hold several frames
            ["hospital_a/p1/0.png", "hospital_b/p2/1.png"],
            ["hospital_a/p1/0_mask.png", "hospital_b/p2/1_mask.png"],
            "--set 'images=*/*/*.png' --set 'masks={0}/{1}/{stem}_mask.*' --set folder_group=1",
        ),
        (
            ["bonn/p1/0.png", "bonn/p1/1.png", "lyon/p2/2.png"],
            ["bonn/p1/0_mask.png", "bonn/p1/1_mask.png", "lyon/p2/2_mask.png"],
            "--set 'images=*/*/*.png' --set 'masks={0}/{1}/{stem}_mask.*' --set folder_group=1",
        ),
        (
            ["a/images/a.png", "b/images/b.png"],
            ["a/masks/1.png", "a/masks/2.png", "b/masks/7.png"],
            "--set 'images=*/images/*.png' --set 'masks={0}/masks/*'",
        ),
    ],
)
def test_what_would_read_an_unknown_folder_is_said_and_does(project, tmp_path, frames, masks, settings):
    root = tmp_path / "their folder"
    for seed, name in enumerate(frames):
        frame(root / name, seed)
    for name in masks:
        mask(root / name)
    with pytest.raises(InputError) as error:
        guess_card(root)
    told, command = suggestion(error.value)
    assert told == f"this would read {len(frames)} frames and refuse 0 files"
    assert command == f"sites check '{root}' --card folder {settings}"
    done = CliRunner().invoke(cli.app, shlex.split(command))
    assert done.exit_code == 0, done.output


def test_files_beside_the_frames_are_left_out_by_their_ending_or_told_with_the_reason(project, tmp_path):
    for number, part in enumerate(("train", "valid", "valid")):
        frame(tmp_path / "x" / part / f"{number}.jpg", number)
        mask(tmp_path / "x" / part / f"{number}_mask.png")
        write(tmp_path / "x" / part / "_classes.csv", "Pixel Value, Class\n0, background\n1, polyp\n")
    told, command = suggestion(mcdrl("check", tmp_path / "x", "--lesion-class", "polyp").exception)
    assert told == "this would read 3 frames and refuse 0 files"
    assert "--set 'images=*/*.jpg' --set 'masks={0}/{stem}_mask.*' --set lesion_class" in command
    assert CliRunner().invoke(cli.app, shlex.split(command)).exit_code == 0
    for number in range(3):
        frame(tmp_path / "y" / f"{number}.png", number)
        frame(tmp_path / "y" / f"{number}_overlay.png", 10 + number)
        mask(tmp_path / "y" / f"{number}-mask.png")
    with pytest.raises(InputError, match=r"files that are refused below: 3 x no mask, e\.g\. 0_overlay\.png: expected"):
        guess_card(tmp_path / "y")


def test_what_a_suggestion_leaves_out_and_takes_for_a_patient_is_said(project, tmp_path):
    for part in ("p1", "p2", "p3", "p4"):
        frame(tmp_path / "x" / part / "0.png", int(part[1]))
        mask(tmp_path / "x" / part / "0_mask.png")
    frame(tmp_path / "x" / "new" / "more" / "1.png", 9)
    with pytest.raises(InputError, match=r"folder_group=0 below .* a guess: 'p1', 'p2', 'p3', \.\.\.; leave") as error:
        guess_card(tmp_path / "x")
    told, _ = suggestion(error.value)
    assert told == "this would read 4 frames and refuse 0 files; 1 of 9 pictures aren't named by it"
    with pytest.raises(InputError) as error:
        guess_card(tmp_path / "x", {"folder_group": 0, "lesion_class": "polyp"})
    assert "guess" not in str(error.value)


def test_where_folders_cannot_be_read_together_one_of_them_is_alone(project, tmp_path):
    for number in range(6):
        frame(tmp_path / "x" / "ab"[number % 2] / f"{number // 2}.png", number)
        mask(tmp_path / "x" / "ab"[number % 2] / f"{number // 2}_mask.png")
    told, command = suggestion(mcdrl("check", tmp_path / "x", "--set", "case_ids=stem").exception)
    assert told == "this would read 3 frames and refuse 0 files; 6 of 12 pictures aren't named by it"
    assert "--set 'images=a/*.png' --set 'masks=a/{stem}_mask.*' --set case_ids=stem" in command


def test_what_a_tool_leaves_in_a_folder_a_frame_is_passed_over(project, tmp_path):
    """As labelme_json_to_dataset does: a picture to look at beside the labels."""
    for number in range(3):
        folder = tmp_path / "x" / f"f{number}_json"
        frame(folder / "img.png", number)
        mask(folder / "label.png")
        painted(folder / "label_viz.png")
        write(folder / "label_names.txt", "_background_\npolyp\n")
    told, command = suggestion(mcdrl("check", tmp_path / "x", "--lesion-class", "polyp").exception)
    assert told == "this would read 3 frames and refuse 0 files"
    assert "--set 'masks={0}/label.*' --set case_ids=path --set mask_extras=ignore" in command
    said = " ".join(str(mcdrl("check", tmp_path / "x", "--lesion-class", "polyp").exception).split())
    assert "mask_extras=ignore below leaves out 3 files that are called like masks: 'label_viz.png'; a lesion" in said
    done = CliRunner().invoke(cli.app, shlex.split(command))
    assert done.exit_code == 0, done.output


def test_what_is_made_to_be_looked_at_becomes_no_mask_and_further_masks_that_are_left_out_are_named(project, tmp_path):
    for number in range(3):
        folder = tmp_path / "x" / f"f{number}"
        frame(folder / "image.png", number)
        for name in ("mask.png", "mask2.png", "mask_overlay.png"):
            mask(folder / name)
    with pytest.raises(InputError) as error:
        guess_card(tmp_path / "x")
    told, command = suggestion(error.value)
    assert told == "this would read 3 frames and refuse 0 files"
    assert command.endswith("--set 'masks={0}/mask.*' --set case_ids=path --set mask_extras=ignore")
    assert "leaves out 6 files that are called like masks: 'mask2.png', 'mask_overlay.png';" in str(error.value)


def test_the_command_line_that_is_suggested_keeps_what_was_typed(project, tmp_path):
    for number in range(2):
        frame(tmp_path / "x" / "p1" / "img" / f"{number}.png", number)
        mask(tmp_path / "x" / "p1" / "gt" / f"{number}.png")
        frame(tmp_path / "x" / "p2" / "img" / f"{number}.png", 2 + number)
        mask(tmp_path / "x" / "p2" / "gt" / f"{number}.png")
    typed = ["--set", "view=[0, 0, 1, 0.5]", "--set", "folder_group=1", "--set", "channels=bgr"]
    done = mcdrl("check", tmp_path / "x", "--lesion-class", "polyp", *typed)
    _, command = suggestion(done.exception)
    kept = "--set case_ids=path --set lesion_class=polyp --set 'view=[0, 0, 1, 0.5]' --set folder_group=1"
    assert command.endswith(f"--set 'masks={{0}}/gt/{{stem}}.*' {kept} --set channels=bgr")
    done = CliRunner().invoke(cli.app, shlex.split(command))
    assert done.exit_code == 0, done.output
    assert "of the class 'lesion'" not in done.output


def offered(root, labels, *typed):
    """What is said of a folder of one frame with these labels, and the command that is offered for it."""
    frame(root / "a.png", 0)
    write(root / "a.json", labelme("a.png", [labelme_shape(label, "polygon", LESION) for label in labels]))
    said = mcdrl("check", root, *typed).exception
    return str(said), suggestion(said)


@pytest.mark.parametrize(
    ("labels", "typed", "meant", "left"),
    [
        (["Polyp", "instrument"], [], {"Polyp": "polyp"}, "instrument"),
        (["polyp", "instrument"], ["--lesion-class", "polyp"], {"polyp": "polyp"}, "instrument"),
        (["WART", "polyps"], ["--lesion-class", "wart"], {"WART": "wart"}, "polyps"),
        (["polyp", "p1", "p2"], ["--lesion-class", "wart"], {"polyp": "wart"}, "p1, p2"),
        (["Background", "p1"], [], {"Background": None}, "p1"),
    ],
)
def test_of_several_labels_none_becomes_a_lesion_that_no_lesion_class_is_called_like(
    project, tmp_path, labels, typed, meant, left
):
    said, (told, command) = offered(tmp_path / "x", labels, *typed)
    assert f"no lesion class is called like: {left}; list each in label_class: a class, null (no lesion" in said
    assert told == "once label_class has all labels, this would read 1 frames and refuse 0 files"
    assert command.endswith(f"--set 'label_class={json.dumps(meant)}'")
    done = CliRunner().invoke(cli.app, shlex.split(command))
    assert done.exit_code == 2
    first = left.partition(",")[0]
    assert f"'{first}'; list it in label_class: a class, null (no lesion) or ignore" in " ".join(done.output.split())


@pytest.mark.parametrize("typed", [[], ["--lesion-class", "polyp"]])
@pytest.mark.parametrize("labels", [["p1", "instrument"], ["none", "background"]])
def test_where_no_label_is_called_like_a_lesion_class_all_are_asked_for(project, tmp_path, capfd, labels, typed):
    said, (told, command) = offered(tmp_path / "x", labels, *typed)
    assert f"no lesion class is called like: {', '.join(sorted(labels))}; list each in label_class" in said
    assert told.startswith("once label_class has all labels, this would read 1 frames")
    assert command.endswith("--set annotation_format=labelme")
    done = CliRunner().invoke(cli.app, shlex.split(command))
    assert done.exit_code == 2
    assert "say which are lesions: label_class: {" in done.output + capfd.readouterr().err


def test_a_class_of_the_study_is_suggested_as_the_study_spells_it(project, tmp_path):
    path = project / "params.yaml"
    path.write_text(path.read_text().replace("polyp", "Flat Polyp"))
    _, (_, command) = offered(tmp_path / "x", ["flat_polyp", "instrument"])
    assert command.endswith("""--set 'label_class={"flat_polyp": "Flat Polyp"}'""")


def test_a_class_that_was_typed_is_that_of_the_only_label(project, tmp_path):
    said, (told, command) = offered(tmp_path / "x", ["p1"], "--lesion-class", "polyp")
    assert told == "this would read 1 frames and refuse 0 files"
    assert "no lesion class is called like" not in said
    assert command.endswith("""--set 'label_class={"p1": "polyp"}'""")
    done = CliRunner().invoke(cli.app, shlex.split(command))
    assert done.exit_code == 0, done.output


def both_labels(root):
    """A folder whose COCO file has a polyp and an instrument."""
    frame(root / "pictures" / "a.png", 0)
    drawn = [coco_annotation(number, 1, number, [flat(LESION)]) for number in (1, 2)]
    write(root / "all.json", coco([coco_image(1, "a.png")], drawn, ((1, "polyp"), (2, "instrument"))))


@pytest.mark.parametrize("typed", [[], ["--lesion-class", "polyp"]])
def test_what_was_typed_of_labels_is_kept(project, tmp_path, typed):
    both_labels(tmp_path / "x")
    done = mcdrl("check", tmp_path / "x", *typed, "--set", "label_class={polyp: polyp, instrument: null}")
    told, command = suggestion(done.exception)
    assert told == "this would read 1 frames and refuse 0 files"
    assert command.endswith("""--set 'label_class={"polyp": "polyp", "instrument": null}'""")
    assert "for a lesion class" not in str(done.exception)
    done = CliRunner().invoke(cli.app, shlex.split(command))
    assert done.exit_code == 0, done.output


@pytest.fixture
def six(tmp_path):
    """Six frames with masks in folders of unusual names, and a table that lacks two of them."""
    for number in range(6):
        frame(tmp_path / "six" / "img" / f"{number}.png", number)
        mask(tmp_path / "six" / "gt" / f"{number}.png")
    rows = "".join(f"{number}.png,p{number}\n" for number in range(4))
    write(tmp_path / "six" / "t.csv", f"file,patient\n{rows}")
    return tmp_path / "six"


def test_what_is_said_to_be_read_was_tried_with_what_was_typed(project, six):
    done = mcdrl("check", six, "--set", "table=t.csv", "--set", "table_group=patient")
    told, command = suggestion(done.exception)
    assert told == "this would read 4 frames and refuse 2 files"
    done = CliRunner().invoke(cli.app, shlex.split(command))
    assert "six: 2 refused" in done.output


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("frame_suffix=_z", "6 x "),
        ("table=none.csv", "none.csv"),
        ("mask_threshold=dark", "mask_threshold"),
        ("annotation_format=coco", "needs annotations"),
    ],
)
def test_where_what_was_typed_reads_nothing_it_is_left_out_and_the_reason_said(project, six, typed, reason):
    said = mcdrl("check", six, "--set", typed).exception
    key = typed.partition("=")[0]
    (line,) = [line for line in str(said).splitlines() if "no frame would be read" in line]
    assert line.startswith(f"  below without {key} as given, with which no frame would be read: ")
    assert reason in line
    told, command = suggestion(said)
    assert told == "this would read 6 frames and refuse 0 files"
    assert key not in command


def test_masks_of_values_that_were_typed_are_read_by_them(project, six):
    for path in (six / "gt").iterdir():
        values = Image.new("L", (40, 30), 7)
        values.paste(3, (0, 0, 20, 30))
        values.paste(0, (0, 0, 9, 9))
        values.save(path)
    done = mcdrl("check", six, "--set", "mask_values={3: polyp, 7: cyst}")
    told, command = suggestion(done.exception)
    assert told == "this would read 6 frames and refuse 0 files"
    done = CliRunner().invoke(cli.app, shlex.split(command))
    assert done.exit_code == 0, done.output


def test_of_a_key_that_was_found_and_typed_what_was_typed_counts(project, tmp_path):
    for part in ("p1", "p2"):
        frame(tmp_path / "x" / part / "img" / f"{part}.png", 0)
        frame(tmp_path / "x" / part / "img" / "0.png", int(part[1]))
        for name in (part, "0"):
            mask(tmp_path / "x" / part / "gt" / f"{name}.png")
    _, command = suggestion(mcdrl("check", tmp_path / "x", "--set", "case_ids=stem").exception)
    assert "--set case_ids=stem" in command
    for number in range(6):
        frame(tmp_path / "y" / "img" / f"{number}.png", number)
        mask(tmp_path / "y" / "gt" / f"{number}.png")
    painted(tmp_path / "y" / "gt" / "0_overlay.png")
    told, command = suggestion(mcdrl("check", tmp_path / "y", "--set", "mask_extras=refuse").exception)
    assert told.startswith("this would read 6 frames and refuse 0 files by their names; of 6 looked into it reads 5")
    assert command.endswith("--set 'masks=gt/{stem}*.*' --set mask_extras=refuse")


def painted(path):
    rng = np.random.default_rng(len(path.name))
    Image.fromarray(rng.integers(60, 200, (30, 40, 3)).astype(np.uint8)).save(path)


@pytest.mark.parametrize(
    ("name", "behind", "settings"),
    [
        ("{0}", ["{0}_overlay"], "'masks=masks/{stem}.*' --set mask_extras=ignore"),
        ("{0}_1", ["{0}_2"], "'masks=masks/{stem}*.*'"),
    ],
)
def test_what_is_said_to_read_a_folder_was_tried_on_its_pixels(project, tmp_path, name, behind, settings):
    """A painted frame lies beside each mask: by their names both would be masks."""
    root = tmp_path / "theirs"
    for number in range(6):
        frame(root / "images" / f"{number}.png", number)
        mask(root / "masks" / f"{name.format(number)}.png")
        for other in behind:
            path = root / "masks" / f"{other.format(number)}.png"
            painted(path) if "overlay" in other else mask(path)
    with pytest.raises(InputError) as error:
        guess_card(root)
    told, command = suggestion(error.value)
    assert told == "this would read 6 frames and refuse 0 files"
    assert command.endswith(settings)
    done = CliRunner().invoke(cli.app, shlex.split(command))
    assert done.exit_code == 0, done.output


def test_a_folder_whose_pixels_no_setting_reads_is_not_said_to_be_read(project, tmp_path):
    for number in range(3):
        frame(tmp_path / "x" / "img" / f"{number}.png", number)
        (tmp_path / "x" / "gt").mkdir(exist_ok=True)
        painted(tmp_path / "x" / "gt" / f"{number}.png")
    with pytest.raises(InputError, match=r"by their names; of 3 looked into it reads 0 \(img/0\.png: mask values that"):
        guess_card(tmp_path / "x")


def test_what_is_found_in_a_folder_that_nothing_reads_is_named(project, tmp_path):
    root = tmp_path / "export"
    frame(root / "images" / "0.png", 0)
    for name, text in {
        "instances.json": '{"images": [], "annotations": [], "categories": []}',
        "labelme/0.json": '{"version": "5", "shapes": [], "imagePath": "0.png"}',
        "annotations.xml": '<?xml version="1.0"?><annotations><version>1.1</version></annotations>',
        "boxes/0.xml": "<annotation><object><bndbox></bndbox></object></annotation>",
        "more.zip": "", "clip.mp4": "", "list.csv": "", "masks\\0.png": "", "broken.json": "\x00{[",
    }.items():  # fmt: skip
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    with pytest.raises(InputError) as error:
        guess_card(root)
    lines = [line.strip().removeprefix("found: ") for line in str(error.value).splitlines()]
    for line in (
        "images/: 1 pictures (1 .png), such as 0.png",
        "1 x COCO annotations: instances.json",
        "1 x LabelMe annotations: labelme/0.json",
        "1 x CVAT annotations: annotations.xml",
        "1 x Pascal VOC boxes: boxes/0.xml",
        "1 x archives, to be unpacked first: more.zip",
        "1 x videos, to be cut into frames first: clip.mp4",
        "1 x tables: list.csv",
        "1 x json files: broken.json",
        "1 names with a backslash, unpack them anew: masks\\0.png",
        f"this would read 1 frames and refuse 0 files; 1 of 2 pictures aren't named by it: mcdrl sites check {root} "
        "--card folder --set 'images=images/*.png' --set annotations=labelme/0.json --set annotation_format=labelme",
        "COCO annotations that can't be read: annotations 'instances.json' are of another data set: not one of the 1 "
        "frames, such as images/0.png, is named in them; the first name in them is nothing",
    ):
        assert line in lines, (line, lines)
    assert not any("polypgen" in line for line in lines)


def test_annotations_that_nothing_reads_are_said_to_be_so(project, tmp_path):
    frame(tmp_path / "via" / "0.png", 0)
    write(tmp_path / "via" / "via.json", '{"_via_img_metadata": {}}')
    with pytest.raises(InputError, match="VIA annotations aren't read; export them as masks"):
        guess_card(tmp_path / "via")


LESION = [(2, 3), (12, 3), (12, 9), (2, 9)]
BOX = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 3, 10, 6]}
UNUSABLE = {
    "boxes of coco": (
        "all.json",
        coco([coco_image(1, "a.png")], [BOX]),
        "1 x COCO annotations: all.json",
        "COCO annotations that can't be read: 1 x box without an outline, e.g. img/a.png: all.json annotation 1 has no "
        "segmentation; export polygons or masks",
    ),
    "boxes of yolo": (
        "labels/a.txt",
        "0 0.5 0.5 0.25 1\n0 0.25 5e-02 0.1 0.1\n",
        "1 x YOLO boxes: labels/a.txt",
        "YOLO boxes that can't be read: 1 x box without an outline, e.g. img/a.png: labels/a.txt line 1 has a box "
        "alone; export polygons",
    ),
    "truncated": (
        "all.json",
        '{"images": [{"id": 1,',
        "1 x json files: all.json",
        "all.json is not valid JSON: Expecting property name enclosed in double quotes: line 1 column 22 (char 21); "
        "export it anew",
    ),
    "via without a region": (
        "via.json",
        '{"a.png12": {"filename": "a.png", "size": 12, "regions": [], "file_attributes": {}}}',
        "1 x VIA annotations: via.json",
        "VIA annotations aren't read; export them as masks, a PNG a frame, or, in VIA, as COCO",
    ),
}  # what lies beside a frame, as what it is found, and why it can't be used


@pytest.mark.parametrize("case", UNUSABLE)
def test_why_annotations_cannot_be_used_is_said(project, tmp_path, case):
    name, text, found, why = UNUSABLE[case]
    frame(tmp_path / "export" / "img" / "a.png", 0)
    write(tmp_path / "export" / "data.yaml", "names: [polyp]")
    write(tmp_path / "export" / name, text)
    said = str(mcdrl("check", tmp_path / "export", "--lesion-class", "polyp").exception)
    lines = [line.strip().removeprefix(f"{tmp_path / 'export'}/") for line in said.splitlines()]
    assert f"found: {found}" in lines
    assert why in lines
    assert "mcdrl sites check" not in said


def test_of_several_json_files_that_are_damaged_the_first_is_told(project, tmp_path):
    frame(tmp_path / "img" / "a.png", 0)
    for name, text in (("a", "{}"), ("b", "{"), ("c", "["), ("d", "")):
        write(tmp_path / f"{name}.json", text)
    with pytest.raises(InputError, match=r"b\.json is not valid JSON: .* \(and 2 more like it\); export it anew"):
        guess_card(tmp_path)


def test_boxes_beside_frames_without_a_lesion_are_not_passed_over(project, tmp_path):
    for root, name in ((tmp_path / "yolo", "a.txt"), (tmp_path / "coco", "all.json")):
        for seed, stem in enumerate("ab"):
            frame(root / "img" / f"{stem}.png", seed)
        two = [coco_image(1, "a.png"), coco_image(2, "b.png")]
        write(root / name, "0 0.5 0.5 0.25 0.2" if root.name == "yolo" else coco(two, [BOX]))
    write(tmp_path / "yolo" / "b.txt", "")
    said = str(mcdrl("check", tmp_path / "yolo").exception)
    assert "YOLO boxes that can't be read: " in said
    assert "mcdrl sites check" not in said
    said = str(mcdrl("check", tmp_path / "coco").exception)
    assert (
        "COCO annotations, of the files that are refused: 1 x box without an outline, e.g. img/a.png: all.json" in said
    )
    assert "this would read 1 frames and refuse 1 files: mcdrl sites check" in said


def test_boxes_among_outlines_are_read_with_them(project, tmp_path):
    for seed, stem in enumerate("ab"):
        frame(tmp_path / "x" / "img" / f"{stem}.png", seed)
    write(tmp_path / "x" / "labels" / "a.txt", yolo(0, LESION))
    write(tmp_path / "x" / "labels" / "b.txt", "0 0.5 0.5 0.25 0.2")
    write(tmp_path / "x" / "boxes" / "a.txt", "0 0.5 0.5 0.25 0.2")
    said = mcdrl("check", tmp_path / "x").exception
    assert "e.g. img/b.png: labels/b.txt line 1 has a box alone" in str(said)
    told, command = suggestion(said)
    assert told == "this would read 1 frames and refuse 1 files"
    assert "--set 'annotations=labels/*.txt'" in command


ANNOTATED = {
    "coco": (
        ["frames/a.png", "frames/b.png"],
        {
            "annotations/all.json": coco(
                [coco_image(1, "a.png"), coco_image(2, "b.png")],
                [coco_annotation(1, 1, 1, [flat(LESION)]), coco_annotation(2, 2, 2, [flat(LESION)])],
                ((1, "Polyp"), (2, "Cyst")),
            )
        },
        "--set 'images=frames/*.png' --set annotations=annotations/all.json --set annotation_format=coco "
        """--set 'label_class={"Cyst": "cyst", "Polyp": "polyp"}'""",
    ),
    "split": (
        ["train/0.png", "valid/0.png"],
        {
            f"{split}/_annotations.coco.json": coco(
                [coco_image(1, "0.png")], [coco_annotation(1, 1, 1, [flat(LESION)])]
            )
            for split in ("train", "valid")
        },
        "--set 'images=*/*.png' --set 'annotations=*/_annotations.coco.json' --set annotation_format=coco "
        """--set case_ids=path --set 'label_class={"polyp": "polyp"}'""",
    ),
    "labelme": (
        ["a.png", "b [1].png"],
        {
            f"{name}.json": labelme(f"{name}.png", [labelme_shape("polyp", "polygon", LESION)])
            for name in ("a", "b [1]")
        },
        "--set 'images=*.png' --set 'annotations=*.json' --set annotation_format=labelme "
        """--set 'label_class={"polyp": "polyp"}'""",
    ),
    "cvat": (
        ["images/a.png", "images/b.png"],
        {"annotations.xml": cvat([("a.png", []), ("b.png", [tag("box", label="polyp", xtl=1, ytl=1, xbr=9, ybr=9)])])},
        "--set 'images=images/*.png' --set annotations=annotations.xml --set annotation_format=cvat "
        """--set 'label_class={"polyp": "polyp"}'""",
    ),
    "yolo": (
        ["images/train/a.png", "images/val/b.png"],
        {
            "data.yaml": "names: [polyp]",
            "README.txt": "Exported.",
            "labels/train/a.txt": yolo(0, LESION),
            "labels/val/b.txt": yolo(0, LESION),
            "labels/val/train.txt": "images/train/a.png\n",
        },
        "--set 'images=images/*/*.png' --set 'annotations=labels/*/*.txt' --set annotation_format=yolo "
        """--set 'label_class={"polyp": "polyp"}'""",
    ),
}  # what lies in a folder, and what reads it


@pytest.mark.parametrize("form", ANNOTATED)
def test_what_reads_the_files_of_an_annotation_tool_is_said_and_does(project, tmp_path, form):
    root = tmp_path / "export"
    frames, files, settings = ANNOTATED[form]
    for seed, name in enumerate(frames):
        frame(root / name, seed)
    for name, text in files.items():
        write(root / name, text)
    with pytest.raises(InputError) as error:
        guess_card(root)
    told, command = suggestion(error.value)
    assert ("for a lesion class: Cyst, Polyp; put null" in str(error.value)) == (form == "coco")
    assert told == "this would read 2 frames and refuse 0 files"
    assert command == f"sites check {root} --card folder {settings}"
    done = CliRunner().invoke(cli.app, shlex.split(command))
    assert done.exit_code == 0, done.output
    assert "annotations" in done.output
    added = ["sites", "add", "new", str(root), *shlex.split(command)[3:]]
    done = CliRunner().invoke(cli.app, added)
    assert done.exit_code == 0, done.output
    assert CliRunner().invoke(cli.app, ["sites", "check", "new"]).exit_code == 0


@pytest.mark.parametrize(
    ("typed", "cyst", "polyp"), [([], "cyst", "polyp"), (["--lesion-class", "wart"], "wart", "wart")]
)
def test_a_label_that_says_that_there_is_no_lesion_is_suggested_as_none(project, tmp_path, typed, cyst, polyp):
    root = tmp_path / "export"
    frame(root / "img" / "a.png", 0)
    shapes = [labelme_shape(one, "polygon", LESION) for one in ("polyp", "cyst", "Background", "None", "ignore")]
    write(root / "img" / "a.json", labelme("a.png", shapes))
    done = mcdrl("check", root, *typed)
    _, command = suggestion(done.exception)
    meant = {"Background": None, "None": None, "cyst": cyst, "ignore": "ignore", "polyp": polyp}
    assert command.endswith(f"--set 'label_class={json.dumps(meant)}'")
    assert "for a lesion class: cyst, polyp; put null" in str(done.exception)


@pytest.mark.parametrize(("typed", "named"), [([], "lesion"), (["--lesion-class", "wart"], "wart")])
def test_where_every_label_says_that_there_is_no_lesion_what_is_marked_is_one(project, tmp_path, typed, named):
    root = tmp_path / "export"
    frame(root / "img" / "a.png", 0)
    write(root / "img" / "a.json", labelme("a.png", [labelme_shape("none", "polygon", LESION)]))
    done = mcdrl("check", root, *typed)
    _, command = suggestion(done.exception)
    assert command.endswith(f"--set 'label_class={json.dumps({'none': named})}'")
    assert "takes labels of the LabelMe" in str(done.exception)
    assert "for a lesion class: none; put null" in str(done.exception)


def test_masks_and_annotations_side_by_side_are_both_offered(project, tmp_path):
    root = tmp_path / "both"
    frame(root / "img" / "a.png", 0)
    mask(root / "gt" / "a.png")
    write(root / "all.json", coco([coco_image(1, "a.png")], [coco_annotation(1, 1, 1, [flat(LESION)])]))
    with pytest.raises(InputError) as error:
        guess_card(root)
    lines = [line for line in str(error.value).splitlines() if "mcdrl sites check" in line]
    assert ["masks=" in line for line in lines] == [True, False]
    assert ["annotations=" in line for line in lines] == [False, True]


def test_what_another_card_of_as_many_frames_would_do_otherwise_is_said(project, tmp_path):
    as_many_as_a_card_says(project, tmp_path / "c", 3)
    done = mcdrl("add", "c", tmp_path / "c", "--lesion-class", "cyst")
    assert (
        "as many frames as kvasir_seg_flat, which differs in images: images/*.jpg (here images/*), "
        "masks: masks/{stem}.png (here masks/{stem}.*), lesion_class: polyp (here cyst)" in done.output
    )
    assert "mcdrl sites set c card=kvasir_seg_flat" in done.output
    assert mcdrl("set", "c", "card=kvasir_seg_flat", "lesion_class=").exit_code == 0
    assert f"c: {{card: kvasir_seg_flat, root: {tmp_path / 'c'}}}" in (project / "params.yaml").read_text()
