"""What a training leaves behind for people, wherever it runs."""

import subprocess

from mcdrl.training.record import LiveLog
from mcdrl.training.selection import Epoch

EPOCHS = [Epoch(0, {"total": 0.5}, 0.1), Epoch(1, {"total": 0.4}, 0.2)]


def test_a_git_repository_without_a_commit_stops_no_training(tmp_path, monkeypatch, capsys):
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / ".dvc").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    log = LiveLog(tmp_path / "dvclive", EPOCHS[:1])
    log.add(EPOCHS[1])
    log.close()
    assert "no commit" in capsys.readouterr().err


def test_epochs_are_logged_outside_of_git(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log = LiveLog(tmp_path / "dvclive", EPOCHS[:1])
    log.add(EPOCHS[1])
    log.close()
    assert (tmp_path / "dvclive/plots/metrics/val_dice.tsv").read_text().split()[-1] == "0.2"
