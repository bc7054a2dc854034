"""Files exist whole or not at all."""

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from mcdrl.base.errors import InputError
from mcdrl.base.files import atomic, atomic_folder, new_folder, read_json, regular, sha256, write_json


def stop(partial):
    (partial / "half.txt" if partial.is_dir() else partial).write_text("half")
    raise RuntimeError("stop")


def fail(context, path):
    with context(path) as partial:
        stop(partial)


def test_a_file_appears_at_the_end(tmp_path):
    target = tmp_path / "deep" / "a.txt"
    with atomic(target) as partial:
        partial.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path):
    with atomic(tmp_path / ("n" * 255)) as partial:
        partial.write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["n" * 255]


def test_a_failure_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError, match="stop"):
        fail(atomic, target)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failure_leaves_the_old_folder(tmp_path):
    target = tmp_path / "site"
    target.mkdir()
    (target / "old.txt").write_text("old")
    with pytest.raises(RuntimeError, match="stop"):
        fail(atomic_folder, target)
    assert [path.name for path in tmp_path.rglob("*")] == ["site", "old.txt"]


def test_a_new_folder_replaces_the_old_one_whole(tmp_path):
    target = tmp_path / "site"
    target.mkdir()
    (target / "old.txt").write_text("old")
    with atomic_folder(target) as partial:
        (partial / "new.txt").write_text("new")
    assert [path.name for path in tmp_path.rglob("*")] == ["site", "new.txt"]


def test_what_a_killed_process_left_is_overwritten(tmp_path):
    """Killed in the middle of both: nothing under the final names, and the next run isn't disturbed."""
    code = """
import os, signal, sys
from pathlib import Path
from mcdrl.base.files import atomic, atomic_folder
here = Path(sys.argv[1])
with atomic(here / "a.txt") as file, atomic_folder(here / "b") as folder:
    file.write_text("half")
    (folder / "half.txt").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)])
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "a.txt").exists()
    assert not (tmp_path / "b").exists()
    with atomic(tmp_path / "a.txt") as file, atomic_folder(tmp_path / "b") as folder:
        file.write_text("whole")
        assert list(folder.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b"]


def test_two_who_make_one_new_folder_at_once_do_not_get_into_each_others_way(tmp_path):
    first, second = ExitStack(), ExitStack()
    (first.enter_context(new_folder(tmp_path / "out")) / "first").write_text("first")
    (second.enter_context(new_folder(tmp_path / "out")) / "second").write_text("second")
    first.close()
    with pytest.raises(InputError, match=r"out was made by something else meanwhile.*; see .*out-2 for the new one"):
        second.close()
    found = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")]
    assert sorted(found) == ["out", "out-2", "out-2/second", "out/first"]


def test_a_new_folder_of_a_long_name_is_kept_under_a_shorter_one_where_its_place_is_taken(tmp_path):
    long, making = "ü" * 127, ExitStack()
    (making.enter_context(new_folder(tmp_path / long)) / "new.txt").write_text("new")
    (tmp_path / long).write_text("note")
    with pytest.raises(InputError, match="meanwhile"):
        making.close()
    assert {path.name for path in tmp_path.iterdir()} == {long, f"{'ü' * 121}-2"}


def test_a_link_to_an_empty_folder_stays_and_the_new_one_is_what_it_leads_to(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with new_folder(tmp_path / "link") as partial:
        (partial / "new.txt").write_text("new")
    assert (tmp_path / "real" / "new.txt").read_text() == "new"
    assert (tmp_path / "link").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "real"]


@pytest.mark.parametrize("come", ["folder", "file", "link"])
def test_a_new_folder_replaces_nothing_that_has_come_meanwhile(tmp_path, come):
    def make(target):
        with new_folder(target) as partial:
            (partial / "new.txt").write_text("new")
            if come == "folder":
                target.mkdir()
                (target / "note.txt").write_text("note")
            elif come == "file":
                target.write_text("note")
            else:
                target.symlink_to(tmp_path / "nothing")
            (tmp_path / "out-2").mkdir()
            (tmp_path / "out-2" / "other.txt").write_text("other")

    with pytest.raises(InputError, match=r"out was made by something else meanwhile.*; see .*out-3 for the new one"):
        make(tmp_path / "out")
    assert (tmp_path / "out-3" / "new.txt").read_text() == "new"
    assert not (tmp_path / "out" / "new.txt").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out-2", "out-3"]
    assert come != "folder" or (tmp_path / "out" / "note.txt").read_text() == "note"


def test_a_new_folder_takes_the_place_of_an_empty_one(tmp_path):
    (tmp_path / "out").mkdir()
    with new_folder(tmp_path / "out") as partial:
        (partial / "new.txt").write_text("new")
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["out", "out/new.txt"]


def test_a_file_takes_the_place_of_a_link_not_of_its_target(tmp_path):
    """As with a data version control cache whose files are linked into the workspace."""
    cached = tmp_path / "cached"
    cached.write_text("precious")
    (tmp_path / "out").symlink_to(cached)
    with atomic(tmp_path / "out") as partial:
        partial.write_text("new")
    assert cached.read_text() == "precious"
    assert (tmp_path / "out").read_text() == "new"


def test_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


def test_json_comes_back_and_its_layout_is_fixed(tmp_path):
    value = {"b": [1, 2.5, None], "a": {"Größe": "ü"}}
    write_json(value, tmp_path / "a.json")
    write_json(dict(reversed(value.items())), tmp_path / "b.json")
    assert read_json(tmp_path / "a.json") == value == json.loads((tmp_path / "a.json").read_text())
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_refuses_what_is_no_number(tmp_path, value):
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json({"a": value}, tmp_path / "a.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"a": 1', "not valid JSON"),
        (b"[1]", "holds a list"),
        (b"\xff\xfe", "not valid JSON"),
        (b'{"a": ' + b"[" * 100_000, "not valid JSON"),
        (b'{"a": ' + b'{"a": ' * 100_000, "not valid JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON"),
    ],
)
def test_unusable_json(tmp_path, text, message):
    (tmp_path / "a.json").write_bytes(text)
    with pytest.raises(InputError, match=message):
        read_json(tmp_path / "a.json")


def test_missing_json(tmp_path):
    with pytest.raises(InputError, match=r"a\.json does not exist; run `dvc repro` to make it anew"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_how_to_mend_a_file_is_for_its_reader_to_say(tmp_path, text):
    if text is not None:
        (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=r"a\.json .*; copy the folder again$"):
        read_json(tmp_path / "a.json", "copy the folder again")


def test_json_with_a_byte_order_mark_is_read(tmp_path):
    (tmp_path / "a.json").write_text('{"a": "ü"}', encoding="utf-8-sig")
    assert read_json(tmp_path / "a.json") == {"a": "ü"}


def test_names_keep_their_permissions(tmp_path):
    with atomic(tmp_path / "a") as partial:
        partial.touch()
    (tmp_path / "b").touch()
    assert os.stat(tmp_path / "a").st_mode == os.stat(tmp_path / "b").st_mode


def fail_at(path, context, names):
    with context(path) as partial:
        given = [name if name in (None, "source") else str(partial / name) for name in names]
        raise OSError(errno.ENOSPC, "full", *given)


@pytest.mark.parametrize(
    ("context", "names", "named"),
    [
        (atomic, [], "out"),
        (atomic, ["."], "out"),
        (atomic, ["source"], "out"),
        (atomic, ["source", None, "."], "out"),
        (atomic_folder, [], "out"),
        (atomic_folder, ["a/b.png"], "out/a/b.png"),
        (atomic_folder, ["source", None, "b.png"], "out/b.png"),
    ],
)
def test_an_error_of_writing_names_the_file_as_users_know_it(tmp_path, context, names, named):
    with pytest.raises(OSError, match="full") as failed:
        fail_at(tmp_path / "out", context, names)
    assert failed.value.filename == str(tmp_path / named)
    assert failed.value.filename2 is None
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_reading_keeps_the_name_of_what_was_read(tmp_path):
    with pytest.raises(PermissionError) as failed, atomic(tmp_path / "out"):
        raise PermissionError(errno.EACCES, "denied", "source")
    assert failed.value.filename == "source"


def test_a_pipe_is_refused_before_it_is_opened(tmp_path):
    pipe = tmp_path / "model.json"
    os.mkfifo(pipe)
    for read in (regular, sha256, read_json):
        with pytest.raises(InputError, match=r"model\.json is a pipe, a socket or a device"):
            read(pipe)
    (tmp_path / "link").symlink_to(pipe)
    with pytest.raises(InputError, match="link is a pipe"):
        regular(tmp_path / "link")
    with pytest.raises(InputError, match="/dev/zero is a pipe, a socket or a device"):
        regular(Path("/dev/zero"))
    for fine in (tmp_path / "nothing", tmp_path, Path(__file__)):
        assert regular(fine) == fine
