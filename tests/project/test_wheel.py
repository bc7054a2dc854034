"""The wheel holds the library and what comes along, and works in any folder, whatever is called `stages` there."""

import os
import re
import shutil
import subprocess
import sys
import zipfile

import pytest
import yaml

from mcdrl.study.paths import PROJECT
from tests.commands.sites.test_check import frame, mask
from tests.commands.study.test_init import files
from tests.pipeline.repository import tiny
from tests.projects import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SOURCES = (
    "mcdrl", "stages", "data", "pyproject.toml", "setup.py", "params.yaml", "dvc.yaml", "README.md", "LICENSE",
    ".dvcignore", ".gitignore", ".dvc/config", ".dvc/.gitignore", ".dvc/plots",
)  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build it offline from a copy, as a build leaves files behind."""
    copy, out = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheels")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            (copy / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    (copy / "data" / "phantom" / "A").mkdir(parents=True, exist_ok=True)
    (copy / "data" / "phantom" / "A" / "rendered.png").touch()
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", str(out), "."]
    done = subprocess.run(pip, cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (found,) = out.glob("mcdrl-*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    target = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)  # which is all that installing such a wheel does
    return target


@pytest.fixture
def elsewhere(tmp_path):
    """A user's folder that has a package called `stages` of its own."""
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "__init__.py").write_text("raise SystemExit('the wrong stages')\n")
    return tmp_path


def run(installed, folder, *command):
    environment = {**os.environ, "PYTHONPATH": str(installed), "COLUMNS": "200"}
    return subprocess.run([sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True)


def mcdrl(installed, folder, *arguments):
    return run(installed, folder, "-c", "from mcdrl.cli import main; main()", *arguments)


def test_it_holds_every_file_of_the_library_and_what_comes_along_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    library = {path for path in (ROOT / "mcdrl").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    along = {path for place in PROJECT for path in files(ROOT / place)}
    expected = {path.relative_to(ROOT).as_posix() for path in library}
    expected |= {f"mcdrl/shipped/{path.relative_to(ROOT).as_posix()}" for path in along}
    assert names == expected


def test_a_project_that_it_makes_runs_from_the_first_stage_to_a_model(installed, elsewhere):
    done = mcdrl(installed, elsewhere, "init", "project")
    assert done.returncode == 0, done.stderr
    project = elsewhere / "project"
    params = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    tiny(params)
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    done = run(installed, project, "-m", "dvc", "repro")
    assert done.returncode == 0, done.stderr[-4000:]
    assert (project / "artifacts" / "deploy" / "mcdrl" / "promise.json").is_file()
    again = run(installed, project, "-m", "dvc", "repro").stdout
    assert re.findall(r"Running stage '([^']+)'", again) == ["plan"]  # as DVC can't see the library


def test_it_is_imported_without_torch(installed, elsewhere):
    code = "import sys, mcdrl; print(mcdrl.__file__, {'torch', 'pandas', 'stages'} & set(sys.modules))"
    assert run(installed, elsewhere, "-c", code).stdout.split() == [str(installed / "mcdrl/__init__.py"), "set()"]


def test_it_tells_its_version(installed, elsewhere):
    told = mcdrl(installed, elsewhere, "--version")
    (name,) = (path.name for path in installed.glob("*.dist-info"))
    assert (told.returncode, told.stdout) == (0, f"{name.removesuffix('.dist-info').replace('-', ' ')}\n")


def test_a_folder_of_frames_is_checked_without_a_project(installed, elsewhere):
    for number, stem in enumerate("ab"):
        frame(elsewhere / "A" / "images" / f"{stem}.png", number)  # called as a site of the embedded study is
        mask(elsewhere / "A" / "masks" / f"{stem}.png")
    done = mcdrl(installed, elsewhere, "sites", "check", "A", "--lesion-class", "ulcer")
    assert done.returncode == 0, done.stderr
    assert "A: A folder of frames and masks" in done.stdout
    assert "new beside the study's" not in done.stdout  # which isn't the user's
    assert "kvasir_seg" in mcdrl(installed, elsewhere, "sites", "cards").stdout
    assert "rivals" in mcdrl(installed, elsewhere, "studies", "list").stdout


def test_backbone_cards_and_the_text_tower_come_along(installed, elsewhere):
    code = (
        "from mcdrl.clip.card import read_card; from mcdrl.clip.lite import read_shipped; "
        "from mcdrl.study.paths import LITE_TOWER, own_or_shipped; "
        "print(read_card('lite0').family, len(read_shipped(own_or_shipped(LITE_TOWER))))"
    )
    assert run(installed, elsewhere, "-c", code).stdout.split() == ["lite", "2"]


@pytest.mark.parametrize("command", [["sites", "check"], ["sites", "check", "A"]])
def test_what_needs_a_project_says_so_and_what_does_not(installed, elsewhere, command):
    done = mcdrl(installed, elsewhere, *command)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: there is no project in {elsewhere}")
    assert "`mcdrl predict`" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_doctor_looks_at_the_machine_where_there_is_no_project(installed, elsewhere):
    done = mcdrl(installed, elsewhere, "doctor")
    assert (done.returncode, done.stderr) == (2, "")
    assert "Python" in done.stdout
    assert "clone the" in done.stdout


def test_a_project_s_own_files_count(installed, elsewhere):
    shutil.copytree(ROOT / "data" / "sites", elsewhere / "data" / "sites")
    (elsewhere / "data" / "sites" / "ours.yaml").write_text("title: Ours\nread: {}\n")
    shutil.copy(ROOT / "params.yaml", elsewhere)
    assert "Ours" in mcdrl(installed, elsewhere, "sites", "cards").stdout
