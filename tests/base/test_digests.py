"""A note about a file never outlives what it is of."""

import hashlib
import os
from pathlib import Path

import pytest

from mcdrl.base import digests
from mcdrl.base.digests import remembered_sha256


@pytest.fixture
def asked(monkeypatch):
    """The files that were read from end to end; notes hold from the moment that they are written."""
    read, whole = [], digests.sha256
    monkeypatch.setattr(digests, "sha256", lambda path: read.append(path.name) or whole(path))
    monkeypatch.setattr(digests, "_SETTLED_NS", -1)
    return read


def _of(content):
    return hashlib.sha256(content).hexdigest()


def test_a_file_is_hashed_once(tmp_path, asked):
    for name in "ab":
        (tmp_path / name).write_bytes(name.encode())
    found = [[remembered_sha256(tmp_path / name, tmp_path / "notes") for name in "ab"] for _ in range(3)]
    assert found == [[_of(b"a"), _of(b"b")]] * 3
    assert asked == ["a", "b"]


def test_what_changed_is_hashed_again_even_if_it_looks_as_old_and_as_long(tmp_path, asked):
    path, notes = tmp_path / "a", tmp_path / "notes"
    path.write_bytes(b"one")
    before = path.stat()
    assert remembered_sha256(path, notes) == _of(b"one")
    path.write_bytes(b"two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert remembered_sha256(path, notes) == _of(b"two")
    (tmp_path / "b").write_bytes(b"six")
    os.utime(tmp_path / "b", ns=(before.st_atime_ns, before.st_mtime_ns))
    (tmp_path / "b").rename(path)
    assert remembered_sha256(path, notes) == _of(b"six")
    assert asked == ["a"] * 3


def test_a_link_to_another_file_is_hashed_again(tmp_path, asked):
    """As DVC leaves outputs with cache.type symlink."""
    for name in "ab":
        (tmp_path / name).write_bytes(name.encode())
    link, notes = tmp_path / "link", tmp_path / "notes"
    found = []
    for name in "aab":
        link.unlink(missing_ok=True)
        link.symlink_to(tmp_path / name)
        found.append(remembered_sha256(link, notes))
    assert found == [_of(b"a"), _of(b"a"), _of(b"b")]
    assert asked == ["link"] * 2


def test_a_file_that_was_just_written_is_not_noted_as_it_may_change_within_a_tick(tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    assert remembered_sha256(tmp_path / "a", tmp_path / "notes") == _of(b"a")
    assert not list((tmp_path / "notes").iterdir())


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"file": 1}', '{"sha256": 3}'])
def test_a_damaged_note_says_nothing(tmp_path, asked, text):
    path, notes = tmp_path / "a", tmp_path / "notes"
    path.write_bytes(b"a")
    remembered_sha256(path, notes)
    (note,) = notes.iterdir()
    note.write_text(text)
    assert remembered_sha256(path, notes) == _of(b"a")
    assert remembered_sha256(path, notes) == _of(b"a")
    assert asked == ["a"] * 2


def test_a_file_that_changes_while_it_is_read_is_not_noted(tmp_path, monkeypatch, asked):
    path, whole = tmp_path / "a", digests.sha256
    path.write_bytes(b"a")

    def slow(asked_for):
        found = whole(asked_for)
        path.write_bytes(b"later")
        return found

    monkeypatch.setattr(digests, "sha256", slow)
    assert remembered_sha256(path, tmp_path / "notes") == _of(b"a")
    monkeypatch.setattr(digests, "sha256", whole)
    assert remembered_sha256(path, tmp_path / "notes") == _of(b"later")
    assert asked == ["a"] * 2


def test_two_processes_may_note_the_same_file_at_once(tmp_path, asked, monkeypatch):
    """Cells side by side start with the same inputs: one is about to put its note in place, and another does it."""
    path, notes = tmp_path / "frames.h5", tmp_path / "notes"
    path.write_bytes(b"frames")
    found, whole = [], Path.replace

    def replace(self, target):
        if not found:
            found.append(None)
            with monkeypatch.context() as other:
                other.setattr(os, "getpid", lambda: 1)
                found.append(remembered_sha256(path, notes))
        return whole(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    found.append(remembered_sha256(path, notes))
    assert found[1:] == [_of(b"frames")] * 2
    assert len(list(notes.iterdir())) == 1
