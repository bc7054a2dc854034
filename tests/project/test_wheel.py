"""The wheel holds the library and what comes along, and works in any folder, whatever is called `stages` there.

It is installed as users do, into a virtual environment far from the clone; what it needs comes from the environment
that the tests run in, by a path, so that nothing is downloaded.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile

import numpy as np
import pytest
import yaml

from mcdrl.study.paths import MODELS, PROJECT
from tests.commands.models.test_dicom_seg import save
from tests.commands.sites.test_check import frame, mask
from tests.commands.study.test_init import files
from tests.factories import bytes_of
from tests.pipeline.repository import tiny
from tests.projects import ROOT
from tests.videos import marks, write_video

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
SOURCES = [line[1:] for line in IGNORED if line.startswith("!")]  # what a container's wheel is built from, too


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A copy, as a build leaves files behind."""
    copy = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    (copy / "data" / "phantom" / "A").mkdir(parents=True, exist_ok=True)
    (copy / "data" / "phantom" / "A" / "rendered.png").touch()
    (copy / "data" / "backbones" / "mine.pt").touch()
    return copy


def built(sources, out):
    """The wheel of a folder of sources, built offline."""
    pip("wheel", "--no-deps", "--no-build-isolation", "-q", "-w", out, sources)
    (found,) = out.glob("mcdrl-*.whl")
    return found


def pip(*arguments):
    done = subprocess.run([sys.executable, "-m", "pip", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(sources, tmp_path_factory):
    return built(sources, tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The folder of packages of a new virtual environment."""
    place = tmp_path_factory.mktemp("elsewhere") / "venv"
    venv.create(place, symlinks=True)
    pip("--python", place / "bin" / "python", "install", "--no-deps", "--no-index", "-q", wheel)
    (packages,) = place.glob("lib/python*/site-packages")
    needed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "needed.pth").write_text("\n".join(needed))  # editable installs in it don't come along
    return packages


@pytest.fixture
def elsewhere(tmp_path):
    """A user's folder that has a package called `stages` of its own."""
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "__init__.py").write_text("raise SystemExit('the wrong stages')\n")
    return tmp_path


def run(installed, folder, *command):
    """Run a program of the environment's."""
    programs = installed.parents[2] / "bin"
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment = {**ours, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "200"}
    return subprocess.run(
        [programs / command[0], *command[1:]], cwd=folder, env=environment, capture_output=True, text=True
    )


def python(installed, folder, *arguments):
    return run(installed, folder, "python", *arguments)


def mcdrl(installed, folder, *arguments):
    """Run it so that the folder's own packages come first, as under `python -m` and in notebooks."""
    return python(installed, folder, "-c", "from mcdrl.cli import main; main()", *arguments)


def test_it_holds_every_file_of_the_library_and_what_comes_along_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    library = {path for path in (ROOT / "mcdrl").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    along = {path for place in (*PROJECT, MODELS) for path in files(ROOT / place)}
    expected = {path.relative_to(ROOT).as_posix() for path in library}
    expected |= {f"mcdrl/shipped/{path.relative_to(ROOT).as_posix()}" for path in along}
    assert names == expected


def test_a_source_archive_makes_the_same_wheel(sources, wheel, tmp_path):
    code = f"from setuptools.build_meta import build_sdist; build_sdist({str(tmp_path)!r})"
    done = subprocess.run([sys.executable, "-c", code], cwd=sources, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (archive,) = tmp_path.glob("mcdrl-*.tar.gz")
    with tarfile.open(archive) as members:
        members.extractall(tmp_path, filter="data")
    again = built(tmp_path / archive.name.removesuffix(".tar.gz"), tmp_path)
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as other:
        assert {name: one.read(name) for name in one.namelist()} == {
            name: other.read(name) for name in other.namelist()
        }


def test_it_says_what_it_is_and_may_be_used_for(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" in name]
        told = {name.partition(".dist-info/")[2]: archive.read(name).decode() for name in names}
    assert told["licenses/LICENSE"] == (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "\nLicense-Expression: Apache-2.0\n" in told["METADATA"]
    assert told["entry_points.txt"].split() == ["[console_scripts]", "mcdrl", "=", "mcdrl.cli:main"]


def test_all_that_it_needs_is_there(installed, elsewhere):
    done = python(installed, elsewhere, "-m", "pip", "check")
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def project(installed, tmp_path_factory):
    """A project that it has made, small, and run from the first stage to a model."""
    place = tmp_path_factory.mktemp("users") / "project"
    done = mcdrl(installed, place.parent, "init", "project")
    assert done.returncode == 0, done.stderr
    params = yaml.safe_load((place / "params.yaml").read_text(encoding="utf-8"))
    tiny(params)
    (place / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    done = run(installed, place, "python", "-m", "dvc", "repro")
    assert done.returncode == 0, done.stderr[-4000:]
    return place


def test_a_project_that_it_makes_runs_and_knows_what_is_done(installed, project):
    assert (project / "artifacts" / "deploy" / "mcdrl" / "promise.json").is_file()
    again = python(installed, project, "-m", "dvc", "repro").stdout
    assert re.findall(r"Running stage '([^']+)'", again) == ["plan"]  # as DVC can't see the library
    stale = python(installed, project, "-m", "dvc", "status").stdout
    assert re.findall(r"^(\S+):$", stale, re.MULTILINE) == ["plan"]
    dry = python(installed, project, "-m", "dvc", "repro", "--dry", "--force")
    assert dry.returncode == 0, dry.stderr
    assert "Running stage 'report'" in dry.stdout


IN_A_PROJECT = ("doctor", "inspect", "sites check", "sites cards", "studies list")


@pytest.mark.parametrize("command", IN_A_PROJECT)
def test_a_command_works_in_a_project(installed, project, command):
    done = run(installed, project, "mcdrl", *command.split())
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.fixture(scope="module")
def belongings(project, tmp_path_factory):
    """What a user has who knows nothing of projects: a model, and frames as PNG, DICOM and video, and with masks."""
    place = tmp_path_factory.mktemp("belongings")
    shutil.copytree(project / "artifacts" / "deploy" / "mcdrl", place / "model")
    for number, stem in enumerate("ab"):
        frame(place / "frames" / f"{stem}.png", number)
        frame(place / "site" / "images" / f"{stem}.png", number)
        mask(place / "site" / "masks" / f"{stem}.png")
    save(place / "dicom" / "a.dcm", np.zeros((30, 40, 3), np.uint8))
    write_video(place / "clip.mp4", marks(3))
    return place


COMMANDS = {
    "--help": [],
    "predict {mine}/frames --model {mine}/model --out masks --overlay": [
        "masks/a.png", "masks/b.png", "masks/predictions.csv", "masks/overlays/a.jpg",
    ],
    "predict {mine}/frames/a.png --model {mine}/model --out masks --format coco": ["masks/predictions.coco.json"],
    "predict {mine}/clip.mp4 --model {mine}/model --out masks --overlay": [
        "masks/clip.mp4", "masks/clip.csv", "masks/overlays/clip.mp4", "masks/predictions.csv",
    ],
    "predict {mine}/dicom --model {mine}/model --out masks --format dicom-seg": ["masks/a.dcm"],
    "predict {mine}/frames --out masks": ["masks/a.png", "masks/b.png", "masks/predictions.csv"],
    "accept {mine}/site --model {mine}/model --lesion-class polyp": ["acceptance/index.html", "acceptance/cases.csv"],
    "export {mine}/model --out exported": ["exported/network.onnx", "exported/preprocessing.json"],
    "pack {mine}/model --out packed": ["packed/README.md", "packed/model.safetensors"],
    "inspect {mine}/model": [],
    "models list": [],
    "models show polyp_lite0": [],
    "accept {mine}/site --model {mine}/model --lesion-class polyp --out accepted": [
        "accepted/index.html", "accepted/cases.csv",
    ],
    "adapt {mine}/site --model {mine}/model --lesion-class polyp --steps 1 --folds 2 --anyway --out adapted": [
        "adapted/README.md", "adapted/model.safetensors", "adapted/backbone/card.json",
    ],
    "sites check {mine}/site --lesion-class polyp": [],
    "sites cards": [],
    "studies list": [],
    "init project": ["project/dvc.yaml", "project/params.yaml", "project/stages/plan/__main__.py", "project/.git/HEAD"],
}  # what works in an empty folder -> some of what it writes there  # fmt: skip


@pytest.mark.parametrize(("command", "written"), COMMANDS.items(), ids=COMMANDS)
def test_a_command_works_in_an_empty_folder(installed, belongings, tmp_path, command, written):
    before = bytes_of(belongings)
    done = run(installed, tmp_path, "mcdrl", *command.format(mine=belongings).split())
    assert done.returncode == 0, done.stderr
    assert [name for name in written if not (tmp_path / name).is_file()] == []
    assert written or not list(tmp_path.iterdir())
    assert bytes_of(belongings) == before


def test_it_is_imported_without_torch(installed, elsewhere):
    code = "import sys, mcdrl; print(mcdrl.__file__, {'torch', 'pandas', 'stages'} & set(sys.modules))"
    assert python(installed, elsewhere, "-c", code).stdout.split() == [str(installed / "mcdrl/__init__.py"), "set()"]


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
        "from mcdrl.clip.card import read_card; from mcdrl.clip.lite import read_trained; "
        "from mcdrl.study.paths import LITE_TOWERS, own_or_shipped; "
        "print(read_card('lite2').family, *[len(read_trained(own_or_shipped(one))) for one in LITE_TOWERS.values()])"
    )
    assert python(installed, elsewhere, "-c", code).stdout.split() == ["lite", "2", "2", "2"]


@pytest.mark.parametrize(("command", "said"), [
    (["sites", "check"], "error: there is no project in {}"),
    (["sites", "check", "A"], "error: 'A' is no folder, and no site's name, as there is no project in {}"),
])  # fmt: skip
def test_what_needs_a_project_says_so_and_what_does_not(installed, elsewhere, command, said):
    done = mcdrl(installed, elsewhere, *command)
    assert done.returncode == 2
    assert done.stderr.startswith(said.format(elsewhere))
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
