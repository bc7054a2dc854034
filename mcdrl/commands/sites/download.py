"""Fetching one file over HTTP: goes on after a break, and keeps nothing that isn't what was announced."""

from __future__ import annotations

import hashlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO, Any

from mcdrl.base.errors import InputError
from mcdrl.base.runtime import progress
from mcdrl.base.text import whole_number
from mcdrl.study.site_cards import Download

_CHUNK = 1 << 20  # bytes; also the step of the progress bar
_TRIES = 5  # in a row that bring no new byte
_WAIT_S = 60.0  # until a silent server counts as gone


def download(item: Download, path: Path, sleep: Callable[[float], None] = time.sleep) -> str:
    """Fetch a file and check it; what arrived of it before a break is kept in `<path>.part` and continued.

    Args:
        item: address, and what is published of the file's size and digests.
        path: where the file goes; it appears only when it is complete and checked.
        sleep: waits between tries.

    Returns:
        The file's hex SHA-256.

    Raises:
        InputError: the server can't be reached or keeps breaking off, or the file isn't what was published.
    """
    if path.is_file():
        return _check(item, path)
    part = _Part(path)
    _fill(item, part, sleep)
    digest = _check(item, part.path)
    part.finish()
    return digest


@dataclass
class _Part:
    """What has arrived of a file so far, and the sign by which its server knows the version."""

    target: Path

    @property
    def path(self) -> Path:
        """Where the bytes are until the file is complete."""
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def _note(self) -> Path:
        return self.target.with_name(f"{self.target.name}.part.json")

    @property
    def size(self) -> int:
        """How many bytes are at hand."""
        return self.path.stat().st_size if self.path.is_file() else 0

    @property
    def version(self) -> str | None:
        """The ETag or date of the bytes at hand; None: unknown, so they can't be continued."""
        if not self._note.is_file():
            return None
        try:
            return str(json.loads(self._note.read_text(encoding="utf-8"))["version"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    def restart(self, version: str | None) -> None:
        """Throw away what is at hand and remember the version of the bytes to come, as in `version`."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
        if version is not None:
            self._note.write_text(json.dumps({"version": version}), encoding="utf-8")

    def finish(self) -> None:
        """Give the complete file its name."""
        self.path.replace(self.target)
        self._note.unlink(missing_ok=True)


class _Redirect(urllib.request.HTTPRedirectHandler):
    """Follows redirections, but not from https to anything less."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Return the request that follows a redirection.

        Raises:
            InputError: it leads from https to another scheme.
        """
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise InputError(f"{req.full_url} redirects to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """Return an opener that knows http and https alone: no file, ftp or data addresses, also not by redirection."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(), urllib.request.UnknownHandler(), urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(), urllib.request.HTTPDefaultErrorHandler(), _Redirect(),
        urllib.request.HTTPErrorProcessor(),
    ):  # fmt: skip
        opener.add_handler(handler)
    return opener


def _fill(item: Download, part: _Part, sleep: Callable[[float], None]) -> None:
    opener, idle, problem = _opener(), 0, "nothing arrived"
    while idle < _TRIES:
        before = part.size
        try:
            if _receive(opener, item, part):
                return
            problem = "the server broke off"
        except urllib.error.HTTPError as error:
            _judge(item, error)
            problem = f"the server answered {error.code} {error.reason}"
        except (OSError, HTTPException) as error:
            problem = str(error) or type(error).__name__
        idle = 0 if part.size > before else idle + 1
        sleep(float(2**idle))
    raise InputError(f"{item.url}: {problem} after {_TRIES} tries, {_kept(item, part)}")


def _kept(item: Download, part: _Part) -> str:
    size = part.size
    if size and part.version is not None:
        return f"{size} bytes of {item.file} are kept in {part.path}; run the same command again to go on"
    part.restart(None)
    return f"{size} bytes of {item.file} arrived and can't be continued; run the same command again to start anew"


def _judge(item: Download, error: urllib.error.HTTPError) -> None:
    if 400 <= error.code < 500 and error.code not in (408, 416, 429):
        raise InputError(f"{item.url}: the server answered {error.code} {error.reason}; see the card's home page")


def _receive(opener: urllib.request.OpenerDirector, item: Download, part: _Part) -> bool:
    """Ask for what is missing and append it; return whether the file is complete."""
    have = part.size if part.version is not None else 0
    request = urllib.request.Request(item.url, headers={"Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", str(part.version))
    try:
        response = opener.open(request, timeout=_WAIT_S)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing lies behind our bytes: they are all, or another file's
            part.restart(None)
        raise
    with response:
        if response.status != 206:
            have = 0
            part.restart(_version(response.headers))
        elif _first_byte(response.headers) != have:
            part.restart(None)
            raise HTTPException("the server sent another part than asked for")
        total = _total(response, have)
        _check_size(item, total)
        _append(response, item, part, have, total)
    return total is None or part.size == total


def _version(headers: Message) -> str | None:
    """Return a sign that an If-Range header may carry: a strong ETag, else a date."""
    etag = headers.get("ETag")
    if etag is not None and not etag.startswith("W/"):
        return str(etag)
    return headers.get("Last-Modified")


def _first_byte(headers: Message) -> int | None:
    found = str(headers.get("Content-Range", "")).removeprefix("bytes ").partition("-")[0]
    return whole_number(found)


def _total(response: HTTPResponse, have: int) -> int | None:
    length = whole_number(response.headers.get("Content-Length") or "")
    return None if length is None else have + length


def _check_size(item: Download, total: int | None) -> None:
    if item.size_bytes is not None and total is not None and total != item.size_bytes:
        raise InputError(f"{item.url} offers {total} bytes, the card says {item.size_bytes}: it is another file")


def _append(response: HTTPResponse, item: Download, part: _Part, have: int, total: int | None) -> None:
    steps = max(1, ((total or item.size_bytes or 0) - have + _CHUNK - 1) // _CHUNK)
    with part.path.open("ab" if have else "wb") as stream:
        for chunk in progress(_chunks(response), f"{item.file} (MiB)", total=steps):
            stream.write(chunk)


def _chunks(response: HTTPResponse) -> Iterator[bytes]:
    while chunk := response.read(_CHUNK):
        yield chunk


def _check(item: Download, path: Path) -> str:
    size = path.stat().st_size
    found = {kind: _digest(path, kind) for kind in ("sha256", *["md5"] * (item.md5 is not None))}
    for kind, there in {"size_bytes": size, **found}.items():
        wanted = getattr(item, kind)
        if wanted is not None and wanted != there:
            path.unlink()
            raise InputError(
                f"{item.url}: wrong bytes: {kind} {there}, the card says {wanted} ({size} bytes arrived and were "
                "deleted); run again, and if it happens again the file was changed at its source"
            )
    return found["sha256"]


def _digest(path: Path, kind: str) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()
