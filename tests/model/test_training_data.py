"""What a model's folder says of the frames that it was trained on: by its study, and on its own."""

import shutil

import numpy as np
import pandas as pd
import pytest

from mcdrl.artifacts.audit import PROFILE
from mcdrl.artifacts.training_data import FRAMES_FILE, SITES_FILE, SOME_FRAMES_FILE
from mcdrl.base.errors import InputError
from mcdrl.model.bundle import FOLDER
from mcdrl.model.take_along import copy_models
from mcdrl.model.training_data import KnownFrames, known_frames, training_sites, write_known_frames
from mcdrl.study.paths import audit_files, site_files, whole_model
from tests import lite_model
from tests.factories import bytes_of, make_cases, write_site

SITES = {"B": 0.2, "C": 0.6}  # site -> brightness of its frames


def profile(cases, brightness):
    numbers = dict.fromkeys(PROFILE.schema.names[4:], 0.1) | {"brightness": brightness}
    return cases[["case_id", "site", "width_px", "height_px"]].assign(**numbers)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The artifacts of a study of the sites A, B and C; a model of B and C, and one of B alone."""
    artifacts = tmp_path_factory.mktemp("study")
    rows = []
    for number, (site, brightness) in enumerate({"A": 0.9, **SITES}.items()):
        hashes = [f"{number}{frame:063d}" for frame in range(4)]
        cases = make_cases([f"{site}/{frame}" for frame in range(4)], sha256=hashes)
        write_site(site_files(artifacts, site).folder, cases, np.zeros((4, 32, 32, 3)), np.zeros((4, 32, 32)))
        rows.append(profile(cases, brightness))
    PROFILE.write(pd.concat(rows, ignore_index=True), audit_files(artifacts).profile)
    for method, sources in {"both": ["B", "C"], "one": ["B"]}.items():
        made = lite_model.write_model(artifacts / "made" / method, held_out=None, sources=sources)
        shutil.copytree(made, whole_model(artifacts, method, 0))
    return artifacts


def test_of_a_model_in_its_study_the_study_tells(study):
    found = known_frames([whole_model(study, "both", 0)])
    assert found.complete
    assert sorted(found.site_of.values()) == ["B"] * 4 + ["C"] * 4
    assert found.site_of[f"2{3:063d}"] == "C"
    sites = training_sites([whole_model(study, "both", 0)])
    bright = sites[sites["quantity"] == "brightness"]
    assert dict(zip(bright["site"], bright["median"], strict=True)) == pytest.approx(SITES, abs=1e-6)
    view = sites[sites["quantity"] == "view_share"]
    assert view["median"].tolist() == [1.0, 1.0]


def test_several_models_know_the_frames_of_all_of_them(study):
    found = known_frames([whole_model(study, "one", 0), whole_model(study, "both", 0)])
    assert len(found.site_of) == 8
    sites = training_sites([whole_model(study, "one", 0), whole_model(study, "both", 0)])
    assert sorted(set(sites["site"])) == ["B", "C"]
    assert not sites.duplicated(["site", "quantity"]).any()


def test_a_model_that_leaves_its_study_takes_it_along(study, tmp_path):
    model = whole_model(study, "both", 0)
    copy_models({".": model}, model / FOLDER, tmp_path / "one", limit_bytes=None)
    assert known_frames([tmp_path / "one"]) == known_frames([model])
    pd.testing.assert_frame_equal(training_sites([tmp_path / "one"]), training_sites([model]))
    copy_models({".": tmp_path / "one"}, model / FOLDER, tmp_path / "two", limit_bytes=None)
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")


def test_an_ensemble_holds_it_once(study, tmp_path):
    model = whole_model(study, "both", 0)
    copy_models({"0": model, "1": model}, model / FOLDER, tmp_path / "two", limit_bytes=None)
    assert [path.name for path in sorted(tmp_path.rglob("training_*"))] == [FRAMES_FILE, SITES_FILE]
    assert len(known_frames([tmp_path / "two"]).site_of) == 8
    assert len(known_frames([tmp_path / "two" / "1"]).site_of) == 8
    assert training_sites([tmp_path / "two"]) is not None


def test_a_folder_that_says_nothing_is_known_to_say_nothing(study, tmp_path):
    model = whole_model(study, "both", 0)
    shutil.copytree(model, tmp_path / "bare")
    assert known_frames([tmp_path / "bare"]).complete is False
    assert training_sites([tmp_path / "bare"]) is None
    both = known_frames([tmp_path / "bare", whole_model(study, "one", 0)])
    assert (both.complete, len(both.site_of)) == (False, 4)
    assert training_sites([tmp_path / "bare", model]) is None
    copy_models({".": tmp_path / "bare"}, model / FOLDER, tmp_path / "copy", limit_bytes=None)
    assert not list((tmp_path / "copy").glob("training_*"))


def test_frames_that_are_not_all_stay_known_and_known_not_to_be_all(study, tmp_path):
    model = whole_model(study, "both", 0)
    shutil.copytree(model, tmp_path / "bare")
    write_known_frames({"a" * 64: "N"}, tmp_path / "bare", complete=False)
    expected = KnownFrames({"a" * 64: "N"}, complete=False)
    assert known_frames([tmp_path / "bare"]) == expected
    copy_models({".": tmp_path / "bare"}, model / FOLDER, tmp_path / "copy", limit_bytes=None)
    assert known_frames([tmp_path / "copy"]) == expected
    assert [path.name for path in (tmp_path / "copy").glob("training_*")] == [SOME_FRAMES_FILE]
    both = known_frames([tmp_path / "bare", whole_model(study, "one", 0)])
    assert (both.complete, len(both.site_of)) == (False, 5)


def test_known_frames_come_back_as_they_were_written_whatever_their_order(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    write_known_frames({"b" * 64: "N", "a" * 64: "N"}, tmp_path / "one")
    write_known_frames({"a" * 64: "N", "b" * 64: "N"}, tmp_path / "two")
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")


def test_a_damaged_file_is_refused(study, tmp_path):
    shutil.copytree(whole_model(study, "both", 0), tmp_path / "model")
    (tmp_path / "model" / FRAMES_FILE).write_bytes(b"nothing")
    with pytest.raises(InputError, match=f"{FRAMES_FILE} is not a readable Parquet file"):
        known_frames([tmp_path / "model"])
