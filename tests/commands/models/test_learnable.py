"""Frames that a model is adapted with: classes by name, scenes where patients are unknown, replay from the sources."""

import numpy as np
import pytest

from mcdrl.artifacts.cases import CASES
from mcdrl.base.errors import InputError
from mcdrl.commands.models.learnable import Shown, labelled_site, replayed
from mcdrl.study.paths import site_files
from tests import stub_sites
from tests.factories import make_card, make_spec
from tests.sites.site_folder import SiteFolder


def shown(**facts):
    return Shown(make_card(spec=make_spec(), **facts), "full", 1)


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


def test_what_can_not_be_read_is_told(folder):
    (folder / "images" / "0.png").write_bytes(b"no picture")
    site = labelled_site(folder, shown(lesion_classes=["polyp"]), None, {})
    assert len(site.frames) == 3
    assert len(site.refused) == 1
    assert "images/0.png" in site.refused[0]


def test_sources_are_replayed_and_the_held_out_site_is_not(tmp_path):
    stub_sites.write_study(tmp_path, sites=("A", "B", "C"))
    frames, names = replayed([tmp_path], shown(sources=["B", "C"], held_out="A"), 0)
    assert names == ["B", "C"]
    assert {group.partition("/")[0] for group in frames.groups} == {"B", "C"}
    assert sorted(set(frames.site.tolist())) == [1, 2]
    assert len(frames) == 2 * sum(number % 5 != 1 for number in range(16))  # those of validation aren't replayed
    assert set(frames.lesion_class.tolist()) == {-1, 0, 1}


def test_folders_are_replayed_too(folder):
    frames, names = replayed([folder], shown(lesion_classes=["polyp"]), 0)
    assert names == ["north"]
    assert len(frames) == 4
    assert set(frames.site.tolist()) == {1}


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
    assert replayed([], shown(), 0) == (None, [])


def test_a_study_that_doesnt_fit_is_refused(tmp_path):
    stub_sites.write_study(tmp_path, sites=("A",))
    with pytest.raises(InputError, match="has none of the model's sites \\(B\\)"):
        replayed([tmp_path], shown(sources=["B"]), 0)
    with pytest.raises(InputError, match="its frames are of 32 px, the model takes 64 px"):
        replayed([tmp_path], shown(sources=["A"], size_px=64), 0)
