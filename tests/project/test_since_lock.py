"""What CI says of the steps that would do something else than in the run that dvc.lock records."""

import yaml

from tests.project import since_lock
from tests.projects import ROOT

CODE, METHOD = "artifacts/plan/code/train", "artifacts/plan/methods/mcdrl.json"


def lock(now):
    """A dvc.lock as DVC writes it, of a run that had these plans."""
    plans = [{"path": path, "hash": "md5", "md5": md5} for path, md5 in now.items()]
    folder = {"path": "artifacts/plan/methods", "hash": "md5", "md5": "0.dir", "nfiles": 2}
    other = {"path": "artifacts/ingest", "hash": "md5", "md5": "1.dir", "nfiles": 9}
    cells = {f"train@mcdrl-{site}-0": {"cmd": "x", "deps": [*plans, folder, other]} for site in "ABCDE"}
    return {"schema": "2.0", "stages": {**cells, "plan": {"cmd": "y"}}}


def test_nothing_changed_is_nothing_found(monkeypatch):
    monkeypatch.chdir(ROOT)
    now = since_lock.planned()
    assert {CODE, METHOD} <= set(now)
    assert since_lock.changed(lock(now), now) == {}


def test_what_changed_or_went_is_told_with_its_steps():
    before = {CODE: "a", METHOD: "b", "artifacts/plan/methods/gone.json": "c"}
    found = since_lock.changed(lock(before), {CODE: "other", METHOD: "b"})
    assert list(found) == [CODE, "artifacts/plan/methods/gone.json"]
    assert since_lock.told(found)[1] == f"{CODE}: train@mcdrl-A-0, train@mcdrl-B-0, train@mcdrl-C-0, ... (5)"


def test_the_command_tells_either_way(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    since_lock.main()
    assert "there is no dvc.lock" in capsys.readouterr().out
    monkeypatch.setattr(since_lock, "planned", lambda: {CODE: "a"})
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump(lock({CODE: "a"})))
    since_lock.main()
    assert capsys.readouterr().out == "every step means what it did when dvc.lock was written\n"
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump(lock({CODE: "b"})))
    since_lock.main()
    assert CODE in capsys.readouterr().out
