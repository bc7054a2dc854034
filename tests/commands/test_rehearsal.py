"""Stage `plan` is tried in a project whose library DVC can't see."""

import contextlib
import subprocess
import sys

import pytest

from mcdrl.commands.rehearsal import unchanged
from mcdrl.commands.run.app import _listed
from mcdrl.commands.run.plan import read_plan
from mcdrl.commands.study.init import init
from tests.projects import ROOT


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """One whose plan was made."""
    folder = tmp_path_factory.mktemp("new") / "project"
    init(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        subprocess.run([sys.executable, "-m", "dvc", "repro", "-q", "plan"], cwd=folder, check=True)
        yield folder


def listed(project, target):
    with contextlib.chdir(project):
        return _listed(read_plan([target]))


def test_a_plan_that_would_say_the_same_is_not_changed(project):
    assert listed(project, "plan") == ["plan: always looked at, and would say the same", "all is up to date"]
    assert unchanged(project, []) == set()
    assert listed(project, "phantom") == ["plan: always looked at, and would say the same", "phantom: changed"]


def test_what_the_library_would_do_otherwise_is_found(project):
    """As after another version of it was installed: the record is right in itself, and only the library says more."""
    path = project / "artifacts/plan/code/report"
    before = path.read_bytes()
    path.unlink()
    path.write_bytes(before[::-1])
    subprocess.run([sys.executable, "-m", "dvc", "commit", "-f", "-q", "plan"], cwd=project, check=True)
    assert listed(project, "phantom") == ["plan: changed", "phantom: changed"]
    path.unlink()
    path.write_bytes(before)
    subprocess.run([sys.executable, "-m", "dvc", "commit", "-f", "-q", "plan"], cwd=project, check=True)


def test_of_another_stage_of_that_name_nobody_can_tell(project):
    path = project / "dvc.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("stages.plan --out", "stages.plan  --out"), encoding="utf-8")
    assert unchanged(project, ["plan"]) == set()
    path.write_text(text, encoding="utf-8")
