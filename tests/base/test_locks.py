"""What one waits for while another is at it."""

import errno
import fcntl
import os
import sys
import threading
from contextlib import nullcontext

import pytest

from mcdrl.base.locks import one_at_a_time


@pytest.mark.parametrize("name", ["", "a.lock"])
def test_one_waits_for_the_other_and_a_folder_keeps_nothing_of_it(tmp_path, name):
    came = threading.Event()

    def other():
        with one_at_a_time(tmp_path / name):
            came.set()

    thread = threading.Thread(target=other)
    with one_at_a_time(tmp_path / name):
        thread.start()
        assert not came.wait(0.3)
    assert came.wait(60)
    thread.join()
    assert [path.name for path in tmp_path.iterdir()] == [name] * bool(name)


def test_paths_that_differ_do_not_wait_for_one_another(tmp_path):
    with one_at_a_time(tmp_path), one_at_a_time(tmp_path / "a.lock"), one_at_a_time(tmp_path / "b.lock"):
        pass


@pytest.mark.parametrize(("code", "goes"), [(errno.ENOLCK, True), (errno.ENOSYS, True), (errno.EIO, False)])
def test_a_file_system_without_locks_will_do(tmp_path, monkeypatch, code, goes):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    done = []
    with nullcontext() if goes else pytest.raises(OSError, match=os.strerror(code)), one_at_a_time(tmp_path):
        done.append(1)
    assert bool(done) == goes


def test_a_system_without_locks_will_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with one_at_a_time(tmp_path), one_at_a_time(tmp_path):
        pass
