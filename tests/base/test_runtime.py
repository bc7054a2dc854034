"""Exit codes and progress of a command."""

import errno
import gc
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from mcdrl.base.errors import InputError
from mcdrl.base.runtime import (
    enough_memory,
    free_memory_bytes,
    loading,
    machine_memory_gb,
    progress,
    usable_cores,
    user_errors,
)


def command(body, *arguments):
    code = f"""
import sys
from pathlib import Path
import typer
from mcdrl.base.errors import InputError
from mcdrl.base.runtime import run
def main(size: int = 1) -> None:
    {body}
run(main)
"""
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)


@pytest.mark.parametrize(
    ("body", "arguments", "code", "said"),
    [
        ("print(size)", ["--size", "3"], 0, ""),
        ("raise InputError('masks/a.png is empty')", [], 2, "error: masks/a.png is empty\n"),
        ("print(size)", ["--size", "big"], 2, "Invalid value for '--size'"),
        ("print(size)", ["--sise", "3"], 2, "No such option"),
        ("raise ValueError('bug')", [], 1, "ValueError: bug"),
        ("open('/dev/full', 'w', buffering=1).write('x' * 99999)", [], 2, "the disk is full"),
    ],
)
def test_exit_codes(body, arguments, code, said):
    done = command(body, *arguments)
    assert done.returncode == code
    assert said in done.stderr
    assert ("Traceback" in done.stderr) == (code == 1)


def write_table(path):
    pq.write_table(pa.table({"a": list(range(100000))}), path)


def write_text(path):
    path.write_text("x" * 100000)


@pytest.mark.parametrize("write", [write_table, write_text])
def test_a_full_disk_is_the_user_s_to_mend(write, capsys, tmp_path):
    """A link to the device that is always full; the link, as a writer may remove what it failed to write."""
    (tmp_path / "full").symlink_to("/dev/full")
    with pytest.raises(SystemExit) as stopped, user_errors():
        write(tmp_path / "full")
    assert stopped.value.code == 2
    assert "the disk is full: free some space" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EACCES, "denied"),
        (errno.EROFS, "read-only"),
        (errno.EFBIG, "larger than files may become"),
        (errno.EIO, "failed to read or write"),
        (errno.EMFILE, "too many files"),
        (errno.ENOENT, "no such file"),
        (errno.ENOTDIR, "is a file, not a folder"),
        (errno.ENAMETOOLONG, "too long"),
    ],
)
def test_errors_of_the_system_that_a_user_can_mend(number, words, capsys):
    with pytest.raises(SystemExit) as stopped, user_errors():
        raise OSError(number, "x", "some/file")
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: some/file: ")
    assert words in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("number", "named"), [(errno.ENOSPC, "copy"), (errno.EDQUOT, "copy"), (errno.EIO, "source -> copy")]
)
def test_a_failed_copy_names_the_target_or_both(number, named, capsys):
    with pytest.raises(SystemExit), user_errors():
        raise OSError(number, "x", "source", None, "copy")
    assert capsys.readouterr().err.startswith(f"error: {named}: ")


def test_a_full_disk_below_dvc_s_database_is_told(capsys):
    with pytest.raises(SystemExit) as stopped, user_errors():
        raise sqlite3.OperationalError("database or disk is full")
    assert stopped.value.code == 2
    assert "DVC's own database can't be written (database or disk is full)" in capsys.readouterr().err


def allocate_in_torch():
    torch.empty(2**50)


def allocate_in_numpy():
    np.empty(2**50)


def run_out_of_device_memory():
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nSee the documentation")


def run_out_in_the_system():
    raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))


def fail_to_start_a_thread():
    raise pa.lib.ArrowException("Unknown error: Failed to launch worker thread: Resource temporarily unavailable")


def fail_to_load_a_library():
    raise ImportError("libtorch_cpu.so: failed to map segment from shared object")


OUT_OF_MEMORY = [
    allocate_in_torch, allocate_in_numpy, run_out_of_device_memory, run_out_in_the_system, fail_to_start_a_thread,
    fail_to_load_a_library,
]  # fmt: skip


@pytest.mark.parametrize("fails", OUT_OF_MEMORY)
def test_a_lack_of_memory_names_the_stage_and_what_to_lower(fails, capsys):
    with pytest.raises(SystemExit) as stopped, user_errors(), enough_memory("encode", "encode.batch_size", 64):
        fails()
    said = capsys.readouterr().err
    assert stopped.value.code == 2
    assert said.startswith("error: encode ran out of memory at encode.batch_size 64 (")
    assert "lower encode.batch_size, or give it more memory" in said
    assert said.count("\n") == 1


def test_a_lack_of_memory_where_nothing_can_be_lowered(capsys):
    with pytest.raises(SystemExit), user_errors("audit"):
        raise MemoryError
    assert capsys.readouterr().err.startswith("error: audit ran out of memory (MemoryError): give it more memory")


def test_another_error_of_torch_is_a_bug():
    with pytest.raises(RuntimeError, match="shapes"), user_errors():
        raise RuntimeError("shapes differ")


def test_other_errors_of_the_system_are_bugs():
    with pytest.raises(OSError, match="x"), user_errors():
        raise OSError(errno.EBADF, "x")


def test_input_errors_end_with_code_2(capsys):
    with pytest.raises(SystemExit) as stopped, user_errors():
        raise InputError("no such site")
    assert stopped.value.code == 2
    assert capsys.readouterr().err == "error: no such site\n"


def test_progress_yields_everything_and_says_nothing_of_short_work(capsys):
    assert list(progress(iter(range(5)), "working", total=5)) == [0, 1, 2, 3, 4]
    assert capsys.readouterr().err == ""


def test_progress_is_a_line_now_and_then_where_there_is_no_terminal(capsys, monkeypatch):
    seconds = iter(range(0, 1000, 4))
    monkeypatch.setattr("mcdrl.base.runtime.time.monotonic", lambda: next(seconds))
    assert list(progress(range(9), "reading A", total=9)) == list(range(9))
    lines = capsys.readouterr().err.splitlines()
    assert 1 <= len(lines) <= 3
    assert all(line.startswith("reading A: ") and line.endswith("/9") for line in lines)


def test_progress_goes_without_a_total(capsys, monkeypatch):
    seconds = iter(range(0, 1000, 4))
    monkeypatch.setattr("mcdrl.base.runtime.time.monotonic", lambda: next(seconds))
    assert list(progress(range(9), "looking", total=None)) == list(range(9))
    lines = capsys.readouterr().err.splitlines()
    assert lines
    assert all(re.fullmatch(r"looking: \d", line) for line in lines)


def test_cores_are_counted_where_the_system_doesn_t_tell_which_ones_are_ours(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    monkeypatch.delattr(os, "process_cpu_count", raising=False)
    assert usable_cores() == 2
    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS
    assert usable_cores() == 7
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores() == 1
    monkeypatch.setattr(os, "process_cpu_count", lambda: 3, raising=False)  # as from Python 3.13 on
    assert usable_cores() == 3


@pytest.mark.parametrize(
    ("group", "limits", "free"),
    [
        ("/", {}, 4096_000),
        ("/", {"": ("max", 3000)}, 4096_000),  # a container without a limit
        ("/", {"": ("5000", 3000)}, 2000),  # a container
        ("/slurm/job", {"slurm/job": ("max", 10), "slurm": ("9000", 1000)}, 8000),  # a job, which its parent limits
        ("/", {"": ("3000", 3000)}, 1),  # full; 0 would be nobody's word
    ],
)
def test_free_memory_is_what_system_and_control_groups_leave(tmp_path, group, limits, free):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("MemTotal:  9000 kB\nMemAvailable:    4000 kB\n")
    (tmp_path / "proc/self/cgroup").write_text(f"1:cpu:/elsewhere\n0::{group}\n")
    for own, (most, used) in limits.items():
        folder = tmp_path / "sys/fs/cgroup" / own
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "memory.max").write_text(f"{most}\n")
        (folder / "memory.current").write_text(f"{used}\n")
    assert free_memory_bytes(tmp_path) == free


@pytest.mark.parametrize(("limits", "most"), [({}, None), ({"": "max"}, None), ({"": "5000", "job": "max"}, 5000),
                                              ({"": "max", "job": "7000"}, 7000), ({"": "9" * 30}, None)])  # fmt: skip
def test_a_container_s_limit_is_the_machine_s_memory(tmp_path, limits, most):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/job\n")
    for own, limit in limits.items():
        (tmp_path / "sys/fs/cgroup" / own).mkdir(parents=True, exist_ok=True)
        (tmp_path / "sys/fs/cgroup" / own / "memory.max").write_text(f"{limit}\n")
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert machine_memory_gb(tmp_path) == pytest.approx((most or physical) / 1e9)


def test_free_memory_that_nobody_tells(tmp_path):
    assert free_memory_bytes(tmp_path) == 0
    assert free_memory_bytes() > 0


def test_nobody_else_counts_cores():
    files = [path for package in ("mcdrl", "stages") for path in Path(package).rglob("*.py")]
    texts = {path.name: path.read_text(encoding="utf-8") for path in files if path.name != "__init__.py"}
    assert {name for name, text in texts.items() if "cpu_count" in text or "getaffinity" in text} == {"runtime.py"}


def test_no_garbage_is_looked_for_while_something_is_imported():
    with loading():
        assert not gc.isenabled()
        with loading():  # what is imported may import like this, too
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ImportError), loading():
        raise ImportError
    assert gc.isenabled()


def test_what_was_imported_is_never_looked_through_again(monkeypatch):
    gc.unfreeze()
    with loading():
        pass  # nothing is imported that wasn't: what is alive by now may become garbage
    assert gc.get_freeze_count() == 0
    with loading():
        monkeypatch.setitem(sys.modules, "further", sys)
    assert gc.get_freeze_count() > 0
    gc.unfreeze()
