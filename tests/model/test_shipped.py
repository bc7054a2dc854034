"""What comes along is complete, small, says where it is from, and is found by its name."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

import mcdrl
from mcdrl.artifacts.promise import promise_of
from mcdrl.base.errors import InputError
from mcdrl.base.files import read_json, write_json
from mcdrl.commands.models.inspect import describe
from mcdrl.model.bundle import FOLDER
from mcdrl.model.card import read_card
from mcdrl.model.facts import CARD
from mcdrl.model.readme import readme
from mcdrl.model.shipped import called, model_names, read_shipped, remarks, resolved, shipped_folder
from mcdrl.renderer import ScenePlan, Style, make_patient, render
from mcdrl.study import paths
from mcdrl.study.site_cards import read_card as read_site_card
from tests.lite_model import write_model
from tests.projects import ROOT

POLYPGEN = [f"polypgen_c{number}" for number in range(1, 5)]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def frame():
    """A drawn frame with a polyp."""
    patient = make_patient(np.random.default_rng(0), Style())
    return render(patient, ScenePlan("polyp"), np.random.default_rng(0), 224).image


def test_it_is_called_by_its_name_wherever_it_lies():
    assert (
        called(*resolved([Path(paths.START_MODEL)])) == called(shipped_folder(paths.START_MODEL)) == paths.START_MODEL
    )
    assert called(Path("else/where")) == str(Path("else/where"))


def test_the_one_to_start_with_is_among_them():
    assert paths.START_MODEL in model_names()


@pytest.mark.parametrize("name", model_names())
def test_it_is_small_and_complete(name):
    folder, card = shipped_folder(name), read_card(shipped_folder(name))
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 8e6
    assert card.held_out is None
    assert card.pretrained == "embedded"
    assert (folder / "README.md").read_text(encoding="utf-8") == describe(folder)


@pytest.mark.parametrize("name", model_names())
def test_what_it_promises_is_of_its_own_sites_each_left_out(name):
    card, promise = read_card(shipped_folder(name)), promise_of(shipped_folder(name))
    assert promise is not None
    assert set(promise.held_out) == set(card.sources)
    assert promise.drawn == []
    assert None not in (promise.dice_low, promise.false_positive_rate, promise.calibration_error_called)


@pytest.mark.parametrize("name", model_names())
def test_it_names_no_frame_and_no_machine(name):
    texts = [path for path in shipped_folder(name).rglob("*") if path.suffix in (".json", ".md", ".csv", ".yaml")]
    assert texts
    for path in texts:
        assert re.findall(r"\S+\.(?:jpe?g|png|tiff?|bmp)\b|/(?:home|work|tmp|root)/\S*", path.read_text("utf-8")) == []


def test_the_polyp_model_is_of_polypgen_alone_and_says_what_its_owners_ask_for():
    card, told = read_card(shipped_folder("polyp_lite0")), read_shipped("polyp_lite0")
    assert sorted(card.sources) == POLYPGEN
    assert (card.backbone, card.lesion_classes) == ("lite0", ["polyp"])
    (data,) = told.data
    sites = [read_site_card(f"{site}_flat", ROOT / "data" / "sites") for site in POLYPGEN]
    assert {(site.citation, site.licence, site.home) for site in sites} == {(data.citation, data.licence, data.home)}
    assert f"{sum(site.expected.frames for site in sites)} single frames" in data.title
    assert told.licence.name == data.licence.name == "CC BY 4.0"


def test_without_an_argument_it_is_loaded_and_predicts(frame):
    found = mcdrl.load(device="cpu").predict(frame)
    assert found.mask.shape == found.probability.shape == (224, 224)
    assert 0 < found.mask.mean() < 0.6
    named = mcdrl.load("polyp_lite0", device="cpu").predict(frame)
    np.testing.assert_array_equal(named.probability, found.probability)


def test_names_stand_for_folders_and_folders_win(tmp_path):
    shipped = shipped_folder("polyp_lite0")
    assert resolved([]) == resolved([Path("polyp_lite0")]) == [shipped]
    assert resolved([Path("a/b"), Path("polyp_lite0")]) == [Path("a/b"), shipped]
    (told,) = remarks([])
    assert told.startswith("model: polyp_lite0, which comes along (CC BY 4.0; for research, not for patients;")
    (tmp_path / "polyp_lite0").mkdir()
    (tmp_path / "other").mkdir()
    assert resolved([Path("polyp_lite0"), Path("other")]) == [Path("polyp_lite0"), Path("other")]
    assert remarks([Path("polyp_lite0"), Path("other")]) == [
        "model: the folder polyp_lite0 here, not the model of that name that comes along"
    ]
    assert remarks([Path("sub/polyp_lite0")]) == remarks([tmp_path / "polyp_lite0"]) == []


def test_a_name_that_is_none_is_refused_with_the_nearest():
    with pytest.raises(
        InputError, match=r"polyp_lit0/model\.json does not exist, and no model .* mean 'polyp_lite0'\?"
    ):
        mcdrl.load("polyp_lit0")
    with pytest.raises(InputError, match=r"no model 'polyp' comes along; did you mean 'polyp_lite0'\?"):
        read_shipped("polyp")


def test_a_project_may_have_models_of_its_own(tmp_path):
    (tmp_path / "params.yaml").touch()
    (tmp_path / "data" / "models").mkdir(parents=True)
    (tmp_path / "data" / "models" / "ours.yaml").write_text("title: Ours\nsize: 1\n")
    assert model_names() == ["ours", "polyp_lite0"]
    assert resolved([]) == [ROOT / "data" / "models" / "polyp_lite0"]  # still the one to start with
    with pytest.raises(InputError, match=r"ours\.yaml tells of a model whose folder .*ours isn't there"):
        resolved([Path("ours")])
    for name in ("ours", "polyp_lite0"):
        (tmp_path / "data" / "models" / name).mkdir()
        (tmp_path / "data" / "models" / f"{name}.yaml").touch()
    assert resolved([Path("ours")]) == [Path(os.path.join("data", "models", "ours"))]
    assert resolved([]) == [Path(os.path.join("data", "models", "polyp_lite0"))]
    with pytest.raises(InputError, match=r"licence: missing"):
        read_shipped("ours")


ASKED = ("(https://creativecommons.org/licenses/by/4.0/)", "Scientific Data 10 (2023), 75", "not for patients")


def told_of(folder, card):
    write_json({**read_json(folder / CARD), **card}, folder / CARD)
    return readme(folder, folder / FOLDER, None)


def test_what_the_owners_of_its_data_ask_for_stays_with_its_weights():
    told = (shipped_folder("polyp_lite0") / "README.md").read_text(encoding="utf-8")
    assert all(words in told for words in ASKED)
    assert "The weights are those of `polyp_lite0`" in told


def test_and_with_a_model_that_went_on_from_it(tmp_path):
    start = read_card(shipped_folder("polyp_lite0")).weights_sha256
    folder = write_model(tmp_path, held_out=None)
    adapted = {
        "site": "north", "learned": "labels", "n_frames": 9, "n_groups": 9, "groups": "patients", "replayed": [],
        "folds": 0, "further_sizes_px": [], "scores": {}, "advised": False,
    }  # fmt: skip
    stranger = told_of(folder, {"adapted": {**adapted, "weights_sha256": "0" * 64}})
    assert not any(words in stranger for words in ASKED)
    told = told_of(folder, {"adapted": {**adapted, "weights_sha256": start}})
    assert all(words in told for words in ASKED)
    assert "The weights went on from those of `polyp_lite0`" in told
    limits = {**adapted, "learned": "limits", "weights_sha256": start}
    assert "The weights are those of `polyp_lite0`" in told_of(folder, {"adapted": limits})
    later = {**limits, "weights_sha256": "0" * 64, "earlier_sha256": [start]}
    assert "The weights went on from those of `polyp_lite0`" in told_of(folder, {"adapted": later})
