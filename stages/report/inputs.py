"""Reading what the report is made from; every path follows from the names in params.yaml."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mcdrl.artifacts.audit import PAIRS, PROFILE
from mcdrl.artifacts.cases import CASES, QUARANTINE, STRENGTHS
from mcdrl.artifacts.dictionary import DICTIONARY
from mcdrl.artifacts.regions import QUALITY
from mcdrl.artifacts.scores import (
    ALARMS,
    ATTENTION,
    CALIBRATION,
    CELL,
    EXCHANGES,
    FINDINGS,
    MINING,
    POOLED,
    RELIABILITY,
    SCORES,
    TRUST,
)
from mcdrl.artifacts.stress import STRESS
from mcdrl.artifacts.tables import Table
from mcdrl.base.errors import InputError, shown
from mcdrl.model.facts import CARD, HISTORY, read_facts
from mcdrl.study.cells import cells
from mcdrl.study.leaks import crossing, own_frames
from mcdrl.study.params import Study
from mcdrl.study.paths import Cell, TextFiles, audit_files, site_files, table_path, texts_folder

_UNCHECKED = ("file", "local-dir")
_KEYS = list(CELL)


@dataclass(frozen=True)
class Inputs:
    """The tables of a study.

    Attributes:
        study: the shared part of params.yaml.
        cases: the accepted frames of all sites, as in `CASES`.
        quarantine: the refused files: site, file, reason.
        pairs: frames that are one picture, as in `PAIRS`.
        profile: what every frame looks like, as in `PROFILE`.
        quality: how well the regions were mined, a row a site, as in `QUALITY`.
        mining: how well each model's own regions meet the lesions of its held-out site, as in `MINING`.
        dictionary: the confounders, as in `DICTIONARY`.
        scores: a row a (method, held-out site, seed, frame), as in `SCORES`.
        models: cell -> model.json, checked.
        history: method, held_out, seed, epoch, val_dice and one column a loss term.
        calibration: temperature and calibration error, as in `CALIBRATION`; this and what follows has no row where the
            study has no such figure.
        reliability: what probabilities are worth, as in `RELIABILITY`.
        trust: how sure of each frame a model is, as in `TRUST`.
        findings: lesions and false positives of each frame, as in `FINDINGS`.
        alarms: what is said of each whole frame, as in `ALARMS`.
        attention: weights of the dictionary in each frame, as in `ATTENTION`.
        exchanges: Dice with an intervention's dictionary or tokens exchanged at test, as in `EXCHANGES`.
        pooled: features of each frame before and after the intervention, as in `POOLED`.
        stress: scores under confounders of known strength, as in `STRESS`.
        strengths: which confounders are in a frame, as in `STRENGTHS`; of the sites where this is known.
    """

    study: Study
    cases: pd.DataFrame
    quarantine: pd.DataFrame
    pairs: pd.DataFrame
    profile: pd.DataFrame
    quality: pd.DataFrame
    mining: pd.DataFrame
    dictionary: pd.DataFrame
    scores: pd.DataFrame
    models: dict[Cell, dict[str, Any]]
    history: pd.DataFrame
    calibration: pd.DataFrame
    reliability: pd.DataFrame
    trust: pd.DataFrame
    findings: pd.DataFrame
    alarms: pd.DataFrame
    attention: pd.DataFrame
    exchanges: pd.DataFrame
    pooled: pd.DataFrame
    stress: pd.DataFrame
    strengths: pd.DataFrame

    @property
    def leaked(self) -> dict[str, int]:
        """Held-out sites -> how many of their frames the training has seen; empty where none."""
        return leaked_frames(self.pairs, self.study.held_out)

    @property
    def random_weights(self) -> bool:
        """Whether any model stands on an encoder that was never pretrained."""
        return any(model.get("pretrained") == "random" for model in self.models.values())

    @property
    def unchecked_weights(self) -> bool:
        """Whether any encoder's weights come from a file of the user's that isn't known by its hash."""
        return any(model.get("pretrained") in _UNCHECKED for model in self.models.values())

    @property
    def weights(self) -> str:
        """Where the encoders' weights come from, as the models' cards say: embedded, openai, file, random, ..."""
        return ", ".join(sorted({str(model.get("pretrained")) for model in self.models.values()}))


def read_inputs(study: Study, artifacts: Path) -> Inputs:
    """Read the tables of a study.

    Args:
        study: the shared part of params.yaml.
        artifacts: the folder that the pipeline writes.

    Raises:
        InputError: a file is missing, or the scores lack a cell that params.yaml names.
    """
    trained = {cell: cell.model(artifacts) for cell in cells(study)}
    return Inputs(
        study=study,
        cases=pd.concat([CASES.read(site_files(artifacts, site).cases) for site in study.sites]),
        quarantine=pd.concat([_quarantine(artifacts, site) for site in study.sites], ignore_index=True),
        pairs=PAIRS.read(audit_files(artifacts).pairs),
        profile=PROFILE.read(audit_files(artifacts).profile),
        quality=QUALITY.read(table_path(artifacts, "mine_regions", "quality")),
        mining=_of_study(study, MINING, table_path(artifacts, "evaluate", "mining")),
        dictionary=DICTIONARY.read(TextFiles(texts_folder(artifacts)).dictionary),
        scores=_scores(study, table_path(artifacts, "evaluate", "cases")),
        models={cell: _model(cell, folder) for cell, folder in trained.items()},
        history=pd.concat([_history(cell, folder) for cell, folder in trained.items()], ignore_index=True),
        calibration=_of_study(study, CALIBRATION, table_path(artifacts, "evaluate", "calibration")),
        reliability=_of_study(study, RELIABILITY, table_path(artifacts, "evaluate", "reliability")),
        trust=_of_study(study, TRUST, table_path(artifacts, "evaluate", "trust")),
        findings=_of_study(study, FINDINGS, table_path(artifacts, "evaluate", "findings")),
        alarms=_of_study(study, ALARMS, table_path(artifacts, "evaluate", "alarms")),
        attention=_of_study(study, ATTENTION, table_path(artifacts, "evaluate", "attention")),
        exchanges=_of_study(study, EXCHANGES, table_path(artifacts, "evaluate", "exchanges")),
        pooled=_of_study(study, POOLED, table_path(artifacts, "evaluate", "pooled")),
        stress=_of_study(study, STRESS, table_path(artifacts, "stress", "cases")),
        strengths=pd.concat([_strengths(artifacts, site) for site in study.sites]),
    )


def leaked_frames(pairs: pd.DataFrame, held_out: Iterable[str]) -> dict[str, int]:
    """Return how many frames of each held-out site are at a source site, too; only sites that have such frames.

    Training stops on them unless params.yaml accepts them, so where a model exists they were accepted.

    Args:
        pairs: rows of audit.parquet.
        held_out: the sites that are left out in turn.
    """
    counts = {site: len(own_frames(crossing(pairs, site), site)) for site in held_out}
    return {site: count for site, count in counts.items() if count}


def _scores(study: Study, path: Path) -> pd.DataFrame:
    scores = SCORES.read(path)
    found = set(scores[_KEYS].itertuples(index=False, name=None))
    missing = [cell for cell in cells(study) if cell not in found]
    if missing:
        raise InputError(f"{path} lacks {len(missing)} cell(s), the first {tuple(missing[0])}; run `dvc repro`")
    return pd.DataFrame(list(cells(study)), columns=_KEYS).merge(scores, on=_KEYS, how="left")


def _strengths(artifacts: Path, site: str) -> pd.DataFrame:
    """Return a site's confounders, or no row where the site has no such file."""
    path = site_files(artifacts, site).strengths
    return STRENGTHS.read(path) if path.exists() else STRENGTHS.schema.empty_table().to_pandas()


def _of_study(study: Study, table: Table, path: Path) -> pd.DataFrame:
    wanted = pd.DataFrame(list(cells(study)), columns=_KEYS)
    return wanted.merge(table.read(path), on=_KEYS, how="inner")


def _quarantine(artifacts: Path, site: str) -> pd.DataFrame:
    rows = QUARANTINE.read(site_files(artifacts, site).quarantine)
    return rows.assign(site=site)[["site", "file", "reason"]]


def _model(cell: Cell, folder: Path) -> dict[str, Any]:
    facts = read_facts(folder)
    found = (facts.variant, facts.held_out, facts.seed)
    if found != cell:
        raise InputError(f"{folder / CARD} is that of {found}, not of {tuple(cell)}; run `dvc repro -f train`")
    return facts.model_dump()


def _history(cell: Cell, folder: Path) -> pd.DataFrame:
    path = folder / HISTORY
    try:
        rows = pd.read_csv(path)
        problem = _history_problem(rows)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; run `dvc repro` to make it") from None
    except ValueError as error:  # no CSV, not UTF-8
        problem = str(error).strip()
    if problem:
        raise InputError(f"{path} is damaged ({problem}); delete its folder and run `dvc repro`")
    rest = [name for name in rows.columns if name not in ("epoch", "val_dice")]
    method, held_out, seed = cell
    named = rows[["epoch", "val_dice", *rest]].copy()
    named.insert(0, "method", method)
    named.insert(1, "held_out", held_out)
    named.insert(2, "seed", seed)
    return named


def _history_problem(rows: pd.DataFrame) -> str:
    if not {"epoch", "val_dice"} <= set(rows.columns):
        return f"columns {shown(list(rows.columns))}, expected epoch and val_dice among them"
    text = [name for name in rows.columns if not pd.api.types.is_numeric_dtype(rows[name])]
    if text:
        return f"something else than numbers in {shown(text)}"
    if rows["epoch"].tolist() != list(range(len(rows))) or not rows["val_dice"].between(0, 1).all():
        return "epoch doesn't count from 0, or val_dice isn't in 0..1"
    return ""
