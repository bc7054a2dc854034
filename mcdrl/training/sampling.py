"""Which frames an epoch is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcdrl.base.seeds import generator
from mcdrl.study.sections.train import Sampling
from mcdrl.training.data import Frames

_SIZES = 4  # of lesions
_OUTERMOST = (0.05, 0.95)  # shares of the frames that the outermost sizes begin beyond, so that none is of a few frames


def epoch_frames(frames: Frames, sampling: Sampling, *, seed: int, epoch: int) -> list[str]:
    """Return an epoch's frames, as many as there are for training.

    Args:
        frames: of the source sites, with sizes where they are balanced.
        sampling: shuffled: each frame once; class_balanced: lesion classes with even chances, drawn with replacement,
            so that nothing can be learned from how common a class is at a site; size_balanced: likewise sizes of
            lesions, see `sizes`; frames without a lesion, or without a pixel of theirs, keep their share.
        seed: of the training.
        epoch: from 0.
    """
    if sampling == "shuffled":
        return frames.train
    kinds = sizes(frames) if sampling == "size_balanced" else _classes(frames)
    present, index, counts = np.unique(kinds, return_inverse=True, return_counts=True)
    shares = np.where(present < 0, counts / len(kinds), 0.0)
    shown = present >= 0
    shares[shown] = (1 - shares.sum()) / max(shown.sum(), 1)
    draw = generator("train", seed, "sampling", epoch)
    return [frames.train[one] for one in draw.choice(len(kinds), len(kinds), p=(shares / counts)[index])]


def with_sizes(frames: Frames, sampling: Sampling, shares: Callable[[Sequence[str]], NDArray[Any]]) -> Frames:
    """Return the frames with the shares that are lesion where sizes are balanced, else as they are.

    Args:
        frames: of the source sites.
        sampling: how an epoch's frames are drawn.
        shares: reads which share of frames is lesion; it is asked for labelled training frames with a lesion alone.
    """
    if sampling != "size_balanced":
        return frames
    cases = [case for case in frames.train if frames.class_index[case] >= 0]
    return replace(frames, lesion_share=dict(zip(cases, shares(cases).tolist(), strict=True)))


def sizes(frames: Frames) -> NDArray[np.intp]:
    """Return how large each training frame's lesion is, 0..3, -1 where none shows: equal steps of the area's logarithm.

    The steps lie between the shares that a twentieth of the lesions are below and above. Quarters of the frames, which
    have as many frames each, would be drawn like the frames themselves.
    """
    kinds = np.full(len(frames.train), -1)
    shares = np.array([frames.lesion_share.get(case, 0) for case in frames.train])
    if not shares.any():
        return kinds
    logs = np.log(shares[shares > 0])
    low, high = np.quantile(logs, _OUTERMOST)
    kinds[shares > 0] = np.searchsorted(np.linspace(low, high, _SIZES + 1)[1:-1], logs)
    return kinds


def _classes(frames: Frames) -> NDArray[np.intp]:
    return np.array([frames.class_index[case] for case in frames.train])
