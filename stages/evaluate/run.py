"""One cell of the study; all streams in batches, and a mask is opened only after its frame's prediction is stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mcdrl.artifacts.cases import CASES
from mcdrl.artifacts.frames import FRAMES
from mcdrl.artifacts.held_out_scores import write_held_out_scores
from mcdrl.artifacts.scores import EVALUATED, POOLED_FRAMES, PREDICTIONS
from mcdrl.base.device import pick_device
from mcdrl.base.errors import InputError
from mcdrl.base.files import sha256
from mcdrl.base.runtime import progress
from mcdrl.clip.load import load_encoder
from mcdrl.model.facts import CARD, WEIGHTS
from mcdrl.model.folder import LoadedModel, load_model
from mcdrl.model.network import FurtherSizes
from mcdrl.model.score import to_bytes
from mcdrl.networks.inputs import SitesReader, check_provenance, open_sites
from mcdrl.study.paths import Cell, backbone_folder, site_files, table_file
from mcdrl.study.sections.evaluate import Params
from stages.evaluate.cell import named
from stages.evaluate.exchanges import exchanged_scores
from stages.evaluate.interventions import Interventions, sampled
from stages.evaluate.predict import headless, predict
from stages.evaluate.scorer import Scorer
from stages.evaluate.summary import summarise


@dataclass(frozen=True)
class _Work:
    cell: Cell
    artifacts: Path
    params: Params
    model: LoadedModel
    reader: SitesReader


def evaluate(
    cell: Cell, artifacts: Path, cases: pd.DataFrame, params: Params, device: str = "auto"
) -> dict[str, pd.DataFrame]:
    """Predict the held-out site, store the probabilities and score them.

    Args:
        cell: whose model and whose held-out site.
        artifacts: what the pipeline has written.
        cases: the held-out site's frames, as `read_cases` gives them, in the order of the store.
        params: numbers.
        device: cpu, cuda, ...; auto: a GPU if there is one.

    Returns:
        The rows of each of `EVALUATED`.

    Raises:
        InputError: the model, its features or the backbone are missing or don't belong together, or there is no such
            device.
    """
    model = load_model(cell.model(artifacts), backbone_folder(artifacts))
    model.to(pick_device(device))
    did = Interventions(model.card.confounders)
    with _opened(cell, artifacts, params, model) as work:
        scorer = _scored(work, cases, did)
        _add_sources(work, did)
        exchanges = _exchanges(work, cases)
    tables = {
        "cases": scorer.scores(), "calibration": scorer.calibration(), "reliability": scorer.reliability(),
        "trust": scorer.trust(), "attention": did.attention(), "pooled": did.pooled(),
        "mining": scorer.mining("source_tuned" if model.miner else "zero_shot"), "findings": scorer.findings(),
        "alarms": scorer.alarms(), "exchanges": exchanges,
    }  # fmt: skip
    return {name: named(cell, rows, model.card.leaked_frames) for name, rows in tables.items()}


def write(cell: Cell, artifacts: Path, tables: Mapping[str, pd.DataFrame], params: Params) -> None:
    """Write a cell's tables, and held_out_scores.json beside them."""
    parts = cell.parts(artifacts)
    for name, rows in tables.items():
        EVALUATED[name].write(rows, table_file(parts, name))
    write_held_out_scores(summarise(cell, tables["cases"], params, sha256(cell.model(artifacts) / WEIGHTS)), parts)


@contextmanager
def _opened(cell: Cell, artifacts: Path, params: Params, model: LoadedModel) -> Iterator[_Work]:
    sites = [cell.held_out, *(model.card.sources if model.method.intervenes else [])]
    with open_sites({site: site_files(artifacts, site) for site in sites}) as reader:
        _check_fit(cell, artifacts, model, reader)
        yield _Work(cell, artifacts, params, model, reader)


def _check_fit(cell: Cell, artifacts: Path, model: LoadedModel, reader: SitesReader) -> None:
    """Raise InputError where the model and the site's features come from different encoders or regions."""
    path = cell.model(artifacts) / CARD
    for name in ("fingerprint", "dense_mode", "alpha", "text_similarity", "size_px"):
        ours, theirs = getattr(model.card, name), getattr(reader.layout, name)
        if ours != theirs:
            raise InputError(
                f"{path} and the stored features of site {cell.held_out} differ in {name} "
                f"({ours} and {theirs}); run `dvc repro` to make both anew"
            )
    if model.card.provenance:
        provenance = reader.layout.provenance
        check_provenance(cell.held_out, provenance, "the sites that the model was trained on", model.card.provenance)


def _scored(work: _Work, cases: pd.DataFrame, did: Interventions) -> Scorer:
    cell, params, card = work.cell, work.params, work.model.card
    case_ids = [str(case) for case in cases["case_id"]]
    pooled = frozenset(sampled(case_ids, POOLED_FRAMES))
    attributes = {
        "method": cell.variant, "held_out": cell.held_out, "seed": str(cell.seed),
        "threshold": str(params.threshold), "tolerance_px": f"{params.tolerance_px:g}",
        "sizes_px": " ".join(map(str, [card.size_px, *params.further_sizes_px])),
    }  # fmt: skip
    with (
        FRAMES.read(site_files(work.artifacts, cell.held_out).frames) as frames,
        PREDICTIONS.write(cell.predictions(work.artifacts), case_ids, attributes) as store,
    ):
        scorer = Scorer(
            frames, cases, params, temperature=card.temperature, flag_below=card.flag_below,
            operating_point=card.operating_point,
        )  # fmt: skip
        predictions = predict(work.model, work.reader, case_ids, params.batch_size, further=_further(work))
        count = -(-len(case_ids) // params.batch_size)
        for batch in progress(predictions, f"predict {cell.held_out} with {cell.variant}", count):
            store.append(probability=to_bytes(batch.probability))
            scorer.add(batch)
            did.add(batch, pooled, attention=True)
    return scorer


def _further(work: _Work) -> FurtherSizes | None:
    """Return the sizes beside the working size; None: there are none, and the encoder need not be loaded."""
    sizes, device = work.params.further_sizes_px, next(work.model.method.parameters()).device
    if not sizes:
        return None
    encoder = load_encoder(backbone_folder(work.artifacts), work.model.card.dense_mode).to(device).eval()
    return FurtherSizes(work.model, encoder, sizes)


def _add_sources(work: _Work, did: Interventions) -> None:
    if not work.model.method.intervenes:
        return
    for site in work.model.card.sources:
        cases = CASES.read(site_files(work.artifacts, site).cases)
        chosen = sampled([str(case) for case in cases["case_id"]], work.params.source_frames)
        pooled = frozenset(chosen)
        with headless(work.model.method):
            for batch in predict(work.model, work.reader, chosen, work.params.batch_size, single_pass=True):
                did.add(batch, pooled, attention=False)


def _exchanges(work: _Work, cases: pd.DataFrame) -> pd.DataFrame:
    with FRAMES.read(site_files(work.artifacts, work.cell.held_out).frames) as frames:
        return exchanged_scores(work.model, work.reader, frames, cases, work.params, work.cell.seed)
