"""The command: options, exit codes, what it prints and what it leaves behind."""

from pathlib import Path

import pytest

from mcdrl.artifacts.cases import CASES
from mcdrl.artifacts.plan import write_plan
from mcdrl.base.errors import InputError
from mcdrl.study import params
from mcdrl.study.params import load_study
from mcdrl.study.paths import plan_files
from stages.ingest.__main__ import main
from stages.plan.plans import site_plans
from tests.projects import raw_study, write_project
from tests.sites.site_folder import noise


@pytest.fixture
def study(folder, tmp_path, monkeypatch):
    """A study of two sites, one of them real, and nothing but the section of this stage."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(params, "STAGES_WITH_SECTION", ("ingest",))
    raw = raw_study(ingest={"size_px": 64, "val_share": 0.2})
    raw["sites"]["A"]["root"] = str(folder.root)
    write_project(tmp_path, raw)
    for plan in site_plans(load_study()):
        write_plan(plan, plan_files(tmp_path / "artifacts").site(plan.site))
    return tmp_path


def ingest(site, out, plan=None):
    main(site, plan_files(Path("artifacts")).site(plan or site), out)


def test_a_site_is_written_and_told_of(folder, study, capsys):
    for number in range(3):
        folder.pair(f"f{number}", number)
    ingest("A", study / "artifacts" / "ingest" / "A")
    names = sorted(path.name for path in (study / "artifacts" / "ingest" / "A").iterdir())
    assert names == ["cases.parquet", "frames.h5", "geometry.parquet", "quarantine.parquet"]
    assert capsys.readouterr().out.startswith("A: 3 frames accepted")


def test_a_second_run_replaces_the_first(folder, study):
    folder.pair("a", 0)
    ingest("A", study / "out")
    (study / "out" / "stale.txt").touch()
    folder.pair("b", 1)
    ingest("A", study / "out")
    assert len(CASES.read(study / "out" / "cases.parquet")) == 2
    assert not (study / "out" / "stale.txt").exists()


def test_a_failed_run_leaves_the_first(folder, study):
    folder.pair("a", 0)
    ingest("A", study / "out")
    (folder.root / "masks" / "a.png").unlink()
    with pytest.raises(InputError, match="not one of 1 frames"):
        ingest("A", study / "out")
    assert len(CASES.read(study / "out" / "cases.parquet")) == 1
    assert not [path for path in study.iterdir() if path.name.endswith(".partial")]


def test_an_unknown_site_is_named_with_the_legal_ones(study):
    with pytest.raises(InputError, match=r"params\.yaml has no site 'C'; legal: A, B"):
        ingest("C", study / "out")


def test_a_site_whose_folder_is_missing(study):
    with pytest.raises(InputError, match="raw/B is no folder"):
        ingest("B", study / "out")


def test_the_plan_says_how_a_site_is_read_and_no_card_is_asked(folder, study):
    """Where a card has another reading by now, `plan` is stale, and DVC runs it first."""
    folder.pair("a", 0)
    (study / "data/sites/folder.yaml").write_text("title: t\nread: {masks: 'elsewhere/{stem}.png'}\n")
    ingest("A", study / "out")
    assert len(CASES.read(study / "out" / "cases.parquet")) == 1


def test_the_plan_of_another_site_is_refused(study):
    with pytest.raises(InputError, match=r"B\.json is damaged \(it is the plan of 'B'\)"):
        ingest("A", study / "out", "B")


def test_no_artifact_names_this_machine(folder, study):
    folder.pair("a", 0)
    folder.frame("b.png", noise(1))
    ingest("A", study / "out")
    for path in (study / "out").iterdir():
        content = path.read_bytes()
        assert str(study).encode() not in content
        assert str(folder.root).encode() not in content
