"""A data set arrives whole or not at all, and not before its licence is accepted."""

import hashlib
import io
import tarfile
import zipfile

import pytest

from mcdrl.base.errors import InputError
from mcdrl.commands.sites.fetch import fetch, licence_text, next_step
from mcdrl.study.site_cards import SiteCard, card_names, read_card

pytestmark = [pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]


def packed(names):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, name.encode())
    return stream.getvalue()


def card(server, **values):
    return SiteCard.model_validate(
        {
            "title": "Frames of a hospital",
            "licence": {"name": "CC BY 4.0", "url": "https://example.org/terms", "terms": "Attribution."},
            "downloads": [{"url": server.url, "file": "frames.zip", "sha256": hashlib.sha256(server.body).hexdigest()}],
            "root": "Set",
            "read": {"masks": "masks/{stem}.png", "lesion_class": "polyp"},
        }
        | values
    )


def run(card, to, accepted=True):
    said = []
    return fetch("set", card, to, accepted=accepted, say=said.append, sleep=lambda _: None), said


def test_the_set_is_unpacked_and_nothing_else_is_left(server, tmp_path):
    server.body = packed(["Set/images/1.jpg", "Set/masks/1.png"])
    root, said = run(card(server), tmp_path / "raw" / "set")
    assert (root / "images" / "1.jpg").read_bytes() == b"Set/images/1.jpg"
    assert [path.name for path in (tmp_path / "raw").iterdir()] == ["set"]
    assert "checksum as published" in said[-1]


def test_without_consent_nothing_is_asked_of_the_server(server, tmp_path):
    with pytest.raises(InputError, match="--accept-licence"):
        run(card(server), tmp_path / "set", accepted=False)
    assert server.requests == []
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_climbs_out_leaves_no_folder(server, tmp_path):
    server.body = packed(["Set/good", "../evil"])
    with pytest.raises(InputError, match=r"'\.\./evil' would leave the folder"):
        run(card(server), tmp_path / "set")
    assert not (tmp_path / "set").exists()
    assert not any(path.name in ("evil", "good") for path in tmp_path.rglob("*"))


def test_a_break_is_survived_and_the_folder_appears_at_the_end(server, tmp_path):
    server.body = packed(["Set/images/1.jpg"])
    server.break_after = [20, 0, 0, 0, 0, 0]
    with pytest.raises(InputError, match="run the same command again"):
        run(card(server), tmp_path / "set")
    assert not (tmp_path / "set").exists()
    run(card(server), tmp_path / "set")
    assert server.requests[-1] == "bytes=20-"
    assert (tmp_path / "set" / "Set" / "images" / "1.jpg").is_file()


def without_digest(server, **values):
    return card(server, downloads=[{"url": server.url, "file": "frames.zip"} | values])


@pytest.mark.parametrize("bad", ["cut", "page"])
def test_bad_bytes_that_no_checksum_tells_are_fetched_anew(server, tmp_path, bad):
    good = packed(["Set/images/1.jpg"])
    server.tells_length, server.break_after = False, [40] if bad == "cut" else []
    server.body = good if bad == "cut" else b"<html>log in</html>"
    kept = tmp_path / ".set.download" / "frames.zip"
    with pytest.raises(InputError, match=rf"{kept} was deleted, so the same command fetches it anew; .*{server.url}$"):
        run(without_digest(server), tmp_path / "set")
    assert not kept.exists()
    server.body = good
    run(without_digest(server), tmp_path / "set")
    assert len(server.requests) == 2
    assert (tmp_path / "set" / "Set" / "images" / "1.jpg").is_file()


def test_published_bytes_that_cannot_be_unpacked_are_kept(server, tmp_path):
    server.body = b"<html>log in</html>"
    with pytest.raises(InputError, match=r"\.set\.download/frames\.zip is what was published"):
        run(card(server), tmp_path / "set")
    assert (tmp_path / ".set.download" / "frames.zip").read_bytes() == server.body


def test_a_tgz_with_a_wrong_checksum_leaves_no_folder(server, tmp_path):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("Set/1.jpg"))
    whole = stream.getvalue()
    server.body = whole[:-6] + bytes([whole[-6] ^ 1]) + whole[-5:]
    with pytest.raises(InputError, match="is damaged"):
        run(without_digest(server, file="frames.tgz"), tmp_path / "set")
    assert [path.name for path in tmp_path.iterdir()] == [".set.download"]


def test_a_folder_in_use_is_left_alone(server, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine").write_text("x")
    with pytest.raises(InputError, match="not empty"):
        run(card(server), tmp_path / "set")
    assert (tmp_path / "set" / "mine").read_text() == "x"
    assert server.requests == []


def test_what_is_no_archive_is_put_beside(server, tmp_path):
    whole = card(server)
    single = card(server, downloads=[whole.downloads[0].model_dump() | {"unpack": False}], root=".")
    root, _ = run(single, tmp_path / "set")
    assert (root / "frames.zip").read_bytes() == server.body


def test_the_next_step_is_one_that_can_be_taken(server, tmp_path):
    to = tmp_path / "set"
    server.body = packed(["Set/images/1.jpg"])
    by_hand, add = without_digest(server, unpack=False), f"mcdrl sites add NAME {to / 'Set'} --card set"
    run(by_hand, to)
    assert next_step("set", by_hand, to) == (
        f"next: unpack {to / 'frames.zip'} by hand so that {to / 'Set'} is there, then: {add}"
    )
    assert f"{to / 'Set'} isn't among it" in next_step("set", card(server), to)
    (to / "Set").mkdir()
    assert next_step("set", by_hand, to) == f"next: {add}"


def test_nothing_that_a_card_says_steers_the_terminal(server, tmp_path, capsys):
    with pytest.raises(InputError, match="not accepted"):
        fetch("set", card(server, title="A set\x1b[2J"), tmp_path / "set", accepted=False)
    assert "\x1b" not in capsys.readouterr().out


def test_a_card_without_downloads_says_where_to_go(tmp_path):
    with pytest.raises(InputError, match=r"by hand from https://doi\.org/10\.7303/syn26376615"):
        run(read_card("polypgen_c1"), tmp_path / "set")


@pytest.mark.parametrize("name", card_names())
def test_every_published_set_states_licence_and_citation(name):
    known = read_card(name)
    if known.home is None:
        assert known.downloads == []
        return
    assert known.citation
    assert known.licence
    assert known.licence.name in licence_text(known)
    assert all(item.url.startswith("https://") for item in known.downloads)
