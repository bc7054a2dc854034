"""Frames that a model is adapted with: classes by name, scenes where patients are unknown, replay from the sources."""

import shutil

import numpy as np
import pytest
from PIL import Image

from mcdrl.artifacts.cases import CASES
from mcdrl.base.errors import InputError
from mcdrl.commands.models.adapt_told import told_share, told_site
from mcdrl.commands.models.learnable import Replay, Showing, bare_site, labelled_site, replayed, replayed_of_study
from mcdrl.study.paths import site_files
from mcdrl.training.labelled import labelled_cases
from tests import stub_sites
from tests.factories import make_card, make_spec
from tests.sites.site_folder import SiteFolder


def shown(**facts):
    return Showing(make_card(spec=make_spec(), **facts), "full", 1)


@pytest.fixture
def folder(tmp_path):
    made = SiteFolder(tmp_path / "north")
    for seed in range(4):
        made.pair(str(seed), seed, lesion=seed > 0)
    return made.root


def test_a_model_of_one_class_takes_every_lesion_for_it(folder):
    site = labelled_site(folder, shown(lesion_classes=["polyp"]), None, {})
    assert site.frames.lesion_class.tolist() == [-1, 0, 0, 0]
    assert sorted(set(np.unique(site.frames.masks))) == [0, 1]
    assert not site.patients
    assert site.n_groups == 4
    assert site.files == [f"images/{seed}.png" for seed in range(4)]


def test_several_classes_go_by_their_names(folder):
    site = labelled_site(folder, shown(lesion_classes=["polyp", "tumor"]), None, {"lesion_class": "tumor"})
    assert site.frames.lesion_class.tolist() == [-1, 1, 1, 1]
    assert sorted(set(np.unique(site.frames.masks))) == [0, 2]
    with pytest.raises(InputError, match="doesn't know the lesion class 'lesion'; it knows polyp, tumor; --lesion"):
        labelled_site(folder, shown(lesion_classes=["polyp", "tumor"]), None, {})


def test_lesions_of_two_classes_in_one_frame_stay_two(folder):
    mask = np.zeros((30, 40), np.uint8)
    mask[:6, :20], mask[20:, 20:30] = 1, 2
    for seed in range(4):
        (folder / "masks" / f"{seed}.png").unlink()
        Image.fromarray(mask).save(folder / "masks" / f"{seed}.png")
    site = labelled_site(
        folder, shown(lesion_classes=["tumor", "cyst", "polyp"]), "folder", {"mask_values": {1: "tumor", 2: "polyp"}}
    )
    assert site.frames.lesion_class.tolist() == [0] * 4
    assert site.frames.masks[0, 0, 0] == 1
    assert sorted(set(np.unique(site.frames.masks))) == [0, 1, 3]
    with pytest.raises(InputError, match="doesn't know the lesion class 'polyp'"):
        labelled_site(
            folder, shown(lesion_classes=["tumor", "cyst"]), "folder", {"mask_values": {1: "tumor", 2: "polyp"}}
        )


def test_patients_that_are_known_stay_whole_where_others_are_not(folder):
    (folder / "table.csv").write_text("file,patient\n0.png,a\n1.png,a\n2.png,b\n3.png,\n")
    keys = {"table": "table.csv", "table_file": "file", "table_group": "patient"}
    site = labelled_site(folder, shown(lesion_classes=["polyp"]), None, keys)
    a, again, b, unknown = site.frames.groups.tolist()
    assert a == again
    assert len({a, b, unknown}) == 3
    assert (site.n_unknown, site.patients) == (1, False)
    shutil.copy(folder / "images" / "2.png", folder / "images" / "3.png")
    with Image.open(folder / "images" / "3.png") as image:
        changed = np.array(image)
    changed[0, 0] ^= 1
    Image.fromarray(changed).save(folder / "images" / "3.png")
    assert labelled_site(folder, shown(lesion_classes=["polyp"]), None, keys).frames.groups.tolist()[2:] == [b, b]


def test_a_frame_whose_lesion_vanishes_is_neither_with_nor_without_one(folder):
    """Of 30 x 40 px to 32 x 32 px: a lesion of one pixel leaves none."""
    mask = np.zeros((30, 40), np.uint8)
    mask[0, 17] = 255
    for seed in (1, 3):
        Image.fromarray(mask).save(folder / "masks" / f"{seed}.png")
    site = labelled_site(folder, shown(lesion_classes=["polyp"]), None, {})
    assert site.n_vanished == 2
    assert site.files == ["images/0.png", "images/2.png"]
    assert len(site.frames) == len(site.sha256) == site.n_unknown == 2
    assert site.frames.has_lesion.tolist() == [False, True]
    assert told_site(site).startswith("north: 4 frames (3 with a lesion, 1 without)\nleft out: 2 with a lesion that")
    assert told_share(site) == "2 of its 4 frames"


def test_frames_without_masks_are_the_same_frames(folder):
    known = shown(lesion_classes=["polyp"])
    site, bare = labelled_site(folder, known, None, {}), bare_site(folder / "images", known, folder / "out")
    assert list(bare.sha256) == list(site.sha256)
    assert np.array_equal(bare.frames.images, site.frames.images)
    assert (site.labelled, bare.labelled) == (True, False)
    assert set(site.looks["quantity"]) - set(bare.looks["quantity"]) == {"lesion_share"}


def test_red_and_blue_change_places_without_masks_too(folder):
    known = shown(lesion_classes=["polyp"])
    plain, swapped = (
        bare_site(folder / "images", known, folder / "out", settings={"channels": order}).frames.images
        for order in ("rgb", "bgr")
    )
    assert np.array_equal(swapped, plain[..., ::-1])


def test_a_folder_of_videos_is_no_folder_of_frames(tmp_path):
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a.mp4").write_bytes(b"")
    with pytest.raises(InputError, match=r"holds videos, such as .*, and no frames; cut them into frames first"):
        bare_site(tmp_path / "clips", shown(), tmp_path / "out")


def test_what_can_not_be_read_is_told(folder):
    (folder / "images" / "0.png").write_bytes(b"no picture")
    site = labelled_site(folder, shown(lesion_classes=["polyp"]), None, {})
    assert len(site.frames) == 3
    assert len(site.refused) == 1
    assert "images/0.png" in site.refused[0]


def test_sources_are_replayed_and_the_held_out_site_is_not(tmp_path):
    stub_sites.write_study(tmp_path, sites=("A", "B", "C"))
    replay = replayed([tmp_path], shown(sources=["B", "C"], held_out="A"), 0)
    frames, names = replay.frames, replay.sites
    assert names == ["B", "C"]
    assert {group.partition("/")[0] for group in frames.groups} == {"B", "C"}
    assert sorted(set(frames.site.tolist())) == [1, 2]
    assert len(frames) == 2 * sum(number % 5 != 1 for number in range(16))  # those of validation aren't replayed
    assert set(frames.lesion_class.tolist()) == {-1, 0, 1}


@pytest.mark.parametrize("seed", [0, 1])
def test_masks_that_a_model_was_not_trained_with_are_not_replayed(tmp_path, seed):
    stub_sites.write_study(tmp_path, sites=("A", "B"))
    rows = CASES.read(site_files(tmp_path, "B").cases)
    labelled = rows["case_id"].isin(labelled_cases(rows, 0.5, seed)) & (rows["split"] == "train")
    known = shown(sources=["B"], held_out="A", seed=seed, parameters={"labelled_share": 0.5})
    assert set(replayed([tmp_path], known, 0).site_of) == set(rows["sha256"][labelled])
    assert 0 < labelled.sum() < (rows["split"] == "train").sum()


@pytest.mark.parametrize("share", [0, 2.0, "half"])
def test_a_damaged_share_of_masks_is_told(tmp_path, share):
    stub_sites.write_study(tmp_path, sites=("A", "B"))
    with pytest.raises(InputError, match=rf"mcdrl \(seed 0\): parameters\.labelled_share is {share!r}, expected"):
        replayed([tmp_path], shown(sources=["B"], parameters={"labelled_share": share}), 0)


def test_folders_are_replayed_too(folder):
    replay = replayed([folder], shown(lesion_classes=["polyp"]), 0)
    frames, names = replay.frames, replay.sites
    assert names == ["north"]
    assert len(frames) == 4
    assert set(frames.site.tolist()) == {1}


def test_a_folder_to_be_replayed_may_leave_its_class_to_the_command_line(folder):
    known = shown(lesion_classes=["polyp", "tumor"])
    assert set(replayed([folder], known, 0, lesion_class="tumor").frames.lesion_class.tolist()) == {-1, 1}
    (folder / "dataset.json").write_text('{"labels": {"background": 0, "polyp": 1}}')
    assert set(replayed([folder], known, 0, lesion_class="tumor").frames.lesion_class.tolist()) == {-1, 0}


def test_masks_to_be_replayed_that_may_be_the_background_are_told(folder, capsys):
    for seed in range(1, 4):
        path = folder / "masks" / f"{seed}.png"
        Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    replayed([folder], shown(lesion_classes=["lesion"]), 0)
    assert f"--replay {folder}: lesion in more than half of the frame: 3 of 3 masks; " in capsys.readouterr().err


def test_what_is_replayed_can_be_told_by_its_hash(folder):
    site = labelled_site(folder, shown(lesion_classes=["polyp"]), None, {})
    assert replayed([folder], shown(lesion_classes=["polyp"]), 0).site_of == dict.fromkeys(site.sha256, "north")


def test_no_replayed_site_takes_the_place_of_another(folder, tmp_path):
    other = SiteFolder(tmp_path / "elsewhere" / "north")
    other.pair("4", 4)
    with pytest.raises(InputError, match="another place has a site 'north', too; name each site once"):
        replayed([folder, other.root], shown(lesion_classes=["polyp"]), 0)


def test_frames_of_the_new_site_itself_are_not_replayed(folder, tmp_path):
    """They would be judged by networks that have seen them."""
    site = labelled_site(folder, shown(lesion_classes=["polyp"]), None, {})
    with pytest.raises(InputError, match="4 of its frames are among those that the model is adapted to"):
        replayed([folder], shown(lesion_classes=["polyp"]), 0, site.sha256)
    stub_sites.write_study(tmp_path / "study", sites=("B",))
    own = CASES.read(site_files(tmp_path / "study", "B").cases)["sha256"].tolist()
    with pytest.raises(InputError, match="of its frames are among those"):
        replayed([tmp_path / "study"], shown(sources=["B"]), 0, own)


def test_nothing_to_replay_is_nothing():
    assert replayed([], shown(), 0) == Replay(None, [], {})


def test_a_study_that_doesnt_fit_is_refused(tmp_path):
    stub_sites.write_study(tmp_path, sites=("A",))
    with pytest.raises(InputError, match="has none of the model's sites \\(B\\)"):
        replayed([tmp_path], shown(sources=["B"]), 0)
    with pytest.raises(InputError, match="its frames are of 32 px, the model takes 64 px"):
        replayed([tmp_path], shown(sources=["A"], size_px=64), 0)


@pytest.mark.parametrize("above", ["images and masks", "nothing of this model's", "nothing"])
def test_what_lies_above_a_model_that_nobody_named_is_no_site(folder, tmp_path, above):
    """A place's name alone makes no study of it."""
    study = folder if above == "images and masks" else tmp_path / "project"
    if above == "nothing of this model's":
        stub_sites.write_study(study, sites=("C",))
    assert replayed_of_study(study / "deploy" / "polyp", shown(sources=["B"]), 0) == Replay(None, [], {})


def test_the_study_that_a_model_lies_in_is_replayed_by_itself(tmp_path):
    stub_sites.write_study(tmp_path, sites=("A", "B"))
    known, model = shown(sources=["B"], held_out="A"), tmp_path / "deploy" / "mcdrl"
    assert replayed_of_study(model, known, 0).site_of == replayed([tmp_path], known, 0).site_of
    own = CASES.read(site_files(tmp_path, "B").cases)["sha256"].tolist()
    told = f"^the study that {model} lies in, {tmp_path}: "
    with pytest.raises(InputError, match=f"{told}.* of its frames are among those .*; take them out of the folder$"):
        replayed_of_study(model, known, 0, own)
    with pytest.raises(InputError, match=f"{told}its frames are of 32 px, the model takes 64 px; --replay names"):
        replayed_of_study(model, shown(sources=["B"], size_px=64), 0)


@pytest.mark.parametrize(("given", "words"), [
    ({"card": "folder"}, "looks at no masks, but --card would"),
    ({"settings": {"chanels": "bgr"}}, "looks at no masks, but chanels would"),
    ({"settings": {"channels": "xyz"}}, "channels"), ({"settings": {"view": "fulll"}}, "view"),
])  # fmt: skip
def test_what_frames_alone_cannot_heed_is_refused(tmp_path, given, words):
    with pytest.raises(InputError, match=words):
        bare_site(tmp_path, shown(), tmp_path / "out", **given)
