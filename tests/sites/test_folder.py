"""Pairing frames and masks by name."""

import os
import unicodedata

import pytest

from mcdrl.base.errors import InputError
from mcdrl.sites.folder import Rules, list_reading, list_site
from mcdrl.study.reading import Reading

HEALTHY = "; where none means no lesion: missing_mask: no_lesion"


@pytest.fixture
def root(tmp_path):
    """Make empty files below a root; names that end in a slash are folders."""

    def make(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir() if name.endswith("/") else path.touch()
        return tmp_path

    return make


def pairs(root, images="images/*", masks="masks/{stem}.*"):
    return {s.file: s.mask.relative_to(root).as_posix() for s in list_site(root, images, masks).sources}


def unions(root, masks, images="images/*", **rules):
    found = list_site(root, images, masks, Rules(**rules)).sources
    return {s.name: [one.relative_to(root).as_posix() for one in (s.mask, *s.further) if one] for s in found}


def refusals(root, images="images/*", masks="masks/{stem}.*", **rules):
    return {issue.file: issue.text for issue in list_site(root, images, masks, Rules(**rules)).refused}


def test_any_ending_of_the_mask_serves(root):
    here = root("images/a.jpg", "images/b.JPG", "images/c.tif", "masks/a.png", "masks/b.TIFF", "masks/c.bmp")
    assert pairs(here) == {"images/a.jpg": "masks/a.png", "images/b.JPG": "masks/b.TIFF", "images/c.tif": "masks/c.bmp"}


@pytest.mark.parametrize(
    ("images", "masks", "frame", "mask"),
    [
        ("Original/*.tif", "Ground Truth/{stem}.tif", "Original/1.tif", "Ground Truth/1.tif"),
        ("*.tif", "GT/p{stem}.tif", "1.tif", "GT/p1.tif"),
        ("images_C1/*", "masks_C1/{stem}_mask.jpg", "images_C1/x.jpg", "masks_C1/x_mask.jpg"),
        ("*/frame*.png", "{stem}/mask.*", "7/frame7.png", "frame7/mask.png"),
        ("im/**/*.png", "{0}/../gt/{stem}.*", "im/p/v/i.png", "gt/i.png"),
    ],
)
def test_layouts_of_public_data_sets(root, images, masks, frame, mask):
    here = root(f"site/{frame}", f"site/{mask}") / "site"
    found = list_site(here, images, masks).sources
    assert [(s.file, s.mask.resolve()) for s in found] == [(frame, (here / mask).resolve())]


@pytest.mark.parametrize("masks", ["../gt/{stem}.*", "{path}/../../../gt/{stem}.*", "{0}/../../gt/{stem}.*"])
def test_masks_outside_the_root_are_refused(root, masks):
    """DVC watches the root alone; how deep {path} lies the frames say."""
    here = root("site/p/i.png", "gt/i.png") / "site"
    with pytest.raises(InputError, match=r"masks: '.*' leaves the root .*site: .*, where nothing that ch"):
        list_site(here, "*/*.png", masks)


def test_masks_that_the_path_leaves_inside_the_root_are_read(root):
    here = root("site/im/p/i.png", "site/im/p/i/", "site/gt/i.png") / "site"
    (source,) = list_site(here, "*/*/*.png", "{path}/../../../gt/{stem}.*").sources
    assert source.mask.resolve() == here / "gt/i.png"


def test_a_dot_in_a_stem_is_no_ending(root):
    here = root("images/a.jpg", "images/a.b.jpg", "masks/a.png", "masks/a.b.png")
    assert pairs(here) == {"images/a.jpg": "masks/a.png", "images/a.b.jpg": "masks/a.b.png"}


def test_a_stem_with_glob_characters_is_taken_literally(root):
    here = root("images/a[1].png", "images/b?.png", "masks/a[1].png", "masks/b?.png", "masks/a1.png", "masks/bx.png")
    assert pairs(here) == {"images/a[1].png": "masks/a[1].png", "images/b?.png": "masks/b?.png"}


def test_frame_and_mask_in_one_folder(root):
    here = root("a.png", "a_mask.png", "b.png", "b_mask.png")
    assert pairs(here, "*.png", "{stem}_mask.png") == {"a.png": "a_mask.png", "b.png": "b_mask.png"}
    assert refusals(here, "*.png", "{stem}_mask.png") == {}


def test_frame_and_mask_that_differ_in_their_ending_alone(root):
    assert pairs(root("a.jpg", "a.png"), "*.jpg", "{stem}.*") == {"a.jpg": "a.png"}


def test_a_frame_is_never_its_own_mask(root):
    assert refusals(root("images/a.png"), masks="images/{stem}.*") == {
        "images/a.png": f"no mask: expected images/a.*{HEALTHY}"
    }


def test_missing_and_several_masks(root):
    here = root("images/a.jpg", "images/b.jpg", "masks/b.png", "masks/b.jpg", "masks/b.xml")
    assert refusals(here) == {
        "images/a.jpg": f"no mask: expected masks/a.*{HEALTHY}",
        "images/b.jpg": "several masks: b.jpg, b.png",
    }


def test_annotation_files_beside_a_mask_do_not_count(root):
    assert pairs(root("images/b.jpg", "masks/b.png", "masks/b.xml")) == {"images/b.jpg": "masks/b.png"}


def test_equal_stems_are_all_refused(root):
    here = root("images/a.jpg", "images/a.png", "images/b.jpg", "masks/a.png", "masks/b.png")
    assert list(pairs(here)) == ["images/b.jpg"]
    assert set(refusals(here)) == {"images/a.jpg", "images/a.png"}
    assert "2 frames are called 'a'" in refusals(here)["images/a.jpg"]


def test_pipes_are_refused_as_frame_and_as_mask(root):
    here = root("images/a.png", "masks/pipe.png")
    os.mkfifo(here / "images" / "pipe.png")
    os.mkfifo(here / "masks" / "a.png")
    assert refusals(here) == {
        "images/pipe.png": "no regular file: a pipe or the like",
        "images/a.png": "mask is no regular file: a.png: a link to nothing, a folder, a pipe or the like",
    }


def test_masks_may_be_called_by_the_whole_path_of_a_folder_in_the_root(root):
    here = root("images/a.png", "masks/a.png", "masks/b.png")
    found = list_site(here, "images/*", f"{here}/masks/{{stem}}.*")
    assert [source.mask for source in found.sources] == [here / "masks" / "a.png"]
    assert [note.file for note in found.notes] == ["masks/b.png"]


@pytest.mark.parametrize(
    "keys", [{"masks": "masks/{stem}.*", "table": "far/t.csv"}, {"polygons": "far/*.json"}], ids=["table", "polygons"]
)
def test_tables_and_outlines_behind_a_link_are_told_once(root, keys):
    here = root("elsewhere/t.csv", "elsewhere/o.json", "images/a.png", "masks/a.png")
    (here / "far").symlink_to(here / "elsewhere")
    notes = list_reading(here, Reading(lesion_class="polyp", **keys)).notes
    assert [(note.file, note.kind) for note in notes] == [("far", "folder behind a link")]


def test_a_folder_behind_a_link_is_told(root):
    here = root("elsewhere/a.png", "masks/a.png")
    (here / "images").symlink_to(here / "elsewhere")
    notes = list_site(here, "images/*", "masks/{stem}.*").notes
    assert [(note.file, note.kind) for note in notes if "link" in note.kind] == [("images", "folder behind a link")]


def test_other_files_are_refused_hidden_ones_left_out(root):
    here = root(
        "images/a.png", "images/notes.txt", "images/.DS_Store", "images/Thumbs.db", "masks/a.png", "masks/Thumbs.db"
    )
    assert refusals(here) == {
        "images/notes.txt": "not an image: expected an ending of .jpg, .jpeg, .png, .tif, .tiff, .bmp, .webp, .dcm, "
        ".dicom"
    }


@pytest.mark.parametrize(
    ("masks", "files"),
    [
        ("masks/{stem}.*", ("masks/a.png", "masks/._a.png")),
        ("masks/{stem}*.*", ("masks/a.png", "masks/._a.png")),
        ("masks/{stem}/*", ("masks/a/1.png", "masks/a/._1.png")),
    ],
)
def test_what_a_mac_leaves_beside_masks_is_none(root, masks, files):
    here = root("images/a.png", *files)
    found = list_site(here, "images/*", masks)
    assert ([source.further for source in found.sources], found.refused, found.notes) == ([()], [], [])
    assert found.sources[0].mask == here / files[0]


def test_masks_whose_names_begin_with_a_dot_are_read_where_the_pattern_says_so(root):
    assert pairs(root("images/a.png", "masks/.a.png"), masks="masks/.{stem}.png") == {"images/a.png": "masks/.a.png"}


def test_masks_in_a_folder_that_cannot_be_read_are_no_missing_ones(root, monkeypatch):
    here, real = root("images/a.png", "images/b.png", "masks/a/1.png", "masks/b/1.png"), os.listdir

    def listing(folder):
        if str(folder).endswith("masks/b"):
            raise PermissionError(13, "Permission denied", str(folder))
        return real(folder)

    monkeypatch.setattr(os, "listdir", listing)
    with pytest.raises(InputError, match=r"the folder .*/masks/b can't be read: Permission denied"):
        list_site(here, "images/*", "masks/{stem}/*", Rules(missing_mask="no_lesion"))


def test_a_text_file_does_not_take_a_frame_s_name(root):
    assert list(pairs(root("images/a.png", "images/a.txt", "masks/a.png"))) == ["images/a.png"]


def test_folders_are_noted(root):
    found = list_site(root("images/a.png", "images/more/b.png", "masks/a.png"), "images/*", "masks/{stem}.*")
    assert [note.file for note in found.notes] == ["images/more"]


def test_folders_that_are_entered_are_not_noted(root):
    here = root("images/p1/a.png", "images/p2/q/b.png", "images/p3/", "masks/a.png", "masks/b.png")
    found = list_site(here, "images/**/*", "masks/{stem}.*")
    assert [source.file for source in found.sources] == ["images/p1/a.png", "images/p2/q/b.png"]
    assert [(note.file, note.kind) for note in found.notes] == [("images/p3", "folder without a file")]


def test_a_patient_behind_a_link_is_read_at_any_depth(root):
    here = root("images/p1/0.png", "store/0.png", "masks/p1/0.png", "masks/p2/0.png")
    (here / "images" / "p2").symlink_to(here / "store")
    (here / "images" / "p3").symlink_to(here / "images" / "p1")
    found = list_site(here, "images/**/*", "masks/{path}.*", Rules(case_ids="path"))
    assert [source.name for source in found.sources] == ["p1/0", "p2/0"]
    assert [(note.file, note.text.partition(":")[2].split(";")[0]) for note in found.notes] == [
        ("images/p3", " a link to a folder that was entered by another name"),
        ("images/p2", " DVC doesn't notice when files in it change"),
    ]


def test_links(root):
    here = root("store/1.png", "masks/a.png", "masks/b.png", "images/")
    (here / "images" / "a.png").symlink_to(here / "store" / "1.png")
    (here / "images" / "b.png").symlink_to(here / "store" / "gone.png")
    assert pairs(here) == {"images/a.png": "masks/a.png"}
    assert refusals(here) == {"images/b.png": "link to nothing: its target is gone"}


@pytest.mark.parametrize("stem", ["polyp ü", "病变", "полип", "حالة"])
def test_names_in_any_script(root, stem):
    """Frames in the decomposed form of one system, masks in the composed form of another."""
    apart, together = unicodedata.normalize("NFD", stem), unicodedata.normalize("NFC", stem)
    here = root(f"images/{apart}.png", f"masks/{together}.png")
    assert [s.stem for s in list_site(here, "images/*", "masks/{stem}.*").sources] == [together]


def test_a_name_that_is_not_utf8_is_refused(root):
    here = root("images/a.png", "masks/a.png")
    name = os.fsdecode(b"images/caf\xe9.png")
    (here / name).touch()
    assert refusals(here) == {"images/caf\\udce9.png": "file name is not UTF-8: rename it"}


def test_a_frame_below_a_folder_whose_name_is_not_utf8_is_refused(root):
    here = root("images/a/a.png", "masks/a.png")
    (here / os.fsdecode(b"images/caf\xe9")).mkdir()
    (here / os.fsdecode(b"images/caf\xe9/b.png")).touch()
    found = list_site(here, "images/*/*", "masks/{stem}.*").refused
    assert [(issue.file, issue.kind) for issue in found] == [
        ("images/caf\\udce9/b.png", "name of a folder is not UTF-8")
    ]


def test_order_is_by_stem(root):
    here = root("images/b/1.png", "images/a/2.png", "masks/1.png", "masks/2.png")
    assert [s.stem for s in list_site(here, "images/*/*", "masks/{stem}.*").sources] == ["1", "2"]


def test_missing_root(tmp_path):
    with pytest.raises(InputError, match="nowhere is no folder"):
        list_site(tmp_path / "nowhere", "images/*", "masks/{stem}.*")


def test_no_match_says_what_is_there(root):
    here = root("img/a.png", "img/b.png", "masks/a.png", "readme.txt")
    with pytest.raises(InputError) as error:
        list_site(here, "images/*", "masks/{stem}.*")
    assert str(error.value) == (
        f"no file matches 'images/*' in {here}; there: img/ (2 entries), masks/ (1 entries), readme.txt"
    )


@pytest.mark.parametrize("images", ["/abs/*", ""])
def test_malformed_frame_pattern(root, images):
    with pytest.raises(InputError, match="is no pattern below the root"):
        list_site(root("images/a.png"), images, "masks/{stem}.*")


@pytest.mark.parametrize("masks", ["masks/*/{stem}.png", "*/{stem}.*"])
def test_a_star_is_no_folder(root, masks):
    with pytest.raises(InputError, match=r"has a '\*' in a folder; e\.g\."):
        list_site(root("images/a.png"), "images/*", masks)


def test_every_folder_is_listed_once(root, monkeypatch):
    here = root(*[f"{kind}/{number:03}.png" for kind in ("images", "masks") for number in range(200)])
    listed = []
    real = os.listdir
    monkeypatch.setattr(os, "listdir", lambda folder: listed.append(str(folder)) or real(folder))
    assert len(pairs(here)) == 200
    assert listed.count(str(here / "masks")) == 1


@pytest.mark.parametrize(
    ("masks", "extra"),
    [
        ("masks/{stem}_mask.*", "masks/a_mask_1.png"),
        ("masks/{stem}_mask.png", "masks/a_mask_1.png"),
        ("masks/{stem}_mask.*", "masks/a_mask2.png"),
        ("masks/{stem}_mask.*", "masks/a_mask_second.png"),
    ],
)
def test_a_further_mask_of_a_frame_is_never_lost_in_silence(root, masks, extra):
    here = root("images/a.png", "images/b.png", "masks/a_mask.png", "masks/b_mask.png", extra)
    (told,) = refusals(here, masks=masks).values()
    wider = masks.replace("_mask", "_mask*")
    assert told == (
        f"several masks: a_mask.png, {extra[6:]}; masks: '{wider}' takes all of them together, "
        "mask_extras: ignore takes the first alone"
    )
    assert unions(here, wider) == {"a": ["masks/a_mask.png", extra], "b": ["masks/b_mask.png"]}
    assert unions(here, masks, mask_extras="ignore") == {"a": ["masks/a_mask.png"], "b": ["masks/b_mask.png"]}
    notes = list_site(here, "images/*", masks, Rules(mask_extras="ignore")).notes
    assert [(note.file, note.kind) for note in notes] == [(extra, "file beside a mask, ignored")]


def test_masks_of_which_none_is_called_like_the_frame_alone(root):
    here = root("images/a.png", "masks/a_1.png", "masks/a_2.png")
    told = "several masks: a_1.png, a_2.png; masks: 'masks/{stem}_*.*' takes all of them together"
    assert refusals(here) == {"images/a.png": told}
    assert unions(here, "masks/{stem}*.*") == {"a": ["masks/a_1.png", "masks/a_2.png"]}
    wider = told.replace("{stem}_*", "{stem}*")
    assert refusals(root("images/b.png", "masks/b.png"), missing_mask="no_lesion") == {"images/a.png": wider}
    assert unions(here, "masks/{stem}*.*") == {"a": ["masks/a_1.png", "masks/a_2.png"], "b": ["masks/b.png"]}


def test_a_star_behind_a_stem_is_no_other_frame_s_name(root):
    here = root("images/1.png", "images/1_b.png", "masks/1.png", "masks/10.png", "masks/1_a.png", "masks/1_b.png")
    assert unions(here, "masks/{stem}*.*") == {"1": ["masks/1.png", "masks/1_a.png"], "1_b": ["masks/1_b.png"]}


def test_a_folder_of_masks_a_frame(root):
    here = root("images/a.png", "images/b.png", "masks/a/1.png", "masks/a/2.png", "masks/a/notes.txt", "masks/b/x.png")
    assert unions(here, "masks/{stem}/*") == {"a": ["masks/a/1.png", "masks/a/2.png"], "b": ["masks/b/x.png"]}


def test_further_masks_in_the_frames_folder_are_no_frames(root):
    here = root("a.png", "a_mask.png", "a_mask_1.png")
    assert list(refusals(here, "*.png", "{stem}_mask.png")) == ["a.png"]
    assert unions(here, "{stem}_mask*.png", "*.png") == {"a": ["a_mask.png", "a_mask_1.png"]}


def test_a_frame_called_like_another_with_something_behind_is_a_frame(root):
    here = root("a.jpg", "a.png", "a_2.jpg")
    assert refusals(here, "*.jpg", "{stem}.*") == {"a_2.jpg": f"no mask: expected a_2.*{HEALTHY}"}


def test_stems_that_repeat_are_told_apart_by_their_path(root):
    here = root(*[f"p{p}/{kind}/{n}.png" for p in (1, 2) for n in (0, 1) for kind in ("images", "masks")])
    told = refusals(here, "*/images/*", "{0}/masks/{stem}.*")
    assert set(told.values()) == {
        "name used twice: 2 frames are called '0'; case_ids: path tells folders apart",
        "name used twice: 2 frames are called '1'; case_ids: path tells folders apart",
    }
    found = unions(here, "{0}/masks/{stem}.*", "*/images/*", case_ids="path")
    assert found == {f"p{p}/{n}": [f"p{p}/masks/{n}.png"] for p in (1, 2) for n in (0, 1)}


@pytest.mark.parametrize(
    ("images", "masks", "name"),
    [
        ("images/**/*", "masks/{path}.*", "x/y/7"),
        ("images/**", "masks/{path}.*", "x/y/7"),
        ("**/*.jpg", "{1}/../masks/{stem}.*", "images/x/y/7"),
        ("images/*/y/*", "masks/{1}/{2}/{stem}.*", "x/7"),
        ("images/**/y/*", "masks/x/{parent}/{stem}.*", "x/7"),
    ],
)
def test_the_path_of_a_case_is_what_wildcards_stand_for(root, images, masks, name):
    here = root("images/x/y/7.jpg", "masks/x/y/7.png", "x/", "masks/7.png")
    found = list_site(here, images, masks, Rules(case_ids="path"))
    assert [source.name for source in found.sources] == [name]


def test_one_mask_never_serves_two_frames(root):
    here = root("images/p1/0.png", "images/p2/0.png", "masks/0.png")
    told = refusals(here, "images/*/*", "masks/{stem}.*", case_ids="path")
    assert set(told) == {"images/p1/0.png", "images/p2/0.png"}
    assert told["images/p1/0.png"].startswith("mask of two frames: 0.png is also that of images/p2/0.png; tell them")


def test_the_suffix_of_frames_is_taken_off(root):
    here = root("imagesTr/a_0000.png", "imagesTr/b_0001.png", "labelsTr/a.png", "labelsTr/b.png")
    assert unions(here, "labelsTr/{stem}.*", "imagesTr/*", frame_suffix="_0000") == {"a": ["labelsTr/a.png"]}
    assert refusals(here, "imagesTr/*", "labelsTr/{stem}.*", frame_suffix="_0000") == {
        "imagesTr/b_0001.png": "name without frame_suffix: expected NAME_0000.png"
    }


def test_a_prefix_of_frames_is_taken_off_where_masks_have_another(root):
    here = root("image_1.png", "image_10.png", "mask_1.png", "mask_10.png")
    for images in ("*.png", "image_*.png"):
        found = unions(here, "mask_{stem}.*", images, frame_prefix="image_")
        assert found == {"1": ["mask_1.png"], "10": ["mask_10.png"]}
        assert refusals(here, images, "mask_{stem}.*", frame_prefix="image_") == {}
    assert unions(here, "mask_{stem}.*", "*.png") == {}


def test_a_prefix_and_a_suffix_are_taken_off_together_in_any_form_of_unicode(root):
    prefix = unicodedata.normalize("NFD", "bücher_")
    here = root("images/bücher_1_rgb.png", "masks/mask_1_gt.png")
    assert unions(here, "masks/mask_{stem}_gt.*", frame_prefix=prefix, frame_suffix="_rgb") == {
        "1": ["masks/mask_1_gt.png"]
    }


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("1.png", "name without frame_prefix: expected image_NAME_x.png"),
        ("Image_1_x.png", "name without frame_prefix: expected image_NAME_x.png"),
        ("image_1.png", "name without frame_suffix: expected image_NAME_x.png"),
        ("image_x.png", "name without frame_suffix: expected image_NAME_x.png"),  # of both, one _ alone is there
        ("image__x.png", "no name beside frame_prefix or frame_suffix: expected image_NAME_x.png"),
    ],
)
def test_a_frame_without_prefix_suffix_or_a_name_between_them_is_refused(root, name, told):
    here = root("images/image_7_x.png", "masks/7.png", f"images/{name}", "masks/1.png", "masks/.png")
    assert refusals(here, frame_prefix="image_", frame_suffix="_x") == {f"images/{name}": told}


def test_frames_that_are_called_alike_without_their_prefix_contest_a_mask(root):
    here = root("images/image_1.png", "images/1.png", "masks/mask_1.png")
    told = refusals(here, masks="masks/mask_{stem}.*", frame_prefix="image_")
    assert told["images/1.png"].startswith("name without frame_prefix")
    assert told["images/image_1.png"].startswith("name used twice: 2 frames are called '1'")


def test_what_is_called_like_the_whole_frame_among_the_masks_makes_it_no_negative(root):
    here = root("images/image_1.png", "images/image_2.png", "masks/mask_1.png", "masks/image_2.png")
    told = refusals(here, masks="masks/mask_{stem}.*", frame_prefix="image_", missing_mask="no_lesion")
    assert told["images/image_2.png"].startswith("mask of another name: masks/image_2.png, which 'masks/mask_{stem}.*'")


def test_a_missing_mask_is_no_lesion_only_where_the_reading_says_so(root):
    here = root("images/a.png", "images/b.png", "masks/a.png")
    assert refusals(here) == {"images/b.png": f"no mask: expected masks/b.*{HEALTHY}"}
    assert unions(here, "masks/{stem}.*", missing_mask="no_lesion") == {"a": ["masks/a.png"], "b": []}
    notes = list_site(here, "images/*", "masks/{stem}.*", Rules(missing_mask="no_lesion")).notes
    assert [note.file for note in notes if note.kind == "no mask, taken as a negative"] == ["images/b.png"]
    with pytest.raises(InputError, match=r"not one frame of .* has a mask at 'labels/\{stem\}"):
        list_site(here, "images/*", "labels/{stem}.*", Rules(missing_mask="no_lesion"))


@pytest.mark.parametrize(
    ("frame", "masks", "near"),
    [
        ("images/IMG_2.png", "masks/{stem}.*", "masks/img_2.png"),
        ("images/F1.PNG", "masks/{stem}.png", "masks/f1.png"),
        ("images/my frame.png", "masks/{stem}.*", "masks/my%20frame.png"),
        ("images/a.png", "masks/{stem}_mask*.png", "masks/a_Mask_1.png"),
        ("images/P1/a.png", "masks/{path}.*", "masks/p1/a.png"),
        ("images/a.png", "masks/{stem}/*", "masks/A/1.png"),
    ],
)
def test_a_mask_of_nearly_the_same_name_makes_no_negative(root, frame, masks, near):
    depth = "/*" * frame.count("/")
    here = root(frame, near, "images/b/b.png", "images/b.png", *[f"masks/{n}.png" for n in ("b", "b_mask", "b/b")])
    for missing in ("no_lesion", "refuse"):
        told = refusals(here, f"images{depth}", masks, missing_mask=missing)
        assert told[frame] == (
            f"mask of nearly the same name: {near} differs in case or in codes such as %20; rename one"
        )


def test_a_mask_that_another_frame_has_is_near_none(root):
    here = root("images/a.png", "images/A.png", "masks/a.png")
    assert unions(here, "masks/{stem}.*", missing_mask="no_lesion") == {"A": [], "a": ["masks/a.png"]}


def test_frames_without_a_folder_of_masks_list_the_folder_above_once_a_form(root, monkeypatch):
    here = root("masks/b/1.png", "images/b.png", *[f"images/{number}.png" for number in range(100)])
    listed, real = [], os.listdir
    monkeypatch.setattr(os, "listdir", lambda folder: listed.append(str(folder)) or real(folder))
    found = unions(here, "masks/{stem}/*", missing_mask="no_lesion")
    assert (len(found), found["b"], listed.count(str(here / "masks"))) == (101, ["masks/b/1.png"], 2)


def test_folders_in_the_decomposed_form_of_their_system(root):
    apart = unicodedata.normalize("NFD", "Müller")
    here = root(f"{apart}/images/0.png", f"{apart}/masks/0.png")
    (source,) = list_site(here, "*/images/*", "{0}/masks/{stem}.*", Rules(case_ids="path")).sources
    assert (source.name, source.mask) == ("Müller/0", here / apart / "masks" / "0.png")


@pytest.mark.parametrize("masks", ["masks/{stem}.png", "masks/{stem}.*", "masks/p{stem}.png", "masks/{stem}*.png"])
def test_the_mask_of_a_missing_frame_is_no_further_mask_of_another(root, masks):
    start = "p" if "p{" in masks else ""
    here = root("images/1.png", f"masks/{start}1.png", f"masks/{start}10.png")
    assert unions(here, masks) == {"1": [f"masks/{start}1.png"]}
    notes = list_site(here, "images/*", masks).notes
    assert [(note.file, note.kind) for note in notes] == [(f"masks/{start}10.png", "mask without a frame")]


PNG = "save it as PNG and move the original away"
MOVE = ", or only move it away"
INTO = "a folder; give another pattern, such as masks/{{stem}}/*, or save it as masks/{}.png"
MASK_OF_B = {
    "masks/{stem}.*": "masks/b.png",
    "masks/{stem}.png": "masks/b.png",
    "masks/{path}*.*": "masks/b.png",
    "masks/{stem}/*": "masks/b/1.png",
    "masks/{stem}_*.*": "masks/b_1.png",
    "masks/{stem}_*.png": "masks/b_1.png",
    "masks/{stem}_mask.png": "masks/b_mask.png",
    "masks/{stem}_mask*.png": "masks/b_mask.png",
}  # pattern -> a mask that it names


@pytest.mark.parametrize(
    ("masks", "files", "told"),
    [
        ("masks/{stem}/*", ["masks/a/1.png", "masks/a/2.gif"], f"masks/a/2.gif; {PNG}{MOVE}"),
        ("masks/{stem}/*", ["masks/a/1.gif"], f"masks/a/1.gif; {PNG}"),
        (
            "masks/{stem}/*",
            ["masks/a/1.png", "masks/a/sub/2.png"],
            "masks/a/sub/, a folder; put what lies in it beside it, or move it away",
        ),
        ("masks/{stem}/*", ["masks/a.gif"], f"masks/a.gif; {PNG}"),
        ("masks/{stem}.*", ["masks/a.png", "masks/a_2.gif"], f"masks/a_2.gif; {PNG}{MOVE}"),
        ("masks/{stem}.png", ["masks/a.png", "masks/a_3.npy"], f"masks/a_3.npy; {PNG}{MOVE}"),
        ("masks/{stem}.*", ["masks/a.png", "masks/a/1.png"], f"masks/a/, {INTO.format('a')}, or move it away"),
        (
            "masks/{stem}.*",
            ["masks/a.png", "masks/a_2/1.png"],
            "masks/a_2/, a folder; save it as masks/a_2.png, or move it away",
        ),
        ("masks/{stem}.*", ["masks/a.gif"], f"masks/a.gif; {PNG}"),
        ("masks/{stem}.*", ["masks/a.nii.gz"], f"masks/a.nii.gz; {PNG}"),
        ("masks/{stem}.*", ["masks/a"], f"masks/a; {PNG}"),
        ("masks/{stem}.*", ["masks/a/1.png"], f"masks/a/, {INTO.format('a')}"),
        ("masks/{stem}.png", ["masks/a.gif"], f"masks/a.gif; {PNG}"),
        ("masks/{stem}.png", ["masks/a/1.png"], f"masks/a/, {INTO.format('a')}"),
        ("masks/{stem}_mask.png", ["masks/a_mask.gif"], f"masks/a_mask.gif; {PNG}"),
        (
            "masks/{stem}_mask.png",
            ["masks/a_mask/1.png"],
            f"masks/a_mask/, {INTO.format('a_mask').replace('{stem}', '{stem}_mask')}",
        ),
        ("masks/{stem}_mask*.png", ["masks/a_mask.gif"], f"masks/a_mask.gif; {PNG}"),
        ("masks/{stem}_*.*", ["masks/a_1.png", "masks/a_2.heic"], f"masks/a_2.heic; {PNG}{MOVE}"),
        ("masks/{stem}_*.png", ["masks/a.npy"], f"masks/a.npy; {PNG}"),
        ("masks/{path}*.*", ["masks/a.png", "masks/a-2.gif"], f"masks/a-2.gif; {PNG}{MOVE}"),
    ],
)
@pytest.mark.parametrize("missing", ["refuse", "no_lesion"])
def test_a_mask_that_is_not_read_costs_its_frame(root, masks, files, told, missing):
    here = root("images/a.png", "images/b.png", MASK_OF_B[masks], *files)
    assert refusals(here, masks=masks, missing_mask=missing) == {"images/a.png": f"mask that isn't read: {told}"}


NO_MASKS = """notes.txt shapes.json a.xml t.csv Thumbs.db .DS_Store @eaDir/1.png empty/ 1.png.dvc a.htm a.rtf a.doc
a.docx a.odt a.toml a.geojson a.url a.lnk 1.xmp 1.aae 1.png.md5 1.sha1 1.sha256 1.bak 1.tmp 1.tfw 1.pgw 1.pkl 1.png~
1.mp4"""


@pytest.mark.parametrize("name", NO_MASKS.split())
def test_what_is_no_mask_in_a_folder_of_masks_costs_nothing(root, name):
    here = root("images/a.png", "masks/a/1.png", f"masks/a/{name}")
    assert unions(here, "masks/{stem}/*") == {"a": ["masks/a/1.png"]}


def test_a_file_beside_a_mask_that_is_not_read_may_be_left_out(root):
    here = root("images/a.png", "masks/a.png", "masks/a_2.xcf")
    found = list_site(here, "images/*", "masks/{stem}.*", Rules(mask_extras="ignore"))
    assert [source.further for source in found.sources] == [()]
    assert [(note.file, note.kind) for note in found.notes] == [("masks/a_2.xcf", "file beside a mask, ignored")]


def test_where_no_mask_is_read_and_none_means_no_lesion_it_is_said_what_is_not_read(root):
    here = root("images/a.png", "images/b.png", "masks/a.gif")
    with pytest.raises(InputError, match=r"not one frame .* free of lesions; masks/a\.gif can't be read as a mask$"):
        list_site(here, "images/*", "masks/{stem}.*", Rules(missing_mask="no_lesion"))


def test_a_file_that_is_not_read_in_the_frames_folder_is_told_once(root):
    here = root("a.png", "a_mask.gif", "b.png", "b_mask.png")
    assert refusals(here, "*", "{stem}_mask.*") == {"a.png": f"mask that isn't read: a_mask.gif; {PNG}"}


@pytest.mark.parametrize(
    ("masks", "files", "alike"),
    [
        ("masks/{stem}_*.*", ["masks/a_1.png", "masks/a_2.png", "masks/b.png"], "masks/b.png"),
        ("masks/{stem}.png", ["masks/a.png", "masks/b.jpg"], "masks/b.jpg"),
        ("masks/{stem}_mask*.png", ["masks/a_mask1.png", "masks/b.png"], "masks/b.png"),
        ("masks/{stem}/*", ["masks/a/1.png", "masks/b.png"], "masks/b.png"),
        ("masks/p{stem}.*", ["masks/pa.png", "masks/b.png"], "masks/b.png"),
        ("masks/{stem}_mask.png", ["masks/a_mask.png", "masks/b_mask.jpg"], "masks/b_mask.jpg"),
    ],
)
@pytest.mark.parametrize("missing", ["refuse", "no_lesion"])
def test_a_frame_beside_whose_mask_the_pattern_passes_by_is_no_negative(root, masks, files, alike, missing):
    here = root("images/a.png", "images/b.png", *files)
    assert refusals(here, masks=masks, missing_mask=missing) == {
        "images/b.png": f"mask of another name: {alike}, which '{masks}' doesn't name; "
        "rename it, or give another pattern"
    }
    assert [note.kind for note in list_site(here, "images/*", masks, Rules(missing_mask=missing)).notes] == []


@pytest.mark.parametrize("masks", ["d/{stem}_mask.png", "d/{stem}.png", "d/{stem}/1.png"])
@pytest.mark.parametrize("other", ["d/b.dcm", "d/b.tif", "d/b.mp4", "d/b.xcf", "d/b/2.png"])
def test_a_frame_s_original_beside_it_is_no_mask(root, masks, other):
    here = root("d/a.jpg", "d/b.jpg", masks.format(stem="a"), other)
    assert unions(here, masks, "d/*.jpg", missing_mask="no_lesion") == {"a": [masks.format(stem="a")], "b": []}


def test_a_mask_of_another_ending_beside_its_frame_makes_no_negative(root):
    here = root("d/a.jpg", "d/b.jpg", "d/c.jpg", "d/a_mask.png", "d/b_mask.gif", "d/c_mask.bmp")
    assert refusals(here, "d/*.jpg", "d/{stem}_mask.png", missing_mask="no_lesion") == {
        "d/b.jpg": f"mask that isn't read: d/b_mask.gif; {PNG}",
        "d/c.jpg": "mask of another name: d/c_mask.bmp, which 'd/{stem}_mask.png' doesn't name; "
        "rename it, or give another pattern",
    }


@pytest.mark.parametrize("masks", ["masks/{stem}_mask.png", "masks/{stem}/1.png"])
@pytest.mark.parametrize("ending", [".png", ".xcf"])
def test_copies_of_all_frames_among_the_masks_are_none(root, masks, ending):
    names = [f"masks/{name}{ending}" for name in "abc"]
    here = root("images/a.jpg", "images/b.jpg", "images/c.jpg", *[masks.format(stem=name) for name in "ab"], *names)
    assert list(unions(here, masks, missing_mask="no_lesion")) == ["a", "b", "c"]
    (here / "masks" / "c.tif").touch()
    assert "c.tif, which" in refusals(here, masks=masks, missing_mask="no_lesion")["images/c.jpg"]
    (here / "masks" / "c.tif").unlink()
    (here / "masks" / f"a{ending}").unlink()
    assert f"c{ending}" in refusals(here, masks=masks, missing_mask="no_lesion")["images/c.jpg"]


@pytest.mark.parametrize("name", ["a.xcf", "a.psd", "a.npz", "a.npy", "a.gif", "a.zip"])
def test_a_file_called_like_a_mask_that_is_read_is_but_told(root, name):
    here = root("images/a.png", "images/b.png", "masks/a.png", "masks/b.png", f"masks/{name}")
    found = list_site(here, "images/*", "masks/{stem}.*")
    assert ([source.name for source in found.sources], found.refused) == (["a", "b"], [])
    assert [(note.file, note.kind) for note in found.notes] == [(f"masks/{name}", "file beside a mask that isn't read")]


def test_a_folder_that_is_no_frame_s_is_not_looked_into(root, monkeypatch):
    here, real = root("images/a.png", "masks/a.png", "masks/old/1.png"), os.listdir

    def listing(folder):
        if str(folder).endswith("old"):
            raise PermissionError(13, "Permission denied", str(folder))
        return real(folder)

    monkeypatch.setattr(os, "listdir", listing)
    assert unions(here, "masks/{stem}.*", missing_mask="no_lesion") == {"a": ["masks/a.png"]}
    assert unions(here, "masks/{stem}.png", missing_mask="no_lesion") == {"a": ["masks/a.png"]}


def test_where_no_pattern_takes_all_masks_none_is_advised(root):
    here = root("images/a.png", "images/a_2.png", "images/b.png", *[f"masks/{n}.png" for n in ("a_1", "a_2", "b")])
    assert refusals(here)["images/a.png"] == "several masks: a_1.png; rename them so that one pattern fits"
    told = refusals(here, masks="masks/{stem}*.*")
    assert told["images/a.png"] == "mask of two frames: a_2.png is also that of images/a_2.png; rename it"


@pytest.mark.parametrize("masks", ["masks/{parent}.png", "masks/{0}.*", "masks/images*"])
def test_a_pattern_that_gives_all_frames_one_mask_is_told_what_it_lacks(root, masks):
    told = refusals(root("images/a.png", "images/b.png", "masks/images.png"), masks=masks)
    first = "mask of two frames: images.png is also that of images/b.png"
    assert told["images/a.png"] == f"{first}; masks needs {{stem}} or {{path}}, as it gives several frames one mask"


def test_a_pattern_is_tried_once_for_all_frames(root, monkeypatch):
    names = [
        f"{kind}/{n}{end}.png" for n in range(40) for kind, end in (("images", ""), ("masks", "_1"), ("masks", "_2"))
    ]
    here = root("images/x.png", "masks/x.png", *names)
    listed, real = [], os.listdir
    monkeypatch.setattr(os, "listdir", lambda folder: listed.append(str(folder)) or real(folder))
    assert len(refusals(here)) == 40
    assert listed.count(str(here / "masks")) == 5  # by its own pattern and the wider one in two forms, and numbered
