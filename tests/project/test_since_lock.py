"""What CI says of the steps that would do something else than in the run that dvc.lock records."""

import pytest
import yaml

from tests.project import since_lock
from tests.projects import ROOT

CODE, METHOD = "artifacts/plan/code/train", "artifacts/plan/methods/mcdrl.json"
FOLDER = "89341198c1b366f85e872c331269553c.dir"  # DVC's of a.yaml and b.yaml below
PARAMS = {"lesion_classes": ["polyp"], "sites": {}, "deploy": {"seeds": [0]}}


def lock(now):
    """A dvc.lock as DVC writes it, of a run that had these plans."""
    plans = [{"path": path, "hash": "md5", "md5": md5} for path, md5 in now.items()]
    folder = {"path": "artifacts/plan/methods", "hash": "md5", "md5": "0.dir", "nfiles": 2}
    other = {"path": "artifacts/ingest", "hash": "md5", "md5": "1.dir", "nfiles": 9}
    step = {"cmd": "x", "deps": [*plans, folder, other], "params": {"params.yaml": {"lesion_classes": ["polyp"]}}}
    own = {"cmd": "y", "params": {"params.yaml": {"sites": {"A": "told by its plan"}}}}
    return {"schema": "2.0", "stages": {**{f"train@mcdrl-{site}-0": step for site in "ABCDE"}, "plan": own}}


def test_nothing_changed_is_nothing_found(monkeypatch):
    monkeypatch.chdir(ROOT)
    now = since_lock.planned()
    assert {CODE, METHOD} <= set(now)
    assert since_lock.changed(lock(now), now, PARAMS) == {}


def test_what_changed_or_went_is_told_with_its_steps():
    before = {CODE: "a", METHOD: "b", "artifacts/plan/methods/gone.json": "c"}
    found = since_lock.changed(lock(before), {CODE: "other", METHOD: "b"}, PARAMS)
    assert list(found) == [CODE, "artifacts/plan/methods/gone.json"]
    assert since_lock.told(found)[1] == f"{CODE}: train@mcdrl-A-0, train@mcdrl-B-0, train@mcdrl-C-0, ... (5)"


@pytest.mark.parametrize(("params", "told"), [
    ({**PARAMS, "lesion_classes": ["polyp", "cyst"]}, ["params.yaml lesion_classes"]),
    ({"deploy": PARAMS["deploy"]}, ["params.yaml lesion_classes"]),
    ({**PARAMS, "deploy": {"seeds": [0, 1]}}, ["params.yaml deploy.seeds"]),
])  # fmt: skip
def test_a_changed_parameter_is_told_with_the_steps_that_read_it(params, told):
    before = lock({CODE: "a"})
    before["stages"]["deploy@mcdrl"] = {"cmd": "z", "params": {"params.yaml": {"deploy.seeds": [0]}}}
    found = since_lock.changed(before, {CODE: "a"}, params)
    assert list(found) == told
    assert len(found[told[0]]) == (1 if "deploy" in told[0] else 5)


def test_data_that_moved_is_told_and_what_is_gone_or_large_is_not_read(tmp_path, monkeypatch):
    """A folder's MD5 is DVC's own: the expected one is what `dvc repro` wrote into dvc.lock for such a folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "cards").mkdir(parents=True)
    (tmp_path / "data" / "cards" / "a.yaml").write_text("a\n")
    (tmp_path / "data" / "cards" / "b.yaml").write_text("b\n")
    (tmp_path / "data" / "splits.csv").write_text("case_id,site\n")
    (tmp_path / "data" / "large").touch()
    deps = [
        {"path": "data/cards", "md5": FOLDER, "size": 4, "nfiles": 2},
        {"path": "data/splits.csv", "md5": "0", "size": 13},
        {"path": "data/gone", "md5": "0", "size": 1},
        {"path": "data/large", "md5": "0", "size": 2**40},
    ]
    before = {"stages": {"ingest@A": {"cmd": "x", "deps": deps}}}
    assert since_lock.changed(before, since_lock.data(before), PARAMS) == {"data/splits.csv": ["ingest@A"]}
    (tmp_path / "data" / "cards" / "b.yaml").write_text("c\n")
    assert "data/cards" in since_lock.changed(before, since_lock.data(before), PARAMS)


def test_the_command_tells_either_way(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    since_lock.main()
    assert "there is no dvc.lock" in capsys.readouterr().out
    monkeypatch.setattr(since_lock, "planned", lambda: {CODE: "a"})
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump(lock({CODE: "a"})))
    since_lock.main()
    assert capsys.readouterr().out == "every step means what it did when dvc.lock was written\n"
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump(lock({CODE: "b"})))
    since_lock.main()
    assert CODE in capsys.readouterr().out
