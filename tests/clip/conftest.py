"""Small open_clip models, randomly initialised, with every parameter and statistic away from its neutral value."""

import copy
import functools

import open_clip
import pytest
import torch

from mcdrl.clip.frozen import Setup
from mcdrl.clip.resnet import ResNetEncoder
from mcdrl.clip.vit import VitEncoder

TEXT = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}
CONFIGS = {
    "vit": {
        "embed_dim": 24,
        "quick_gelu": True,
        "vision_cfg": {"image_size": 32, "layers": 4, "width": 64, "patch_size": 8, "head_width": 16},
        "text_cfg": TEXT,
    },
    "deep_vit": {  # whose last six blocks aren't all
        "embed_dim": 24,
        "quick_gelu": True,
        "vision_cfg": {"image_size": 32, "layers": 8, "width": 32, "patch_size": 8, "head_width": 16},
        "text_cfg": TEXT,
    },
    "resnet": {
        "embed_dim": 24,
        "quick_gelu": True,
        "vision_cfg": {"image_size": 64, "layers": [2, 1, 2, 1], "width": 8, "patch_size": None},
        "text_cfg": TEXT,
    },
}
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


@functools.cache
def template(kind):
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = open_clip.CLIP(**copy.deepcopy(CONFIGS[kind])).eval()
        for name, value in model.state_dict().items():
            neutral = any(part in name for part in ("bn", "ln_", "downsample.1", "bias"))
            if neutral and value.is_floating_point():
                value.copy_(torch.rand_like(value) * 0.5 + 0.5)
    return model


def make_model(kind):
    return copy.deepcopy(template(kind))


def make_encoder(kind, mode="plain", **changes):
    setup = {"taps": None, "suffix_from": None, "fingerprint": "f", "tokenizer": open_clip.SimpleTokenizer()} | changes
    family = {"vit": VitEncoder, "deep_vit": VitEncoder, "resnet": ResNetEncoder}[kind]
    return family(make_model(kind), Setup(mean=MEAN, std=STD, dense_mode=mode, **setup))


@pytest.fixture
def clip_model():
    """kind -> an untouched open_clip.CLIP with the encoder's weights."""
    return make_model


@pytest.fixture
def clip_encoder():
    """(kind, mode, **Setup) -> the encoder of that model."""
    return make_encoder


@pytest.fixture
def clip_config():
    """kind -> open_clip's model configuration."""
    return lambda kind: copy.deepcopy(CONFIGS[kind])


@pytest.fixture
def frames():
    """encoder -> three frames, [3, 3, S, S] in 0..1."""
    seed = torch.Generator().manual_seed(3)
    return lambda encoder: torch.rand(3, 3, encoder.size_px, encoder.size_px, generator=seed)


@pytest.fixture
def standardised():
    """frames -> what CLIP's own tower takes."""
    return lambda frames: (frames - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
