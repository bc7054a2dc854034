"""Archives from strangers: what is harmless comes out as it went in, all else is refused by name."""

import errno
import io
import tarfile
import zipfile

import numpy as np
import pytest

from mcdrl.base.errors import InputError
from mcdrl.commands.sites import unpack as unpacking
from mcdrl.commands.sites.unpack import unpack
from tests.factories import bytes_of

LINK = 0o120777 << 16


def write_zip(path, entries, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content, attributes in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = attributes, method
            archive.writestr(info, content)
    return path


def write_tar(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.size = kind, len(content) if kind == tarfile.REGTYPE else 0
            info.linkname = content.decode() if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "into").mkdir()
    return tmp_path / "into"


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_comes_out_as_it_went_in(tmp_path, folder, mode):
    members = [("Set", tarfile.DIRTYPE, b""), ("Set/Ä 图.png", tarfile.REGTYPE, b"1"), ("./b", tarfile.REGTYPE, b"22")]
    unpack(write_tar(tmp_path / "a.tar", members, mode), folder)
    assert bytes_of(folder) == {"Set/Ä 图.png": b"1", "b": b"22"}


def test_a_zip_comes_out_as_it_went_in(tmp_path, folder):
    entries = [("Set/", b"", 0o40755 << 16), ("Set/Ä 图.png", b"1", 0o100644 << 16), ("Set\\b", b"22", 0)]
    unpack(write_zip(tmp_path / "a.zip", entries), folder)
    assert bytes_of(folder) == {"Set/Ä 图.png": b"1", "Set/b": b"22"}


@pytest.mark.parametrize("name", ["../out", "a/../../out", "/etc/out", "..\\out", "C:\\out", "C:out", "a\n/out"])
def test_no_name_leaves_the_folder(tmp_path, folder, name):
    for archive in (
        write_zip(tmp_path / "a.zip", [(name, b"x", 0)]),
        write_tar(tmp_path / "a.tar.gz", [(name, tarfile.REGTYPE, b"x")]),
    ):
        with pytest.raises(InputError, match="would leave the folder"):
            unpack(archive, folder)
    assert not any(path.name == "out" for path in tmp_path.rglob("*"))


def test_no_link_comes_out(tmp_path, folder):
    archives = [write_zip(tmp_path / "a.zip", [("link", b"/etc/passwd", LINK)])]
    archives += [
        write_tar(tmp_path / f"{number}.tar", [("link", kind, b"../out"), ("link/x", tarfile.REGTYPE, b"x")], "w")
        for number, kind in enumerate([tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
    ]
    for archive in archives:
        with pytest.raises(InputError, match="is a link or a device"):
            unpack(archive, folder)
    assert bytes_of(folder) == {}


@pytest.mark.parametrize("names", [("a", "a"), ("Ä", "ä"), ("\u00e4", "a\u0308")])
def test_two_entries_of_one_name_are_refused(tmp_path, folder, names):
    with pytest.raises(InputError, match="twice"):
        unpack(write_tar(tmp_path / "a.tar", [(name, tarfile.REGTYPE, b"x") for name in names], "w"), folder)


def test_a_bomb_is_met_before_it_is_written_out(tmp_path, folder):
    zeros = bytes(64 << 20)
    for archive in (
        write_zip(tmp_path / "a.zip", [("zeros", zeros, 0)]),
        write_tar(tmp_path / "a.tar.gz", [("zeros", tarfile.REGTYPE, zeros)]),
    ):
        with pytest.raises(InputError, match="like a bomb"):
            unpack(archive, folder)
        written = (folder / "zeros").stat().st_size
        assert written <= max(unpacking._FREE_BYTES, unpacking.MAX_RATIO * archive.stat().st_size)
        (folder / "zeros").unlink()


def test_too_many_entries_are_refused(tmp_path, folder, monkeypatch):
    monkeypatch.setattr(unpacking, "MAX_FILES", 3)
    with pytest.raises(InputError, match="more than 3 entries"):
        unpack(write_zip(tmp_path / "a.zip", [(str(number), b"", 0) for number in range(4)]), folder)


def test_damaged_and_unknown_archives_are_refused(tmp_path, folder):
    whole = write_zip(tmp_path / "a.zip", [("a", bytes(range(256)) * 8, 0)], zipfile.ZIP_STORED).read_bytes()
    (tmp_path / "flipped.zip").write_bytes(whole.replace(bytes([7, 8, 9]), bytes([7, 8, 0]), 1))
    tar = write_tar(tmp_path / "a.tar.gz", [("a", tarfile.REGTYPE, bytes(range(256)) * 99)]).read_bytes()
    (tmp_path / "short.tar.gz").write_bytes(tar[: len(tar) // 2])
    (tmp_path / "text.zip").write_text("<html>not found</html>")
    for name in ("flipped.zip", "short.tar.gz", "text.zip"):
        with pytest.raises(InputError, match=f"{name} is"):
            unpack(tmp_path / name, folder)
        for path in folder.iterdir():
            path.unlink()


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_a_flipped_byte_of_a_packed_tar_is_met_wherever_it_is(tmp_path, folder, mode):
    content = np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8).tobytes()  # gz stores it as it is
    whole = write_tar(tmp_path / "a.tgz", [("a", tarfile.REGTYPE, content)], mode).read_bytes()
    trailer = [len(whole) - 6] if mode == "w:gz" else []
    for place in [len(whole) // 2, *trailer]:
        (tmp_path / "b.tgz").write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(InputError, match=r"b\.tgz is (damaged|neither)"):
            unpack(tmp_path / "b.tgz", folder)
        (folder / "a").unlink(missing_ok=True)


def test_a_tar_without_its_end_or_with_a_damaged_header_is_not_taken_for_a_shorter_one(tmp_path, folder):
    whole = write_tar(tmp_path / "a.tar", [(name, tarfile.REGTYPE, b"x") for name in "abc"], "w").read_bytes()
    for bad in (whole[:2048], whole[:2000], whole[:2048] + b"X" + whole[2049:]):
        (tmp_path / "b.tar").write_bytes(bad)
        with pytest.raises(InputError, match=r"b\.tar is damaged"):
            unpack(tmp_path / "b.tar", folder)
        for path in folder.iterdir():
            path.unlink()


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a"), ("a", "a/"), ("x" * 300,), ("x" * 300 + "/",)])
def test_names_that_no_disk_holds_are_refused_in_a_sentence(tmp_path, folder, names):
    archive = write_zip(tmp_path / "a.zip", [(name, b"" if name.endswith("/") else b"1", 0) for name in names])
    with pytest.raises(InputError, match=rf"^a\.zip: entry '{names[-1]}' can't be written \([^\n]*not unpacked$"):
        unpack(archive, folder)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_DEFLATED])
def test_a_damaged_member_of_a_zip_is_refused_in_a_sentence(tmp_path, folder, method):
    whole = write_zip(tmp_path / "a.zip", [("a", bytes(range(256)) * 99, 0)], method).read_bytes()
    (tmp_path / "a.zip").write_bytes(whole[:90] + b"\xfe" * 20 + whole[110:])
    with pytest.raises(InputError, match=r"a\.zip is damaged [^\n]*not unpacked$"):
        unpack(tmp_path / "a.zip", folder)


def test_a_full_disk_is_not_the_archive_s_fault(tmp_path, folder, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    archive = write_zip(tmp_path / "a.zip", [("a", b"1", 0)])
    monkeypatch.setattr(unpacking, "_put", full)
    with pytest.raises(OSError, match="No space left"):
        unpack(archive, folder)
