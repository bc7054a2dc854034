"""Which lesion classes the training frames have: methods that are asked by class are asked for no others."""

from __future__ import annotations

from dataclasses import replace

import torch

from mcdrl.networks.interface import Texts
from mcdrl.training.data import Frames


def with_seen(texts: Texts, frames: Frames) -> Texts:
    """Return the texts with the classes marked that the training frames have; validation frames don't count."""
    seen = torch.zeros(len(texts.classes), dtype=torch.bool)
    seen[[number for number in (frames.class_index[case] for case in frames.train) if number >= 0]] = True
    return replace(texts, seen=seen)
