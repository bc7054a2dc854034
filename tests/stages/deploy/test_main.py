"""The folder that is handed on: a network of all sites, and what its study promises."""

import shutil

import pytest
import yaml

from mcdrl.artifacts.promise import promise_of, write_promise
from mcdrl.base.errors import InputError
from mcdrl.commands.models.inspect import describe, inspect
from mcdrl.commands.models.pack import pack
from mcdrl.model.ensemble import load_ensemble
from mcdrl.model.members import members
from mcdrl.model.take_along import README
from mcdrl.study.paths import backbone_folder, promise_path, report_folder, whole_model
from stages.deploy.__main__ import main
from tests import lite_model
from tests.factories import bytes_of, make_promise
from tests.projects import ROOT, SHIPPED


@pytest.fixture
def artifacts(tmp_path, monkeypatch):
    """A project whose two networks of all sites are trained, and whose report promises something of one."""
    (tmp_path / "data").symlink_to(ROOT / "data")
    deploy = {"methods": ["mcdrl", "baseline"], "seeds": [0]}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({**SHIPPED, "deploy": deploy}))
    monkeypatch.chdir(tmp_path)
    found = tmp_path / "artifacts"
    made = lite_model.write_model(tmp_path / "made", held_out=None)
    shutil.copytree(made.parent / "lite0", backbone_folder(found))
    for method, promise in (("mcdrl", make_promise()), ("baseline", None)):
        shutil.copytree(made, whole_model(found, method, 0))
        write_promise(promise, promise_path(report_folder(found), method))
    return found


def deploy(artifacts, method):
    out = artifacts / "deploy" / method
    main(method, artifacts, out)
    return out


def test_the_folder_is_a_model_with_its_promise(artifacts, capsys):
    out = deploy(artifacts, "mcdrl")
    load_ensemble([out], None, "cpu")
    assert promise_of(out) == make_promise()
    assert "Dice **0.700**" in (out / README).read_text(encoding="utf-8")
    assert "Dice **0.700**" in capsys.readouterr().out


def test_without_cells_in_the_study_there_is_no_estimate(artifacts, capsys):
    out = deploy(artifacts, "baseline")
    assert promise_of(out) is None
    assert "no estimate for new sites" in (out / README).read_text(encoding="utf-8")
    assert "no estimate for new sites" in capsys.readouterr().out


def test_several_seeds_are_one_ensemble(artifacts, tmp_path):
    shutil.copytree(whole_model(artifacts, "mcdrl", 0), whole_model(artifacts, "mcdrl", 7))
    given = {**SHIPPED, "deploy": {"methods": ["mcdrl"], "seeds": [0, 7]}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(given))
    out = deploy(artifacts, "mcdrl")
    assert members(out) == [out / "0", out / "7"]
    assert len(load_ensemble([out], None, "cpu").members) == 2
    shutil.rmtree(out / "backbone")  # as one that is too large to copy; it is in the study
    load_ensemble([out], None, "cpu")
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({**SHIPPED, "deploy": {"methods": ["mcdrl"], "seeds": [7]}}))
    assert members(deploy(artifacts, "mcdrl")) == [out]
    assert not (out / "7").exists()


def test_it_is_written_anew_with_equal_bytes(artifacts):
    first = bytes_of(deploy(artifacts, "mcdrl"))
    assert bytes_of(deploy(artifacts, "mcdrl")) == first


def test_it_can_be_packed_and_looked_at(artifacts, tmp_path):
    out = deploy(artifacts, "mcdrl")
    pack(out, tmp_path / "packed", None)
    assert promise_of(tmp_path / "packed") == make_promise()
    told = {shown.title: dict(shown.rows) for shown in inspect(tmp_path / "packed") if len(shown.heads) == 2}
    assert told["model"]["held_out"] == "–"
    assert told["found at sites left out"]["dice"] == "0.700"
    assert "Dice **0.700**" in describe(tmp_path / "packed")


def test_a_backbone_that_is_too_large_to_copy_is_found_in_the_study(artifacts):
    for place in (whole_model(artifacts, "mcdrl", 0), deploy(artifacts, "mcdrl")):
        shutil.rmtree(place / "backbone")
        load_ensemble([place], None, "cpu")


def test_unknown_names_and_what_was_not_trained_are_refused(artifacts):
    with pytest.raises(InputError, match=r"unknown method 'mcdlr' in deploy\.methods; did you mean 'mcdrl'"):
        deploy(artifacts, "mcdlr")
    shutil.rmtree(whole_model(artifacts, "mcdrl", 0))
    with pytest.raises(InputError, match=r"train_all/mcdrl/0/model\.json does not exist"):
        deploy(artifacts, "mcdrl")
    assert not (artifacts / "deploy" / "mcdrl").exists()
