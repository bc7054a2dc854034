"""The hub: the cache first, one quick question, and an error that names the ways out."""

import hashlib

import huggingface_hub
import pytest
from huggingface_hub.errors import EntryNotFoundError

from mcdrl.base.errors import InputError
from stages.backbone import hub
from stages.backbone.hub import from_hub
from stages.backbone.local_dir import SAVED

CONTENT = b"the weights"
REVISION = "a" * 40


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of the hub's client."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def fill(cache, file, content=CONTENT):
    """Lay a file out as the hub's client does: a blob named by its hash and a link with the file's name."""
    folder = cache / "models--someone--tiny"
    blob = folder / "blobs" / hashlib.sha256(CONTENT).hexdigest()
    link = folder / "snapshots" / REVISION / file
    for path in (blob, link, folder / "refs" / "main"):
        path.parent.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(content)
    link.symlink_to(blob)
    (folder / "refs" / "main").write_text(REVISION)
    return link


@pytest.fixture
def questions(monkeypatch):
    """What the hub is asked; answers that nothing is there."""
    asked, absent = [], EntryNotFoundError.__new__(EntryNotFoundError)  # its own constructor wants a response

    def ask(url, timeout):
        asked.append(url)
        raise absent

    monkeypatch.setattr(hub, "get_hf_file_metadata", ask)
    return asked


@pytest.mark.parametrize("file", ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"])
def test_a_cached_file_needs_no_network(cache, card, questions, file):
    link = fill(cache, file)
    assert from_hub("tiny", card()) == link
    assert questions == []


def test_a_damaged_cached_file_is_named(cache, card):
    link = fill(cache, "open_clip_model.safetensors", content=CONTENT[:4])
    with pytest.raises(InputError, match="is damaged"):
        from_hub("tiny", card())
    assert link.exists()


def test_without_a_connection_all_ways_out_are_named_after_one_question(cache, card, monkeypatch):
    asked = []

    def ask(url, timeout):
        asked.append((url, timeout))
        raise ConnectionError("no route to host")

    monkeypatch.setattr(hub, "get_hf_file_metadata", ask)
    with pytest.raises(InputError) as caught:
        from_hub("tiny", card())
    message = str(caught.value)
    for part in ("no route to host", "weights.tiny=FILE", "weights.tiny=local-dir:", "HF_HOME", "weights.tiny=none"):
        assert part in message
    assert len(asked) == 1
    assert asked[0][1] <= 5


def test_both_names_are_tried_before_giving_up(cache, card, questions):
    with pytest.raises(InputError, match="has none of"):
        from_hub("tiny", card())
    assert [url.rpartition("/")[2] for url in questions] == list(SAVED)


def test_a_download_is_used(cache, card, monkeypatch, tmp_path):
    monkeypatch.setattr(hub, "get_hf_file_metadata", lambda *_, **__: None)
    monkeypatch.setattr(hub, "hf_hub_download", lambda _, file: str(fill(cache, file)))
    assert from_hub("tiny", card()).read_bytes() == CONTENT


@pytest.mark.parametrize(("tag", "word"), [("openia", "did you mean 'openai'"), (None, "names no pretrained tag")])
def test_a_tag_that_is_not_there(cache, card, tag, word):
    with pytest.raises(InputError, match=word):
        from_hub("tiny", card(pretrained=tag))
