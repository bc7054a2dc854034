"""What DVC says is to be done, on a toy pipeline."""

import contextlib
import errno

import pytest
import yaml

from mcdrl.base.errors import InputError
from mcdrl.commands.run.plan import _DIGESTS, RunPlan, _check_roots, read_plan, recorded_outs, sort_lock
from mcdrl.study.params import load_study
from tests.commands.run.toy import Toy
from tests.project.dag import steps
from tests.projects import SHIPPED, copy_project

ORDER = ["plan", "cell@x", "cell@y", "cell@z", "beside", "gather"]


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    made = Toy(tmp_path_factory.mktemp("plan") / "toy")
    made.dvc("repro")
    return made


def planned(toy, targets):
    with contextlib.chdir(toy.folder):
        return read_plan(targets)


def test_order_and_arrows_are_those_of_dvc(toy):
    plan = planned(toy, [])
    assert plan.upstream == {
        "plan": [], "cell@x": ["plan"], "cell@y": ["plan"], "cell@z": ["plan"], "beside": ["plan"],
        "gather": ["beside", "cell@x", "cell@y", "cell@z"],
    }  # fmt: skip
    assert list(plan.upstream) == list(recorded_outs(toy.folder)) == ORDER
    assert plan.stale == set()
    assert plan.cached == set(ORDER)
    assert plan.cache == (toy.folder / ".dvc/cache").resolve()


def test_what_a_stage_opens_is_what_it_waits_for_and_what_lies_behind_digests(tmp_path):
    """A job's copy of the workspace has nothing else."""
    upstream = {
        "plan": [], "ingest@A": ["plan"], "encode@A": ["ingest@A", "plan"], "sources": ["encode@A", "ingest@A", "plan"],
        "backbone": ["plan"], "train@x": ["backbone", "sources"], "evaluate@x": ["backbone", "train@x"],
    }  # fmt: skip
    plan = RunPlan(upstream, frozenset(), frozenset(), tmp_path)
    assert plan.opened("train@x") == ["backbone", "encode@A", "ingest@A", "plan", "sources"]
    assert plan.opened("evaluate@x") == ["backbone", "train@x"]
    assert plan.opened("sources") == ["encode@A", "ingest@A", "plan"]


def test_the_digests_are_those_of_the_shipped_pipeline():
    deps = {step.name: step.deps for step in steps()}
    (out,) = [step.outs for step in steps() if step.name == _DIGESTS]
    assert [name for name in deps if any(dep.startswith(f"{next(iter(out))}/") for dep in deps[name])] == [
        name for name in deps if name.startswith("train")
    ]


def test_targets_are_stages_or_groups_with_what_they_read(toy):
    assert list(planned(toy, ["cell"]).upstream) == ORDER[:4]
    assert list(planned(toy, ["beside"]).upstream) == ["plan", "beside"]
    with pytest.raises(InputError, match="DVC can't tell what is to be done: Stage 'cel' not found"):
        planned(toy, ["cel"])


def test_what_is_missing_or_changed_is_stale(tmp_path):
    toy = Toy(tmp_path / "toy")
    assert planned(toy, []).stale == set(ORDER)
    toy.dvc("repro")
    (toy.folder / "out/y").unlink()
    assert planned(toy, []).stale == {"cell@y", "gather"}


def test_what_the_run_cache_can_not_hold_is_told(tmp_path):
    toy = Toy(tmp_path / "toy")
    pipeline = yaml.safe_load(toy.read("dvc.yaml"))
    pipeline["stages"]["plan"]["always_changed"] = True
    toy.write("dvc.yaml", yaml.safe_dump(pipeline, sort_keys=False))
    assert planned(toy, []).cached == set(ORDER) - {"plan"}


def test_what_is_always_looked_at_is_told_from_what_has_changed(tmp_path):
    toy = Toy(tmp_path / "toy")
    pipeline = yaml.safe_load(toy.read("dvc.yaml"))
    pipeline["stages"]["plan"]["always_changed"] = True
    toy.write("dvc.yaml", yaml.safe_dump(pipeline, sort_keys=False))
    assert planned(toy, []).looked_at == set()
    toy.dvc("repro")
    assert (planned(toy, []).stale, planned(toy, []).looked_at) == ({"plan"}, {"plan"})
    toy.write("in.txt", "two\n")
    assert (planned(toy, []).stale, planned(toy, []).looked_at) == ({"plan"}, set())


def test_a_pipeline_that_dvc_can_not_read_is_the_users(tmp_path):
    toy = Toy(tmp_path / "toy")
    toy.write("dvc.yaml", "stages: {plan: {cmd: 'echo ${nothing}'}}\n")
    with pytest.raises(InputError, match=r"DVC can't tell what is to be done: .*nothing"):
        planned(toy, [])


def test_a_slip_in_params_yaml_is_told_with_its_line(tmp_path):
    toy = Toy(tmp_path / "toy")
    toy.write("params.yaml", "a: 1\nb: [2\n")
    with pytest.raises(InputError, match=r"params\.yaml is not valid YAML: (.|\n)*line 2"):
        planned(toy, [])


@pytest.mark.parametrize(("key", "value"), [
    ("methods", "baseline"), ("seeds", 0), ("held_out", "A"), ("sites", None), ("sites", {"A": {"card": "folder"}}),
    ("deploy", None), ("deploy", {"methods": "mcdrl", "seeds": [0]}), ("deploy", {"methods": [], "seeds": 0}),
    ("evaluate", None),
])  # fmt: skip
def test_a_wrong_kind_of_value_is_told_before_dvc_stumbles_over_it(tmp_path, key, value):
    toy = Toy(tmp_path / "toy")
    toy.write("params.yaml", yaml.safe_dump({**SHIPPED, key: value}))
    with pytest.raises(InputError, match=rf"^params\.yaml has \d+ error\(s\):\n  {key}"):
        planned(toy, [])


@pytest.mark.parametrize("text", ["", '{"read', '{"read": 1}'])
def test_locks_that_a_full_disk_cut_short_are_named_with_what_to_do(tmp_path, text):
    toy = Toy(tmp_path / "toy")
    (toy.folder / ".dvc/tmp").mkdir()
    toy.write(".dvc/tmp/rwlock", text)
    with pytest.raises(InputError, match=r"rwlock.*; if no DVC is at work, remove that file"):
        planned(toy, [])


def test_a_lock_in_another_order_gets_that_of_dvc_byte_for_byte(tmp_path):
    toy = Toy(tmp_path / "toy")
    for name in ("plan", "beside", "cell@z", "cell@x", "cell@y", "gather"):
        toy.dvc("repro", "-s", name)
    assert list(recorded_outs(toy.folder)) != ORDER
    other = Toy(tmp_path / "other")
    other.dvc("repro")
    sort_lock(toy.folder, [], ORDER)
    assert toy.read("dvc.lock") == other.read("dvc.lock")


def test_a_disk_that_is_full_leaves_the_lock_as_it_was(toy, monkeypatch):
    """It is the only record of all that was ever trained."""
    before = toy.read("dvc.lock")

    def full(*_arguments, **_options):
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr("ruamel.yaml.YAML.dump", full)
    with pytest.raises(OSError, match="no space left"):
        sort_lock(toy.folder, [], ORDER[::-1])
    assert toy.read("dvc.lock") == before


def test_stages_that_were_there_before_stay_where_they_are(tmp_path):
    toy = Toy(tmp_path / "toy")
    for name in ("plan", "beside", "cell@z", "cell@x"):
        toy.dvc("repro", "-s", name)
    sort_lock(toy.folder, ["plan", "beside"], ORDER)
    assert list(recorded_outs(toy.folder)) == ["plan", "beside", "cell@x", "cell@z"]


@pytest.mark.parametrize("text", ["", "stages:\n", "stages: [", "a: b", "\x00"])
def test_a_lock_that_is_just_being_written_says_nothing_wrong(tmp_path, text):
    assert recorded_outs(tmp_path) == {}
    (tmp_path / "dvc.lock").write_text(text, encoding="utf-8")
    assert recorded_outs(tmp_path) == {}


def test_a_site_that_lies_nowhere_is_told_where_it_is_to_be_read(tmp_path, monkeypatch):
    """What `dvc repro` renders needn't be there; nor what no stage of the run reads."""
    monkeypatch.chdir(tmp_path)
    study = load_study(copy_project(tmp_path))
    gone = study.sites["A"].model_copy(update={"root": "gone"})
    study = study.model_copy(update={"sites": {**study.sites, "A": gone}})
    _check_roots(study, ["plan", "ingest@B"])
    with pytest.raises(
        InputError, match=r"^sites\.A\.root: gone is no folder; mend it in params\.yaml, or take the site"
    ):
        _check_roots(study, ["plan", "ingest@A", "ingest@B"])
    (tmp_path / "gone").mkdir()
    _check_roots(study, ["plan", "ingest@A"])
