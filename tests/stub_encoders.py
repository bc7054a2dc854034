"""Stub encoders for frames alone: what they say can be computed by hand, or costs nothing."""

import torch

from mcdrl.clip.encoder import Encoded, Encoder

SIDE = 16


class FrameEncoder(Encoder):
    """An encoder that knows no texts and can't be divided; subclasses write `encode`."""

    def encode_text(self, prompts):
        raise NotImplementedError

    def unknown_words(self, prompts):
        raise NotImplementedError

    def lower_blocks(self):
        raise NotImplementedError

    def upper_blocks(self):
        raise NotImplementedError


class MeanEncoder(FrameEncoder):
    """Dense features are the means of 4x4 px, the map s2 those of 2x2 px, the prefix the frame's means."""

    def __init__(self, size_px=SIDE):
        super().__init__()
        self.width, self.size_px, self.fingerprint, self.dense_mode = 3, size_px, "mean", "plain"
        self.scale = torch.nn.Parameter(torch.ones(()))
        self.batches = []

    def encode(self, frames):
        self.batches.append(len(frames))
        pool = torch.nn.functional.avg_pool2d
        return Encoded(
            dense=pool(frames, 4),
            image_embedding=frames.mean((2, 3)),
            maps={"s2": pool(frames, 2), "s4": pool(frames, 4)},
            prefix=frames.mean((2, 3))[:, None] * self.scale,
        )
