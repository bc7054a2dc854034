"""Which classes are asked for: those of the training frames; the model's folder keeps them."""

import torch

from mcdrl.networks.interface import Texts
from mcdrl.training.data import Frames
from mcdrl.training.seen import with_seen


def test_the_classes_of_training_frames_are_marked_and_those_of_validation_frames_are_not():
    texts = Texts(torch.rand(4, 4), torch.rand(3, 4), torch.rand(4, 3, 4), torch.rand(3))
    frames = Frames(["a", "b", "c"], ["d"], {"a": 2, "b": -1, "c": 0, "d": 3}, {})
    assert with_seen(texts, frames).seen.tolist() == [True, False, True, False]
    assert texts.seen is None
