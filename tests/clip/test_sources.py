"""The values of `weights` and the hashes of files."""

import hashlib
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from mcdrl.base.errors import InputError
from mcdrl.clip.card import BackboneCard
from mcdrl.clip.sources import WeightsSource, verified

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
    for value in (f"{file}@sha256:{HASH}", f"local-dir:{file.parent}", "none", str(Path("../weights/RN50.pt"))):
        assert parser.parse_override(f"weights.x={value}").value() == value
