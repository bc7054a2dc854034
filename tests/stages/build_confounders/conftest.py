import hashlib

import pytest
import torch

from mcdrl.clip.encoder import Encoder, unit


class HashEncoder(Encoder):
    """Gives each prompt a vector that only its own text decides; knows no word with a z in it."""

    def __init__(self):
        super().__init__()
        self.width, self.size_px, self.fingerprint, self.dense_mode = 8, 224, "f" * 8, "plain"

    def encode(self, _):
        raise AssertionError("prompts alone are encoded here")

    def lower_blocks(self):
        raise AssertionError("prompts alone are encoded here")

    def upper_blocks(self):
        raise AssertionError("prompts alone are encoded here")

    def encode_text(self, prompts):
        seeds = [int.from_bytes(hashlib.sha256(prompt.encode()).digest()[:4]) for prompt in prompts]
        rows = [torch.randn(self.width, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        return unit(torch.stack(rows), dim=1)

    def unknown_words(self, prompts):
        return [word for prompt in prompts for word in prompt.split() if "z" in word]

    def too_long(self, prompts):
        return [prompt for prompt in prompts if len(prompt) > 60]


@pytest.fixture
def encoder():
    return HashEncoder()
