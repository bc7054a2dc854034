"""A small model that open_clip knows by name, a card for it, and its weights in files."""

import copy

import open_clip
import pytest
import torch

from mcdrl.clip.card import BackboneCard

CONFIG = {
    "embed_dim": 16,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 16, "layers": 4, "width": 32, "patch_size": 8, "head_width": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
TAG = {"hf_hub": "someone/tiny/", "mean": (0.1, 0.2, 0.3), "std": (0.4, 0.5, 0.6)}


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "tiny-vit", CONFIG)
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "tiny-vit", {"openai": TAG})


@pytest.fixture
def card():
    """**changes -> a card of the small model."""

    def make(**changes):
        whole = {"title": "Tiny", "family": "open_clip", "model": "tiny-vit", "pretrained": "openai", "licence": "MIT"}
        return BackboneCard(**(whole | {"notice": "For tests."} | changes))

    return make


@pytest.fixture
def model():
    """An open_clip.CLIP of the small configuration."""
    with torch.random.fork_rng():
        torch.manual_seed(11)
        return open_clip.CLIP(**copy.deepcopy(CONFIG)).eval()
