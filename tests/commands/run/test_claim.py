"""One run a workspace."""

import errno
import json
import os
import socket
import subprocess
import sys

import pytest

from mcdrl.base.errors import InputError
from mcdrl.commands.run.claim import claim_path, claimed


def owned(root, host, pid):
    path = claim_path(root)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"host": host, "pid": pid}), encoding="utf-8")


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


def test_of_many_that_find_what_a_killed_run_left_one_runs(tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    owned(tmp_path, socket.gethostname(), ended.pid)
    trying = (
        "import sys; from pathlib import Path; from mcdrl.commands.run.claim import claimed\n"
        "sys.stdin.readline()\n"
        "with claimed(Path(sys.argv[1])): print('runs', flush=True); sys.stdin.readline()\n"
    )
    command = [sys.executable, "-c", trying, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    several = [subprocess.Popen(command, **pipes) for _ in range(4)]
    for one in several:
        one.stdin.write("go\n")
        one.stdin.flush()
    refused = [one for one in several if not one.stdout.readline()]
    assert len(refused) == 3
    for one in several:
        said = one.communicate("end\n")[1]
        assert ("runs the stages of this workspace" in said) == (one in refused)
    assert not claim_path(tmp_path).exists()


def test_a_claim_that_another_has_made_since_stays(tmp_path):
    with claimed(tmp_path):
        claim_path(tmp_path).unlink()
        claim_path(tmp_path).write_text(json.dumps({"host": "node17", "pid": 1}), encoding="utf-8")
    assert claim_path(tmp_path).exists()
