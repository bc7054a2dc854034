"""A download goes on after a break, and nothing but the published bytes is kept; against a server on 127.0.0.1."""

import hashlib

import numpy as np
import pytest

from mcdrl.base.errors import InputError
from mcdrl.commands.sites.download import download
from mcdrl.study.site_cards import Download

BODY = np.random.default_rng(0).integers(0, 256, 3_000_000, dtype=np.uint8).tobytes()
SHA256 = hashlib.sha256(BODY).hexdigest()
MD5 = hashlib.md5(BODY).hexdigest()
pytestmark = [pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]


def item(server, **values):
    return Download(**({"url": server.url, "file": "frames.zip", "sha256": SHA256} | values))


def fetch(server, path, **values):
    waits = []
    return download(item(server, **values), path, sleep=waits.append), waits


def test_a_whole_file_arrives_in_one_request(server, tmp_path):
    digest, waits = fetch(server, tmp_path / "frames.zip", md5=MD5, size_bytes=len(BODY))
    assert (digest, waits, server.requests) == (SHA256, [], [None])
    assert [path.name for path in tmp_path.iterdir()] == ["frames.zip"]


def test_it_goes_on_where_the_server_broke_off(server, tmp_path):
    server.break_after = [1_000_000, 500_000]
    fetch(server, tmp_path / "frames.zip")
    assert server.requests == [None, "bytes=1000000-", "bytes=1500000-"]
    assert (tmp_path / "frames.zip").read_bytes() == BODY


def test_a_later_call_goes_on_where_an_earlier_one_gave_up(server, tmp_path):
    server.break_after = [700_000, 0, 0, 0, 0, 0]
    with pytest.raises(InputError, match=r"700000 bytes of frames\.zip are kept"):
        fetch(server, tmp_path / "frames.zip")
    assert not (tmp_path / "frames.zip").exists()
    server.requests.clear()
    fetch(server, tmp_path / "frames.zip")
    assert server.requests == ["bytes=700000-"]
    assert (tmp_path / "frames.zip").read_bytes() == BODY


def test_a_server_that_ignores_ranges_is_read_from_the_start(server, tmp_path):
    server.break_after, server.ranges = [1_000_000], False
    fetch(server, tmp_path / "frames.zip")
    assert (tmp_path / "frames.zip").read_bytes() == BODY


def test_a_server_without_etag_is_read_from_the_start(server, tmp_path):
    server.break_after, server.etag = [1_000_000], None
    fetch(server, tmp_path / "frames.zip")
    assert server.requests == [None, None]
    assert (tmp_path / "frames.zip").read_bytes() == BODY


def test_what_cannot_be_continued_is_not_promised_to_be(server, tmp_path):
    server.break_after, server.etag = [700_000, 0, 0, 0, 0, 0], None
    with pytest.raises(InputError, match=r"arrived and can't be continued; run the same command again to start anew$"):
        fetch(server, tmp_path / "frames.zip")
    assert list(tmp_path.iterdir()) == []
    fetch(server, tmp_path / "frames.zip")
    assert set(server.requests) == {None}


def test_a_file_without_digest_and_announced_length_has_the_published_size(server, tmp_path):
    server.break_after, server.tells_length = [700_000], False
    with pytest.raises(InputError, match="wrong bytes: size_bytes 700000, the card says 3000000"):
        fetch(server, tmp_path / "frames.zip", sha256=None, size_bytes=len(BODY))
    fetch(server, tmp_path / "frames.zip", sha256=None, size_bytes=len(BODY))
    assert (tmp_path / "frames.zip").read_bytes() == BODY


def test_a_file_that_changed_during_the_break_is_not_mixed_with_the_old_one(server, tmp_path):
    server.break_after = [1_000_000, 0, 0, 0, 0, 0]
    with pytest.raises(InputError):
        fetch(server, tmp_path / "frames.zip")
    server.body, server.etag = BODY[::-1], '"two"'
    fetch(server, tmp_path / "frames.zip", sha256=hashlib.sha256(BODY[::-1]).hexdigest())
    assert (tmp_path / "frames.zip").read_bytes() == BODY[::-1]


def test_an_answer_with_another_part_than_asked_for_is_not_appended(server, tmp_path):
    server.break_after, server.shift = [1_000_000], 10
    fetch(server, tmp_path / "frames.zip")
    assert server.requests == [None, "bytes=1000000-", None]
    assert (tmp_path / "frames.zip").read_bytes() == BODY


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_wrong_bytes_are_deleted_and_both_digests_shown(server, tmp_path, kind):
    server.body = BODY[:-1] + b"x"
    wanted = {"sha256": SHA256, "md5": MD5}[kind]
    with pytest.raises(InputError, match=f"wrong bytes: {kind} .*{wanted}"):
        fetch(server, tmp_path / "frames.zip", **{"sha256": None, kind: wanted})
    assert not any(path.name.endswith((".zip", ".part")) for path in tmp_path.iterdir())


def test_another_size_than_published_is_refused_before_it_is_read(server, tmp_path):
    with pytest.raises(InputError, match="offers 3000000 bytes, the card says 2999999"):
        fetch(server, tmp_path / "frames.zip", size_bytes=len(BODY) - 1)


def test_a_missing_file_is_not_asked_for_again(server, tmp_path):
    server.status = 404
    with pytest.raises(InputError, match="404"):
        fetch(server, tmp_path / "frames.zip")
    assert len(server.requests) == 1


def test_a_busy_server_is_asked_again_and_again_with_longer_waits(server, tmp_path):
    server.status = 503
    waits = []
    with pytest.raises(InputError, match="503"):
        download(item(server), tmp_path / "frames.zip", sleep=waits.append)
    assert waits == [2, 4, 8, 16, 32]


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x"])
def test_a_redirection_to_anything_but_http_is_not_followed(server, tmp_path, address):
    server.location = address
    with pytest.raises(InputError):
        fetch(server, tmp_path / "frames.zip", sha256=None)
    assert list(tmp_path.iterdir()) == []


def test_a_file_at_hand_is_checked_and_not_fetched_again(server, tmp_path):
    (tmp_path / "frames.zip").write_bytes(BODY)
    fetch(server, tmp_path / "frames.zip")
    assert server.requests == []
    (tmp_path / "frames.zip").write_bytes(b"old")
    with pytest.raises(InputError, match="wrong bytes"):
        fetch(server, tmp_path / "frames.zip")
