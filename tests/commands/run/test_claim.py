"""One run a workspace."""

import errno
import fcntl
import json
import os
import socket
import subprocess
import threading
from contextlib import nullcontext
from pathlib import Path

import psutil
import pytest

from mcdrl.base.errors import InputError
from mcdrl.commands.run import claim as claiming
from mcdrl.commands.run.claim import claim_path, claimed


def owned(root, host, pid, **more):
    path = claim_path(root)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"host": host, "pid": pid, **more}), encoding="utf-8")


def test_a_workspace_has_one_run_at_a_time(tmp_path):
    with claimed(tmp_path):
        with pytest.raises(InputError, match=f"process {os.getpid()} on {socket.gethostname()}"), claimed(tmp_path):
            pass
        assert claim_path(tmp_path).exists()
    assert not claim_path(tmp_path).exists()


def test_another_node_is_refused_whether_or_not_such_a_process_is_here(tmp_path):
    owned(tmp_path, "node17", 2**22 - 1)
    with pytest.raises(InputError, match=r"on node17 .* clone of your own.* rm .*owner\.json"), claimed(tmp_path):
        pass
    assert claim_path(tmp_path).exists()


def test_what_a_killed_run_left_is_taken_over(tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    owned(tmp_path, socket.gethostname(), ended.pid)
    with claimed(tmp_path):
        assert json.loads(claim_path(tmp_path).read_text(encoding="utf-8"))["pid"] == os.getpid()


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="this system doesn't say when a process began")
@pytest.mark.parametrize("number", [os.getpid, os.getppid])
def test_a_number_that_another_process_has_by_now_is_taken_over(tmp_path, number):
    """As process 1 is in a container that is started anew, and any after a reboot."""
    owned(tmp_path, socket.gethostname(), number(), started="0 1")
    with claimed(tmp_path):
        own = json.loads(claim_path(tmp_path).read_text(encoding="utf-8"))
        assert (own["pid"], own["started"]) != (number(), "0 1")
    assert not claim_path(tmp_path).exists()


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="this system doesn't say when a process began")
def test_when_a_process_began_is_the_same_whenever_it_is_asked():
    own = claiming._started(os.getpid())
    with subprocess.Popen(["sleep", "60"]) as child:
        later = claiming._started(child.pid)
        child.kill()
    (boot, ticks), (same_boot, more_ticks) = own.split(), later.split()
    assert same_boot == boot
    assert int(more_ticks) > int(ticks) > 0
    began = psutil.Process().create_time() - psutil.boot_time()
    assert int(ticks) / os.sysconf("SC_CLK_TCK") == pytest.approx(began, abs=2)
    assert claiming._started(os.getpid()) == own
    assert claiming._started(2**22 + 1) is None


def test_a_claim_that_does_not_say_when_its_process_began_is_judged_by_its_number(tmp_path):
    """Nobody runs two at once: an owner with this very number is another process, which has ended."""
    owned(tmp_path, socket.gethostname(), os.getppid())
    with pytest.raises(InputError, match=f"process {os.getppid()} on "), claimed(tmp_path):
        pass
    claim_path(tmp_path).write_text(json.dumps({"host": socket.gethostname(), "pid": os.getpid()}), encoding="utf-8")
    with claimed(tmp_path):
        pass


def test_a_full_disk_leaves_no_claim_that_stands_in_the_next_runs_way(tmp_path, monkeypatch):
    def full(*_arguments):
        raise OSError(errno.ENOSPC, "no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("mcdrl.commands.run.claim.json.dump", full)
        with pytest.raises(OSError, match="no space left"), claimed(tmp_path):
            pass
    with claimed(tmp_path):
        pass


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"host": "a", "pid": "x"}'])
def test_a_damaged_claim_is_no_free_pass(tmp_path, text):
    owned(tmp_path, "", 1)
    claim_path(tmp_path).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="rm "), claimed(tmp_path):
        pass


def test_no_two_look_at_once_whose_claim_there_is(tmp_path):
    """Of two that both find what a killed run left, the second would take the first one's claim for it."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    owned(tmp_path, socket.gethostname(), ended.pid)
    came = threading.Event()

    def claim():
        with claimed(tmp_path):
            came.set()

    with claim_path(tmp_path).with_suffix(".lock").open("a", encoding="utf-8") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        run = threading.Thread(target=claim)
        run.start()
        assert not came.wait(0.5)
        assert json.loads(claim_path(tmp_path).read_text(encoding="utf-8"))["pid"] == ended.pid
    assert came.wait(60)
    run.join()


@pytest.mark.parametrize(("code", "runs"), [(errno.ENOLCK, True), (errno.ENOSYS, True), (errno.EIO, False)])
def test_a_file_system_without_locks_will_do(tmp_path, monkeypatch, code, runs):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with nullcontext() if runs else pytest.raises(OSError, match=os.strerror(code)), claimed(tmp_path):
        assert claim_path(tmp_path).exists()


def test_a_claim_that_another_has_made_since_stays(tmp_path):
    with claimed(tmp_path):
        claim_path(tmp_path).unlink()
        claim_path(tmp_path).write_text(json.dumps({"host": "node17", "pid": 1}), encoding="utf-8")
    assert claim_path(tmp_path).exists()
