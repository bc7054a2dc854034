"""Pairing frames and masks by name."""

import os
import unicodedata

import pytest

from stages.core.base.errors import InputError
from stages.ingest.folder import list_site


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


def refusals(root, images="images/*", masks="masks/{stem}.*"):
    return {remark.file: remark.text for remark in list_site(root, images, masks).refused}


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
        ("**/*.png", "../gt/{stem}.*", "p/v/i.png", "../gt/i.png"),
    ],
)
def test_layouts_of_public_data_sets(root, images, masks, frame, mask):
    here = root(f"site/{frame}", f"site/{mask}") / "site"
    found = list_site(here, images, masks).sources
    assert [(s.file, s.mask.resolve()) for s in found] == [(frame, (here / mask).resolve())]


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
    assert refusals(root("images/a.png"), masks="images/{stem}.*") == {"images/a.png": "no mask: expected images/a.*"}


def test_missing_and_several_masks(root):
    here = root("images/a.jpg", "images/b.jpg", "masks/b.png", "masks/b.jpg", "masks/b.xml")
    assert refusals(here) == {
        "images/a.jpg": "no mask: expected masks/a.*",
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


def test_masks_may_lie_outside_the_root(root):
    here = root("site/images/a.png", "masks/a.png")
    (source,) = list_site(here / "site", "images/*", f"{here}/masks/{{stem}}.*").sources
    assert source.mask == here / "masks" / "a.png"


def test_a_folder_behind_a_link_is_told(root):
    here = root("elsewhere/a.png", "masks/a.png")
    (here / "images").symlink_to(here / "elsewhere")
    notes = list_site(here, "images/*", "masks/{stem}.*").notes
    assert [(note.file, note.kind) for note in notes if "link" in note.kind] == [("images", "folder behind a link")]


def test_other_files_are_refused_hidden_ones_left_out(root):
    here = root("images/a.png", "images/notes.txt", "images/.DS_Store", "images/._a.png", "masks/a.png")
    assert refusals(here) == {
        "images/notes.txt": "not an image: expected an ending of .jpg, .jpeg, .png, .tif, .tiff, .bmp"
    }


def test_a_text_file_does_not_take_a_frame_s_name(root):
    assert list(pairs(root("images/a.png", "images/a.txt", "masks/a.png"))) == ["images/a.png"]


def test_folders_are_noted(root):
    found = list_site(root("images/a.png", "images/more/b.png", "masks/a.png"), "images/*", "masks/{stem}.*")
    assert [note.file for note in found.notes] == ["images/more"]


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


@pytest.mark.parametrize("masks", ["masks/{stem}*.png", "masks/*/{stem}.png", "*/{stem}.*"])
def test_a_star_is_an_ending_only(root, masks):
    with pytest.raises(InputError, match=r"has a '\*' that is not the ending"):
        list_site(root("images/a.png"), "images/*", masks)


def test_every_folder_is_listed_once(root, monkeypatch):
    here = root(*[f"{kind}/{number:03}.png" for kind in ("images", "masks") for number in range(200)])
    listed = []
    real = os.listdir
    monkeypatch.setattr(os, "listdir", lambda folder: listed.append(str(folder)) or real(folder))
    assert len(pairs(here)) == 200
    assert listed.count(str(here / "masks")) == 1
