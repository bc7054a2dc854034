"""What a network predicts for frames, without a look at their masks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mcdrl.model.folder import LoadedModel
from mcdrl.model.network import FurtherSizes
from mcdrl.model.probability import probabilities
from mcdrl.networks.inputs import SitesReader, to_batch
from mcdrl.networks.interface import Method
from mcdrl.networks.intervention import Record, recorded

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class BatchPrediction:
    """What a network predicts for B frames.

    Attributes:
        case_ids: "<site>/<file stem>".
        probability: [B, S, S] float32, of lesion, 0..1.
        presence: [B] float32, of a frame having one, 0..1; None where the method has no head for that.
        before: [B, D] float32, Pool(F); None where the method doesn't intervene.
        after: [B, D] float32, Pool(F_ca), likewise.
        similarity: [B, H, W] float32, what the regions were selected by.
        selected: [B, H, W] bool, the regions.
        weights: [B, M] float32, the attention over the dictionary, likewise, or where it isn't over all of it at once.
        entropy: [B] float32, of that attention, 0..1, as `Record` has it; None where `weights` is.
    """

    case_ids: Sequence[str]
    probability: Floats
    presence: Floats | None
    before: Floats | None
    after: Floats | None
    weights: Floats | None
    entropy: Floats | None
    similarity: Floats
    selected: NDArray[np.bool_]


class _Blank(nn.Module):
    """Stands for a head whose answer nobody asks for."""

    def forward(self, _maps: Mapping[str, Tensor], _tokens: Tensor, frame: Tensor) -> Tensor:
        """Return zero logits, [B, 2, S, S]."""
        return frame.new_zeros(len(frame), 2, *frame.shape[-2:])


@contextmanager
def headless(method: Method) -> Iterator[None]:
    """Let a method do all but its head's work, which is two thirds of it; the head comes back afterwards."""
    head = method.head
    method.head = _Blank()
    try:
        yield
    finally:
        method.head = head


def predict(
    model: LoadedModel, reader: SitesReader, case_ids: Sequence[str], batch_size: int, *, single_pass: bool = False,
    further: FurtherSizes | None = None,
) -> Iterator[BatchPrediction]:  # fmt: skip
    """Yield what the network predicts, batch by batch, in the order of `case_ids`.

    Args:
        model: in evaluation mode; it runs where its weights are.
        reader: the frames, features and regions; masks aren't read.
        case_ids: "<site>/<file stem>".
        batch_size: frames at a time.
        single_pass: whether methods that sum over views make their first pass alone.
        further: the sizes beside the working size whose answers count, too, for the probability; None: none.
    """
    device = next((weight.device for weight in model.method.parameters()), torch.device("cpu"))
    for start in range(0, len(case_ids), batch_size):
        ids = case_ids[start : start + batch_size]
        trunk = model.method.trunk
        maps = model.miner.taps if model.miner else []
        raw = reader.read(ids, mask=False, cached=trunk.cached(list(reader.layout.map_channels)), maps=maps)
        batch = to_batch(raw, [-1] * len(ids), device, miner=model.miner, dark_below=model.method.dark_below)
        with recorded(model.method) as record, model.running():
            found = probabilities(model.method, batch, single_pass=single_pass)
        with model.running():
            lesion = further.mean(found.lesion, batch) if further else found.lesion
        presence = None if found.presence is None else found.presence.cpu().numpy()
        similarity, selected = batch.similarity.cpu().numpy(), batch.selected.cpu().numpy()
        did = _mean(record, model.method)
        yield BatchPrediction(
            ids, lesion.float().cpu().numpy(), presence, similarity=similarity, selected=selected, **did
        )


def _mean(record: Record, method: Method) -> dict[str, Floats | None]:
    """Return the mean over the intervention's calls; attention of one call alone, as several are not over Z.

    Of a sum over views the first call counts, which is over the frame as it is.
    """
    calls = {name: some[:1] if method.sums_views else some for name, some in vars(record).items()}
    calls |= {name: calls[name] if len(calls[name]) == 1 else [] for name in ("weights", "entropy")}
    return {name: torch.stack(some).mean(0).float().cpu().numpy() if some else None for name, some in calls.items()}
