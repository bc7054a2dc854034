"""A project in a new folder, whose library lies elsewhere."""

import shutil
import subprocess
import sys
from pathlib import Path
from stat import S_IMODE, S_IWUSR

import pytest
import yaml

from mcdrl.base import files as files_of_the_library
from mcdrl.base.errors import InputError
from mcdrl.commands.study import init as initialising
from mcdrl.commands.study.init import init
from mcdrl.study.paths import PROJECT
from tests.projects import ROOT


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("new") / "project"
    init(folder)
    return folder


def files(place):
    found = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    return {path for path in found if "__pycache__" not in path.parts and (path == place or path.name[0] != ".")}


def test_it_holds_what_a_clone_has_beside_the_library(project):
    for place in PROJECT:
        ours = {path.relative_to(ROOT): path.read_bytes() for path in files(ROOT / place)}
        theirs = {path.relative_to(project): path.read_bytes() for path in files(project / place)}
        assert ours
        if place.name != "dvc.yaml":
            assert theirs == ours
    assert not (project / "mcdrl").exists()
    assert (project / ".git").is_dir()


def test_its_pipeline_is_that_of_a_clone_but_for_the_library(project):
    ours, theirs = (yaml.safe_load((place / "dvc.yaml").read_text(encoding="utf-8")) for place in (ROOT, project))
    plan = ours["stages"]["plan"]
    assert theirs["stages"].pop("plan") == {**plan, "deps": ["stages", "data/sites"], "always_changed": True}
    del ours["stages"]["plan"]
    assert theirs == ours


def test_dvc_reads_it_and_takes_the_shipped_text_tower_for_made(project):
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "status", "pretrain"], cwd=project, capture_output=True, text=True, check=True
    )
    assert "up to date" in done.stdout


def test_the_stages_that_run_are_the_project_s_own(project):
    """And an edit of one of them is a step that means something else."""
    command = [sys.executable, "-m", "stages.plan", "--out", "artifacts/plan"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}

    def digest(stage):
        subprocess.run(command, cwd=project, env=environment, check=True)
        return (project / "artifacts/plan/code" / stage).read_text()

    before = digest("report")
    page = project / "stages" / "report" / "page.py"
    page.write_text(page.read_text(encoding="utf-8") + "\nEDITED = 1\n", encoding="utf-8")
    assert digest("report") != before


@pytest.fixture
def read_only(tmp_path, monkeypatch):
    """An installation that nobody may write to, all of it that is copied."""
    shipped = tmp_path / "installed"
    for place in PROJECT:
        (shipped / place).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / place).is_dir():
            shutil.copytree(ROOT / place, shipped / place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(ROOT / place, shipped / place)
    copied = [shipped, *shipped.rglob("*")]
    for path in copied:
        path.chmod(0o555 if path.is_dir() else 0o444)
    monkeypatch.setattr(initialising, "shipped", lambda: shipped)
    yield shipped
    for path in copied:
        path.chmod(0o755)


def not_writable(folder):
    """Return what nobody may edit, but for what git and DVC keep so."""
    paths = [path for path in folder.rglob("*") if not {".git", ".dvc"} & {*path.relative_to(folder).parts}]
    return [path for path in paths if not path.stat().st_mode & S_IWUSR]


def test_a_project_of_a_read_only_installation_is_writable(read_only, tmp_path):
    init(tmp_path / "project")
    assert not_writable(read_only)
    assert not not_writable(tmp_path / "project")
    assert S_IMODE((tmp_path / "project" / "stages" / "train" / "__main__.py").stat().st_mode) == 0o644


@pytest.mark.usefixtures("read_only")
def test_what_a_failed_copy_left_can_be_removed(tmp_path, monkeypatch):
    left, copy = [], initialising._copy

    def fail(source, target):
        if left:
            raise OSError(28, "No space left on device")
        copy(source, target)
        if target.is_dir():
            left.append(target)

    def remove(path, *_, **__):
        assert not not_writable(Path(path))
        removed(path)

    removed = shutil.rmtree
    monkeypatch.setattr(initialising, "_copy", fail)
    monkeypatch.setattr(files_of_the_library.shutil, "rmtree", remove)
    with pytest.raises(OSError, match="No space left"):
        init(tmp_path / "project")
    assert left
    assert [path.name for path in tmp_path.iterdir()] == ["installed"]


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    for folder in (tmp_path, tmp_path / "mine.txt"):
        with pytest.raises(InputError, match="exists and isn't an empty folder"):
            init(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("named", [".", "../here"])
def test_an_empty_folder_is_filled_with_the_same_and_not_replaced(project, tmp_path, monkeypatch, named):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    init(Path(named))
    assert here.samefile(".")
    assert {path.name for path in here.iterdir()} == {path.name for path in project.iterdir()} - {"artifacts"}
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


@pytest.mark.parametrize(("command", "said"), [
    (["no-such-git"], "no-such-git is not installed"),
    ([sys.executable, "-c", "raise SystemExit('no')"], "failed .*: no"),
])  # fmt: skip
def test_where_git_does_not_work_nothing_is_left(tmp_path, monkeypatch, command, said):
    run = initialising._run
    monkeypatch.setattr(initialising, "_run", lambda folder, *_: run(folder, *command))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=said):
        init(tmp_path / "empty")
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]
