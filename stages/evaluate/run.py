"""One cell of the study: predictions first, then masks and scores; everything streams in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from stages.core.base.errors import InputError
from stages.core.base.runtime import progress
from stages.core.contracts.cases import CASES
from stages.core.contracts.frames import FRAMES
from stages.core.contracts.scores import PREDICTIONS, SCORES
from stages.evaluate.params import Params
from stages.evaluate.score import score, to_bytes

if TYPE_CHECKING:
    from stages.core.networks.data import Layout
    from stages.core.networks.model import ModelCard


@dataclass(frozen=True)
class Cell:
    """A method, the site that it was kept from, and the seed, with the files that belong to them below `artifacts`."""

    method: str
    held_out: str
    seed: int
    artifacts: Path

    @property
    def model(self) -> Path:
        """Return the trained model's folder."""
        return self.artifacts / "train" / self.method / self.held_out / str(self.seed)

    @property
    def ingested(self) -> Path:
        """Return the folder with the held-out site's frames, masks and cases."""
        return self.artifacts / "ingest" / self.held_out

    @property
    def predictions(self) -> Path:
        """Return where the probabilities go."""
        return self.artifacts / "evaluate" / "predictions" / self.method / self.held_out / f"{self.seed}.h5"

    @property
    def scores(self) -> Path:
        """Return where the scores go."""
        return self.artifacts / "evaluate" / "parts" / self.method / self.held_out / f"{self.seed}.parquet"

    def read_cases(self) -> pd.DataFrame:
        """Return the held-out site's frames, as in `CASES`."""
        return CASES.read(self.ingested / "cases.parquet")


def write_predictions(cell: Cell, case_ids: Sequence[str], params: Params, device: str = "auto") -> None:
    """Predict the held-out site and store the probabilities.

    Args:
        cell: whose model and whose held-out site.
        case_ids: the frames, in the order of the store.
        params: numbers.
        device: cpu, cuda, ...; auto: a GPU if there is one.

    Raises:
        InputError: the model, its features or the backbone are missing or don't belong together, or there is no such
            device.
    """
    from stages.core.device import pick_device
    from stages.core.networks.data import open_sites, site_files  # seconds of imports that scoring does without
    from stages.core.networks.model import load_model
    from stages.evaluate.predict import predict

    model = load_model(cell.model, cell.artifacts / "backbone")
    model.method.to(pick_device(device))
    attributes = {
        "method": cell.method, "held_out": cell.held_out, "seed": str(cell.seed),
        "threshold": str(params.threshold), "tolerance_px": f"{params.tolerance_px:g}",
    }  # fmt: skip
    files = {cell.held_out: site_files(cell.artifacts, cell.held_out)}
    with open_sites(files) as reader, PREDICTIONS.write(cell.predictions, case_ids, attributes) as store:
        _check_fit(cell, model.card, reader.layout)
        batches = predict(model, reader, case_ids, params.batch_size)
        count = -(-len(case_ids) // params.batch_size)
        for batch in progress(batches, f"predict {cell.held_out} with {cell.method}", count):
            store.append(probability=to_bytes(batch))


def _check_fit(cell: Cell, card: ModelCard, layout: Layout) -> None:
    """Raise InputError where the model and the site's features come from different encoders or regions."""
    for name in ("fingerprint", "dense_mode", "alpha", "size_px"):
        ours, theirs = getattr(card, name), getattr(layout, name)
        if ours != theirs:
            raise InputError(
                f"{cell.model / 'model.json'} and the stored features of site {cell.held_out} differ in {name} "
                f"({ours} and {theirs}); run `dvc repro` to make both anew"
            )


def score_predictions(cell: Cell, cases: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Score the stored probabilities against the masks.

    Returns:
        Rows of `SCORES`, in the order of `cases`.
    """
    ids = [str(case) for case in cases["case_id"]]
    keys = cases[["case_id", "group_id", "lesion_class"]].reset_index(drop=True)
    keys = keys.assign(method=cell.method, held_out=cell.held_out, seed=cell.seed)
    scored = pd.concat(list(_scored(cell, ids, params)), ignore_index=True)
    rows: pd.DataFrame = keys.join(scored)[SCORES.schema.names]
    return rows


def _scored(cell: Cell, ids: Sequence[str], params: Params) -> Iterator[pd.DataFrame]:
    with FRAMES.read(cell.ingested / "frames.h5") as frames, PREDICTIONS.read(cell.predictions) as predictions:
        for start in range(0, len(ids), params.batch_size):
            part = ids[start : start + params.batch_size]
            truth = frames.rows("mask", part) > 0
            yield score(predictions.rows("probability", part), truth, params.threshold, params.tolerance_px)
