"""A job's copy of the workspace."""

import subprocess
import sys

import pytest

from mcdrl.base.errors import InputError
from mcdrl.commands.run.workspace import check_git, prepare
from tests.commands.run.toy import Toy


def made(tmp_path, **settings):
    toy, copy, lock = Toy(tmp_path / "toy"), tmp_path / "copy", tmp_path / "dvc.lock"
    lock.write_text("schema: '2.0'\nstages: {}\n", encoding="utf-8")
    return toy, copy, lambda: prepare(toy.folder, copy, lock, settings)


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_a_copy_holds_what_git_would_commit_edits_and_new_files_too(tmp_path):
    toy, copy, renew = made(tmp_path)
    toy.write("new.txt", "new")
    toy.write("log.txt", "ignored")
    renew()
    assert names(copy) == {".dvc", ".git", ".gitignore", "dvc.lock", "dvc.yaml", "in.txt", "new.txt", "params.yaml"}
    assert (copy / "dvc.lock").read_text(encoding="utf-8") == "schema: '2.0'\nstages: {}\n"


def test_what_can_not_be_copied_is_told_before_any_job(tmp_path):
    check_git(Toy(tmp_path / "toy").folder)
    (tmp_path / "toy/sub").mkdir()
    with pytest.raises(InputError, match=r"toy/sub is not the top folder of a git repository; git init"):
        check_git(tmp_path / "toy/sub")


def test_a_copy_has_the_workspaces_commits(tmp_path):
    """Without one dvclive writes nothing."""
    toy, copy, renew = made(tmp_path)
    renew()  # of a workspace without any
    author = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", "add", "-A"], cwd=toy.folder, check=True)
    subprocess.run(["git", *author, "commit", "-qm", "start"], cwd=toy.folder, check=True)
    renew()
    heads = [subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=folder) for folder in (toy.folder, copy)]
    assert heads[0] == heads[1]
    assert not [name for name in names(copy) if name.endswith(".partial")]


def test_a_renewed_copy_follows_the_workspace_and_keeps_the_artifacts(tmp_path):
    """Unfinished trainings are among them."""
    toy, copy, renew = made(tmp_path)
    toy.write("new.txt", "new")
    renew()
    (copy / "artifacts/.resume").mkdir(parents=True)
    (copy / "left").mkdir()
    (toy.folder / "new.txt").unlink()
    toy.write("in.txt", "edited")
    renew()
    assert names(copy) == {
        *(".dvc", ".git", ".gitignore", "artifacts", "dvc.lock", "dvc.yaml", "in.txt", "params.yaml"),
    }
    assert (copy / "artifacts/.resume").is_dir()
    assert (copy / "in.txt").read_text(encoding="utf-8") == "edited"


def test_half_a_lock_file_of_a_killed_attempt_holds_nothing_up(tmp_path):
    _, copy, renew = made(tmp_path)
    renew()
    (copy / ".dvc/tmp").mkdir(exist_ok=True)
    (copy / ".dvc/tmp/rwlock").write_text("", encoding="utf-8")
    renew()
    assert not (copy / ".dvc/tmp/rwlock").exists()


def test_settings_hold_for_the_copy_alone_beside_the_users_own(tmp_path):
    toy, copy, renew = made(tmp_path, **{"cache.dir": str(tmp_path / "cache")})
    toy.write(".dvc/config.local", "['remote \"store\"']\n    url = ssh://x/y\n    password = secret\n")
    renew()
    told = subprocess.run([sys.executable, "-m", "dvc", "config", "--list"], cwd=copy, capture_output=True, text=True)
    assert f"cache.dir={tmp_path / 'cache'}" in told.stdout
    assert "remote.store.password=secret" in told.stdout
    assert "cache.dir" not in toy.read(".dvc/config.local").decode()
