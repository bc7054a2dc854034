"""What an intervention is worth to a trained network: Dice with what it works with exchanged at test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from mcdrl.artifacts.scores import CELL, EXCHANGES, LEAKED
from mcdrl.artifacts.store_reader import StoreReader
from mcdrl.metrics.counts import dice
from mcdrl.model.folder import LoadedModel
from mcdrl.model.native import native_counts
from mcdrl.networks import exchange
from mcdrl.networks.inputs import SitesReader
from mcdrl.study.sections.evaluate import Params
from stages.evaluate.interventions import sampled
from stages.evaluate.predict import predict
from stages.evaluate.scorer import natives


def exchanged_scores(
    model: LoadedModel, reader: SitesReader, frames: StoreReader, cases: pd.DataFrame, params: Params, seed: int
) -> pd.DataFrame:
    """Predict some frames with a lesion anew under every exchange; methods that sum over views make their first pass.

    Args:
        model: in evaluation mode.
        reader: the held-out site's frames, features and regions.
        frames: its store of frames, with the masks.
        cases: its frames, as `read_cases` gives them.
        params: how many frames, and the threshold.
        seed: of what is put in place.

    Returns:
        A row a (frame, exchange), as in `EXCHANGES`; none where the method doesn't intervene.
    """
    named = cases.set_index("case_id", drop=False)
    with_lesion = [str(case) for case in named.index[named["lesion_class"].notna()]]
    chosen = sampled(with_lesion, params.exchange_frames) if exchange.exchangeable(model.method) else []
    nothing: pd.DataFrame = EXCHANGES.schema.empty_table().to_pandas()
    parts = [nothing.drop(columns=[*CELL, LEAKED.name])]
    for name in exchange.CONDITIONS if chosen else ():
        with exchange.exchanged(model.method, name, seed):
            parts += [rows.assign(exchange=name) for rows in _scores(model, reader, frames, named, chosen, params)]
    return pd.concat(parts, ignore_index=True)


def _scores(
    model: LoadedModel, reader: SitesReader, frames: StoreReader, cases: pd.DataFrame, chosen: Sequence[str],
    params: Params,
) -> Iterator[pd.DataFrame]:  # fmt: skip
    """Yield case_id, group_id, dice and entropy, batch by batch."""
    for batch in predict(model, reader, chosen, params.batch_size, single_pass=True):
        truth = natives(frames, cases, batch.case_ids)
        scores = dice(native_counts(batch.probability, truth, params.threshold))
        rows = cases.loc[list(batch.case_ids), ["case_id", "group_id"]].reset_index(drop=True)
        yield rows.assign(dice=scores, entropy=np.nan if batch.entropy is None else batch.entropy)
