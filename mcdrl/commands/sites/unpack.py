"""Unpacking an archive that a stranger made: nothing leaves the folder, nothing but files and folders comes out."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from mcdrl.base.errors import InputError
from mcdrl.base.folders import composed

MAX_FILES = 500_000
MAX_BYTES = 64 << 30
MAX_RATIO = 200  # unpacked bytes a packed byte, over the whole archive; frames reach about 1, bare masks about 50
_FREE_BYTES = 16 << 20  # up to here the ratio doesn't count: small archives of flat masks shrink a lot
_CHUNK = 1 << 20
_DAMAGES = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, ValueError)
_UNFIT = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL)
_PACKERS: dict[bytes, Callable[[Path], Any]] = {  # how a packed tar file begins -> what reads it
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
    b"\x5d\x00\x00\x80": lzma.open,
}


@dataclass(frozen=True)
class _Member:
    """One entry: its name as stored, whether it is a folder, and what it holds."""

    name: str
    folder: bool
    content: IO[bytes] | None


@dataclass
class _Budget:
    """Counts what comes out of one archive."""

    archive: Path
    files: int = 0
    size: int = 0
    seen: set[str] = field(default_factory=set)

    def name(self, path: str) -> None:
        """Count one more file.

        Args:
            path: its name in the form in which equal names are equal.

        Raises:
            InputError: it is one too many, or was there already.
        """
        self.files += 1
        if self.files > MAX_FILES:
            raise InputError(f"{self.archive.name} holds more than {MAX_FILES} entries; it was not unpacked")
        if path in self.seen:
            raise InputError(f"{self.archive.name} holds '{path}' twice; it was not unpacked")
        self.seen.add(path)

    def grow(self, size: int) -> None:
        """Count `size` more unpacked bytes.

        Raises:
            InputError: the archive yields more than it may.
        """
        self.size += size
        limit = min(MAX_BYTES, max(_FREE_BYTES, MAX_RATIO * self.archive.stat().st_size))
        if self.size > limit:
            raise InputError(
                f"{self.archive.name} unpacks to more than {limit} bytes, like a bomb; it was not unpacked"
            )


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip or tar file (plain, gz, bz2, xz) into an existing folder.

    Refused, whole: names that are absolute or climb with `..`, links, devices, encrypted or damaged entries, two
    entries of one name (also when they differ in case or Unicode form alone), more than `MAX_FILES` entries, more than
    `MAX_BYTES`, or more than `MAX_RATIO` times the archive's own size. What was written before that is the caller's to
    remove.

    Raises:
        InputError: it is no such archive, or one of the above.
    """
    budget = _Budget(archive)
    try:
        for member in _members(archive, budget):
            _write(member, folder, budget)
    except (*_DAMAGES, OSError) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # the disk's, not the archive's
            raise
        raise InputError(f"{archive.name} is damaged or of an unknown kind ({error}); it was not unpacked") from None


def _members(archive: Path, budget: _Budget) -> Iterator[_Member]:
    if zipfile.is_zipfile(archive):
        return _zip_members(archive)
    if tarfile.is_tarfile(archive):
        return _tar_members(archive, budget)
    raise InputError(f"{archive.name} is neither a zip nor a tar file")


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as source:
        for info in source.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _unsafe(archive, info.filename, "is a link or a device")
            if info.flag_bits & 1:
                raise _unsafe(archive, info.filename, "is encrypted")
            if info.is_dir():
                yield _Member(info.filename, True, None)
            else:
                with source.open(info) as content:
                    yield _Member(info.filename, False, content)


class _Header(tarfile.TarInfo):
    """An entry's header; a damaged or missing one is an error, where tarfile takes it for the archive's end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        """Return the header in a block; an empty block, which ends the archive, is tarfile's to refuse."""
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if len(buf) == tarfile.BLOCKSIZE and not any(buf):
                raise
            raise tarfile.ReadError(str(error)) from None


def _tar_members(archive: Path, budget: _Budget) -> Iterator[_Member]:
    with _unpacked(archive) as stream:  # read once from end to end, so that a bomb is met piece by piece
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header) as source:
            for info in source:
                if not (info.isreg() or info.isdir()):
                    raise _unsafe(archive, info.name, "is a link or a device")
                yield _Member(info.name, info.isdir(), None if info.isdir() else source.extractfile(info))
        while chunk := stream.read(_CHUNK):  # the packer's checksum stands behind the last entry
            budget.grow(len(chunk))


def _unpacked(archive: Path) -> IO[bytes]:
    with archive.open("rb") as packed:
        start = packed.read(8)
    reader = next((reader for mark, reader in _PACKERS.items() if start.startswith(mark)), None)
    stream: IO[bytes] = archive.open("rb") if reader is None else reader(archive)
    return stream


def _write(member: _Member, folder: Path, budget: _Budget) -> None:
    parts = _parts(member.name, budget.archive)
    try:
        _put(member, folder.joinpath(*parts), budget, "/".join(parts))
    except OSError as error:
        if error.errno not in _UNFIT:
            raise
        raise _unsafe(budget.archive, member.name, f"can't be written ({error.strerror})") from None


def _put(member: _Member, target: Path, budget: _Budget, name: str) -> None:
    if member.folder:
        target.mkdir(parents=True, exist_ok=True)
        return
    budget.name(composed(name).casefold())
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as stream:
        while member.content is not None and (chunk := member.content.read(_CHUNK)):
            budget.grow(len(chunk))
            stream.write(chunk)


def _parts(name: str, archive: Path) -> list[str]:
    plain = name.replace("\\", "/")
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    if plain.startswith("/") or ".." in parts or not plain.isprintable() or any(":" in part for part in parts):
        raise _unsafe(archive, name, "would leave the folder")
    return parts


def _unsafe(archive: Path, name: str, what: str) -> InputError:
    return InputError(f"{archive.name}: entry {name!r} {what}; the archive was not unpacked")
