"""Probabilities of lesion for a site, frame by frame, without a look at its masks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from stages.core.networks.data import SitesReader, to_batch
from stages.core.networks.model import LoadedModel, probability


def predict(
    model: LoadedModel, reader: SitesReader, case_ids: Sequence[str], batch_size: int
) -> Iterator[NDArray[np.float32]]:
    """Yield the probabilities of lesion batch by batch, in the order of `case_ids`.

    Args:
        model: in evaluation mode; it runs where its weights are.
        reader: the site's frames, features and regions; its masks aren't read.
        case_ids: "<site>/<file stem>".
        batch_size: frames at a time.

    Yields:
        [B, S, S] float32, 0..1.
    """
    device = next((weight.device for weight in model.method.parameters()), torch.device("cpu"))
    for start in range(0, len(case_ids), batch_size):
        ids = case_ids[start : start + batch_size]
        trunk = model.method.trunk
        raw = reader.read(ids, mask=False, prefix=trunk.needs_prefix, features=trunk.needs_features)
        batch = to_batch(raw, [-1] * len(ids), device)
        yield probability(model.method, batch).cpu().numpy()
