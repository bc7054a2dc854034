"""What a node does: two folders that share nothing but DVC's cache or its remote exchange a stage's results."""

import contextlib
import os
import subprocess

import pytest

from mcdrl.commands.run.child import log_path, outcome, reproduce
from mcdrl.commands.run.job import Job
from mcdrl.commands.run.plan import locked_record, read_plan
from tests.commands.run.toy import Toy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def toy(tmp_path):
    made = Toy(tmp_path / "toy")
    made.dvc("repro", "plan")
    return made


def job(toy, name, settings, *, remote=False):
    root = toy.folder
    with contextlib.chdir(root):
        upstream = tuple(read_plan([]).upstream[name])
    lock = locked_record(root, root / ".dvc/tmp/run/jobs")
    return Job(name, upstream, root, root.with_name("copy"), lock, log_path(root, name), tuple(settings), remote)


def one_cache(toy):
    return [("cache.dir", str(toy.folder / ".dvc/cache"))]


def come_back(toy, name, *options):
    """Reproduce a stage in the workspace with a shell that runs nothing; return the exit code."""
    environment = {**toy.environment, "SHELL": "/bin/false"}
    with log_path(toy.folder, "back").open("wb") as log:
        return subprocess.run(
            reproduce(name, *options), cwd=toy.folder, env=environment, stdout=log, stderr=log, check=False
        ).returncode


def test_by_one_cache(toy):
    assert job(toy, "cell@x", one_cache(toy))() == 0
    assert toy.ran() == []
    assert not (toy.folder / "out/x").exists()
    assert come_back(toy, "cell@x") == 0
    assert outcome(log_path(toy.folder, "none").with_name("back.log")).name == "RESTORED"
    assert toy.read("out/x") == b"one\n"


def test_by_a_folder_as_remote(toy, tmp_path):
    """The node's copy has a cache of its own, which is gone when its results come back."""
    toy.dvc("remote", "add", "--default", "store", "../store")
    toy.dvc("push", "--run-cache")
    with contextlib.chdir(toy.folder):
        remote = read_plan([], by_remote=True).remote
    assert dict(remote.settings)["remote.store.url"] == str(tmp_path / "store")
    assert job(toy, "cell@x", remote.settings, remote=True)() == 0
    assert (tmp_path / "copy/.dvc/cache").is_dir()
    os.rename(tmp_path / "copy", tmp_path / "gone")
    assert come_back(toy, "cell@x") != 0  # nothing of it is here yet, and the shell that runs nothing runs nothing
    assert come_back(toy, "cell@x", "--pull") == 0
    assert toy.read("out/x") == b"one\n"
    plain = Toy(tmp_path / "plain")
    plain.dvc("repro", "cell@x")
    assert toy.read("dvc.lock") == plain.read("dvc.lock")


def test_a_failed_stage_is_told_in_the_workspaces_log(toy):
    toy.write_pipeline(cell="echo 'error: no such site' >&2; exit 2")
    wanted = job(toy, "cell@x", one_cache(toy))
    assert wanted() != 0
    assert "error: no such site" in wanted.log.read_text(encoding="utf-8")


def test_so_is_a_cache_that_the_node_does_not_see(toy, tmp_path):
    wanted = job(toy, "cell@x", [("cache.dir", str(tmp_path / "elsewhere"))])
    assert wanted() != 0
    assert "out/plan" in wanted.log.read_text(encoding="utf-8")


def test_so_is_what_goes_wrong_before_it(toy, tmp_path):
    wanted = job(toy, "cell@x", [])
    (tmp_path / "copy").write_text("a file where the copy is to be", encoding="utf-8")
    assert wanted() == 1
    assert "FileExistsError" in wanted.log.read_text(encoding="utf-8")
