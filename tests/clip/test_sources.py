"""The values of `weights` and the hashes of files."""

import hashlib
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from mcdrl.base.errors import InputError
from mcdrl.clip.card import BackboneCard
from mcdrl.clip.sources import WeightsSource, check_tracked, content_sha256, is_watched, verified

HASH = hashlib.sha256(b"weights").hexdigest()
OTHER = "0" * 64


@pytest.fixture
def card():
    """**changes -> a card whose weights are known by their hash."""
    whole = {"title": "Tiny", "family": "open_clip", "model": "tiny-vit", "pretrained": "openai", "licence": "MIT"}
    return lambda **changes: BackboneCard(**(whole | {"notice": "For tests."} | changes))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.pt"
    path.write_bytes(b"weights")
    return path


def test_every_form_of_the_value(tmp_path, file):
    assert WeightsSource.of("x", None) == WeightsSource("x", "card")
    assert WeightsSource.of("x", "none") == WeightsSource.of("x", "None") == WeightsSource("x", "random")
    assert WeightsSource.of("x", f"local-dir:{tmp_path}") == WeightsSource("x", "local-dir", tmp_path)
    assert WeightsSource.of("x", f"local-dir:{tmp_path}@sha256:{HASH}") == WeightsSource(
        "x", "local-dir", tmp_path, HASH
    )
    assert WeightsSource.of("x", str(file)) == WeightsSource("x", "file", file)
    assert WeightsSource.of("x", f"{file}@sha256:{HASH}") == WeightsSource("x", "file", file, HASH)


def test_a_path_may_start_at_home(monkeypatch, file):
    monkeypatch.setenv("HOME", str(file.parent))
    assert WeightsSource.of("x", "~/a.pt").path == file


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("nowhere/a.pt", "no file nowhere/a.pt"),
        ("local-dir:nowhere", "no folder nowhere"),
        ("local-dir:", "no folder stands behind local-dir:"),
        (".", "local-dir:."),
        ("a.pt@sha256:12", "64 digits"),
        ("local-dir:.@sha256:12", "64 digits"),
    ],
)
def test_a_value_that_leads_nowhere_is_named(value, word):
    with pytest.raises(InputError, match=f"weights.x: .*{word}"):
        WeightsSource.of("x", value)


def test_the_hash_of_the_card_or_of_the_user(card, file):
    assert verified(WeightsSource("x", "file", file), file, card(sha256=HASH)) == HASH
    assert verified(WeightsSource("x", "file", file), file, card()) == HASH
    assert verified(WeightsSource("x", "file", file, HASH), file, card(sha256=OTHER)) == HASH


def test_a_wrong_hash_shows_both_and_a_way_out_that_works(card, file):
    with pytest.raises(InputError) as caught:
        verified(WeightsSource("x", "file", file), file, card(sha256=OTHER))
    message = str(caught.value)
    assert HASH in message
    assert OTHER in message
    pasted = message.rpartition("-S 'weights.x=")[2].removesuffix("'")
    assert verified(WeightsSource.of("x", pasted), file, card(sha256=OTHER)) == HASH


def test_a_wrong_hash_of_the_users_own_shows_both(card, file):
    with pytest.raises(InputError, match=f"(?s){HASH}.*{OTHER}"):
        verified(WeightsSource("x", "file", file, OTHER), file, card(sha256=HASH))


def test_dvc_reads_the_pasted_value(file):
    parser = OverridesParser.create()
    for value in (
        f"{file}@sha256:{HASH}",
        f"local-dir:{file.parent}@sha256:{HASH}",
        "none",
        str(Path("../weights/RN50.pt")),
    ):
        assert parser.parse_override(f"weights.x={value}").value() == value


@pytest.mark.parametrize("before", ["", "local-dir:"])
def test_weights_that_dvc_would_not_see_change_are_refused_with_what_to_paste(card, file, before):
    path = file.parent if before else file
    with pytest.raises(InputError, match=r"DVC wouldn't notice when .* changes.*into data/backbones, where") as caught:
        check_tracked(WeightsSource.of("x", f"{before}{path}"), card())
    pasted = str(caught.value).partition("-S 'weights.x=")[2].partition("'")[0]
    check_tracked(WeightsSource.of("x", pasted), card())
    file.write_bytes(b"trained on")
    if before:
        with pytest.raises(InputError, match=r"expected [0-9a-f]{64} as given.*has changed, say so: -S 'weights.x=loc"):
            check_tracked(WeightsSource.of("x", pasted), card())
    else:
        with pytest.raises(InputError, match=rf"expected {HASH} as given"):
            verified(WeightsSource.of("x", pasted), file, card())


def test_weights_that_params_or_card_pin_need_nothing_more(card, file):
    for value in (None, "none", f"{file}@sha256:{OTHER}"):
        check_tracked(WeightsSource.of("x", value), card())
    check_tracked(WeightsSource.of("x", str(file)), card(sha256=HASH))
    with pytest.raises(InputError, match=f"expected {OTHER}, the published file"):  # so no other content is let through
        verified(WeightsSource.of("x", str(file)), file, card(sha256=OTHER))
    with pytest.raises(InputError, match="DVC wouldn't notice"):  # the card's hash is none of a folder
        check_tracked(WeightsSource.of("x", f"local-dir:{file.parent}"), card(sha256=HASH))


def test_dvc_looks_at_what_lies_beside_the_cards_but_into_no_link_to_a_folder(card, file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cards = tmp_path / "data" / "backbones"
    (cards / "saved").mkdir(parents=True)
    (cards / "saved" / "a.pt").write_bytes(b"weights")
    (cards / "file.pt").symlink_to(file)
    (cards / "linked").symlink_to(tmp_path)
    for place in ("file.pt", "saved/a.pt", "saved", "linked/../file.pt"):
        assert is_watched(Path("data/backbones") / place)
        assert is_watched(cards / place)
    for place in ("linked", "linked/a.pt", "../a.pt", "../backbones_2/a.pt"):
        assert not is_watched(cards / place)
    (tmp_path / "home").symlink_to(tmp_path)  # by which the project may be reached
    assert is_watched(tmp_path / "home" / "data" / "backbones" / "saved" / "a.pt")
    assert not is_watched(tmp_path / "home" / "data" / "backbones" / "linked" / "a.pt")
    check_tracked(WeightsSource.of("x", "data/backbones/file.pt"), card())
    check_tracked(WeightsSource.of("x", "local-dir:data/backbones/saved"), card())


def test_the_hash_of_a_folder_is_of_what_is_read_of_it(file, tmp_path):
    assert content_sha256(file) == HASH
    before = content_sha256(tmp_path)
    (tmp_path / "README.md").write_text("words")
    assert content_sha256(tmp_path) == before
    found = {before}
    (tmp_path / "open_clip_config.json").write_text("{}")
    found.add(content_sha256(tmp_path))
    file.write_bytes(b"trained on")
    found.add(content_sha256(tmp_path))
    file.rename(tmp_path / "b.pt")
    assert len(found | {content_sha256(tmp_path)}) == 4
