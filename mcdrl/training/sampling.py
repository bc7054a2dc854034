"""Which frames an epoch is made of."""

from __future__ import annotations

import numpy as np

from mcdrl.base.seeds import generator
from mcdrl.study.sections.train import Sampling
from mcdrl.training.data import Frames


def epoch_frames(frames: Frames, sampling: Sampling, *, seed: int, epoch: int) -> list[str]:
    """Return an epoch's frames, as many as there are for training.

    Args:
        frames: of the source sites.
        sampling: shuffled: each frame once; class_balanced: lesion classes with even chances, drawn with replacement,
            so that nothing can be learned from how common a class is at a site; frames without a lesion keep their
            share.
        seed: of the training.
        epoch: from 0.
    """
    if sampling == "shuffled":
        return frames.train
    kinds = np.array([frames.class_index[case] for case in frames.train])
    present, index, counts = np.unique(kinds, return_inverse=True, return_counts=True)
    shares = np.where(present < 0, counts / len(kinds), 0.0)
    shares[present >= 0] = (1 - shares.sum()) / (present >= 0).sum()
    draw = generator("train", seed, "sampling", epoch)
    return [frames.train[one] for one in draw.choice(len(kinds), len(kinds), p=(shares / counts)[index])]
