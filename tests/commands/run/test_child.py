"""A stage's process group, and what its log says."""

import os
import signal
import time
from types import SimpleNamespace

import psutil
import pytest

from mcdrl.commands.run.child import Child, StageOutcome, exit_code, last_line, log_path, outcome, stop_all, told
from mcdrl.commands.run.signals import Signals

FAILED = "ERROR: failed to reproduce 'train@a-0': failed to run: python -m stages.train a 0, exited with {}\n"


@pytest.fixture
def log(tmp_path):
    return log_path(tmp_path, "train@a-0")


def start(script, log):
    return Child(["sh", "-c", script], log.parent, {"GIVEN": "yes"}, log)


def wait_for(text, log):
    deadline = time.monotonic() + 20
    while text not in log.read_text(encoding="utf-8"):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def runs(pid):
    """Whether a process runs; one that has ended and that nobody has asked about doesn't."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_what_it_prints_and_how_it_ended(log):
    child = start("echo $GIVEN; echo wrong >&2; exit 3", log)
    while child.poll() is None:
        time.sleep(0.01)
    assert child.poll() == 3
    assert log.read_text(encoding="utf-8") == "yes\nwrong\n"


def test_no_process_of_the_group_outlives_the_stop(log, monkeypatch):
    monkeypatch.setattr("mcdrl.commands.run.child._POLITE_S", 0.5)  # the shell lets what it puts beside ignore SIGINT
    child = start("sleep 300 & echo $!; wait", log)
    wait_for("\n", log)
    grandchild = int(log.read_text(encoding="utf-8"))
    with Signals() as signals:
        stop_all([child], signals)
    assert child.poll() is not None
    deadline = time.monotonic() + 5
    while runs(grandchild):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_a_killed_one_leaves_of_its_processes_is_ended(log):
    """A stage outlives its DVC, and would write where the next attempt does."""
    child = start("sleep 300 & echo $!; kill -9 $$", log)
    while child.poll() is None:
        time.sleep(0.01)
    grandchild = int(log.read_text(encoding="utf-8"))
    deadline = time.monotonic() + 5
    while runs(grandchild):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_one_that_does_not_listen_is_ended_and_a_second_signal_makes_it_quick(log):
    child = start("trap '' INT; echo ready; while :; do sleep 1; done", log)
    wait_for("ready", log)
    with Signals() as signals:
        began = time.monotonic()
        former = signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        stop_all([child], signals)
        signal.signal(signal.SIGALRM, former)
    assert time.monotonic() - began < 8  # it would have been given ten seconds
    while child.poll() is None:
        time.sleep(0.01)
    assert child.poll() == -signal.SIGKILL


@pytest.mark.parametrize(("former", "heard"), [(signal.SIG_IGN, 0), (signal.SIG_DFL, 1)])
def test_what_nohup_lets_be_ignored_stops_nothing(former, heard):
    before = signal.signal(signal.SIGHUP, former)
    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGHUP)
    assert signal.signal(signal.SIGHUP, before) == former
    assert signals.heard == heard


def test_a_log_begins_anew_and_has_a_name_of_harmless_letters(tmp_path):
    path = log_path(tmp_path, "data/sub dir/dvc.yaml:train@a")
    assert path.parent == tmp_path / ".dvc/tmp/run"
    path.write_text("old", encoding="utf-8")
    assert log_path(tmp_path, "data/sub dir/dvc.yaml:train@a").read_text(encoding="utf-8") == ""
    assert path.name == "data_sub_dir_dvc.yaml_train@a.log"


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("Running stage 'a':\n> x\n", StageOutcome.RAN),
        ("Stage 'a' is cached - skipping run, checking out outputs\n", StageOutcome.RESTORED),
        ("Stage 'a' didn't change, skipping\n", StageOutcome.UNCHANGED),
    ],
)
def test_what_dvc_did_is_read_from_what_it_said(log, said, found):
    log.write_text(said, encoding="utf-8")
    assert outcome(log) is found


def test_the_line_that_says_most_and_whose_fault_it_is(log):
    log.write_text("epoch 1\nerror: params.yaml: no such site\n" + FAILED.format(2), encoding="utf-8")
    assert (told(log), exit_code(log)) == ("error: params.yaml: no such site", 2)
    several = "error: params.yaml has 2 error(s):\n  train.epochs: missing\n  train.epoch: unknown key"
    log.write_text(f"error: former\n> x\n{several}\n" + FAILED.format(2), encoding="utf-8")
    assert told(log) == several
    log.write_text("Traceback:\nValueError: shapes\n" + FAILED.format(1), encoding="utf-8")
    assert (told(log), exit_code(log)) == ("ValueError: shapes", 1)
    log.write_text("ERROR: 'out' is busy\n\n<https://error.dvc.org/busy>\n", encoding="utf-8")
    assert (told(log), exit_code(log)) == ("ERROR: 'out' is busy", None)
    log.write_text("Killed\n", encoding="utf-8")
    assert told(log) == "Killed"
    log.write_text("", encoding="utf-8")
    assert (told(log), exit_code(log)) == ("nothing was printed", None)


@pytest.mark.parametrize(
    ("said", "code", "found"),
    [
        ("epoch 1\n" + FAILED.format(-9), 255, "ended by SIGKILL, as the system does where memory runs out"),
        ("epoch 1\n" + FAILED.format(137), 255, "ended by SIGKILL, as the system does where memory runs out"),
        ("epoch 1\n" + FAILED.format(-11), 255, "ended by SIGSEGV"),
        ("> python -m stages.train a 0\n", -9, "ended by SIGKILL, as the system does where memory runs out"),
        ("ValueError: shapes\n" + FAILED.format(1), 255, "ValueError: shapes"),
        ("error: it can't be\n" + FAILED.format(2), 255, "error: it can't be"),
        ("ERROR: unexpected\n", 255, "ERROR: unexpected"),
    ],
)
def test_a_signal_that_ended_a_stage_is_told(log, said, code, found):
    log.write_text(said, encoding="utf-8")
    assert told(log, code) == found


def test_a_stage_that_could_not_say_a_word_on_a_full_disk(log, monkeypatch):
    monkeypatch.setattr("mcdrl.commands.run.child.shutil.disk_usage", lambda _path: SimpleNamespace(free=4096))
    assert told(log) == "nothing was printed, the disk is full"


def test_the_last_line_is_the_last_that_says_something(log, tmp_path):
    log.write_bytes(b"x" * 9000 + b"\nepoch 2\xff\n\n")
    assert last_line(log) == "epoch 2\N{REPLACEMENT CHARACTER}"
    assert last_line(tmp_path / "none") == ""


def test_what_a_run_ignores_its_processes_hear(log):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in the background of a shell
    try:
        with Signals() as signals:
            child = start("trap 'exit 5' INT; echo ready; while :; do sleep 0.1; done", log)
            wait_for("ready", log)
            os.kill(os.getpid(), signal.SIGINT)
            assert signals.heard == 0
            stop_all([child], signals)
    finally:
        signal.signal(signal.SIGINT, before)
    assert child.poll() == 5
