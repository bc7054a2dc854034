"""What training can do about false alarms: `python -m tests.benchmarks.alarms MODEL ARTIFACTS OUT [VARIANTS]`.

A trained model goes on for one more pass over its training frames, under each variant: same start, same order, same
steps, a third of the rates. So what a key of `train` does is told apart from what more steps do (`control`), at a
quarter of a training. Then validation frames of its source sites, as they are and seen from near, and the site left
out are judged in a single pass. Sites are read below ARTIFACTS; OUT is a table, to which rows are added.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import torch
import typer
from lightning_fabric import Fabric

from mcdrl.base.parallel import batches
from mcdrl.metrics.auroc import auroc
from mcdrl.metrics.calibration import spectrum
from mcdrl.metrics.operating_point import scores_of_judged
from mcdrl.metrics.ranking import false_alarms_at
from mcdrl.model.assemble import assemble
from mcdrl.model.folder import LoadedModel, load_model
from mcdrl.model.probability import probabilities
from mcdrl.networks.inputs import SitesReader, open_sites, read_cases, to_batch
from mcdrl.networks.interface import Batch, Method
from mcdrl.networks.presence import frame_labels
from mcdrl.study.paths import site_files
from mcdrl.study.sections.train import Params
from mcdrl.study.variants import merged
from mcdrl.training.data import split
from mcdrl.training.fabric import make_deterministic
from mcdrl.training.healthy import with_healthy_views
from mcdrl.training.loop import Training
from mcdrl.training.optimiser import make_optimiser
from tests.benchmarks._cells import copies
from tests.projects import SHIPPED

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "control": {},
    "presence": {"presence_weight": 0.2},
    "healthy": {"presence_weight": 0.2, "healthy_share": 0.1},
    "erased": {"presence_weight": 0.2, "erased_share": 0.15},
    "hard": {"presence_weight": 0.2, "healthy_share": 0.1, "hard_negative_weight": 0.5},
}
NEAR = 160  # validation frames with a lesion that are judged from near, too
GENTLE = {"epochs": 1, "intervene_from": 0, "lr": 0.0015, "lr_encoder": 1e-4}
MODEL = ["network", "held_out", "seed"]
KEY = [*MODEL, "variant", "part", "case_id"]


def go_on(model: LoadedModel, artifacts: Path, changes: Mapping[str, Any]) -> tuple[Method, dict[str, float]]:
    """Return the network after one more pass under some changes of `train`, and its losses."""
    card = model.card
    stored = {key: value for key, value in card.parameters.items() if key in SHIPPED["train"]}
    params = Params.model_validate({**merged(SHIPPED["train"], stored), **GENTLE, **changes})
    spec = replace(card.spec, presence=params.presence_weight > 0)
    numbers = card.method, card.mode, spec, card.method_params, artifacts / "backbone", card.dense_mode, model.texts
    method = assemble(*numbers)
    method.load_state_dict(model.method.state_dict(), strict=False)
    files = {site: site_files(artifacts, site) for site in card.sources}
    frames = split(read_cases(files, card.lesion_classes), copies(artifacts, card.held_out))
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    with open_sites(files) as reader:
        optimiser = make_optimiser(method, params)
        training = Training(fabric, method, optimiser, reader, frames, params, card.seed, None, ("horizontal",))
        return method, training._epoch(0)


def judged(
    method: Method, reader: SitesReader, case_ids: Sequence[str], part: str, zoom: Sequence[float] | None
) -> Iterator[dict[str, Any]]:
    """Yield a row a frame of which it is known whether it has a lesion; `zoom`: half are seen from near, half of these
    without their lesion."""
    method.eval()
    for number, ids in enumerate(batches(case_ids, 16)):
        raw = reader.read(ids, mask=True, cached=[])
        batch = to_batch(raw, [-1] * len(ids), torch.device("cpu"), dark_below=method.dark_below)
        batch = batch if zoom is None else with_healthy_views(batch, 0.5, zoom, 16 * number)
        columns = _columns(method, batch)
        known = columns.pop("known")
        yield from (
            {"part": part, "case_id": case, **{name: values[row] for name, values in columns.items()}}
            for row, case in enumerate(ids)
            if known[row]
        )


def _columns(method: Method, batch: Batch) -> dict[str, list[Any]]:
    said = probabilities(method, batch, single_pass=True)
    called = (said.lesion >= 0.5) & batch.judged
    there, known = frame_labels(batch)
    both = (called & batch.lesion).sum((1, 2))
    dice = 2 * both / (called.sum((1, 2)) + batch.lesion.sum((1, 2))).clamp(min=1)
    lesion = said.lesion.numpy()
    by_map = scores_of_judged(spectrum(lesion), lesion, batch.judged.numpy())
    presence = [float("nan")] * len(known) if said.presence is None else said.presence.tolist()
    return {
        "lesion": there.tolist(), "dice": dice.tolist(), "called_share": called.float().mean((1, 2)).tolist(),
        "map_score": by_map.tolist(), "presence": presence, "known": known.tolist(),
    }  # fmt: skip


def rows_of(model: LoadedModel, artifacts: Path, variant: str) -> pd.DataFrame:
    """Return a row a frame of a variant."""
    method, losses = go_on(model, artifacts, VARIANTS[variant])
    print(variant, losses, file=sys.stderr, flush=True)
    held_out = str(model.card.held_out)
    files = {site: site_files(artifacts, site) for site in (*model.card.sources, held_out)}
    cases = read_cases(files, model.card.lesion_classes)
    kept = ~cases["case_id"].isin(copies(artifacts, held_out))
    validation = cases[(cases["site"] != held_out) & (cases["split"] == "val") & kept]
    with_lesion = validation.index[validation["class_index"] >= 0]
    near = [with_lesion[at] for at in np.random.default_rng(0).permutation(len(with_lesion))[:NEAR]]
    parts = [("val", list(validation.index), None), ("val_near", near, SHIPPED["train"]["augment"]["healthy_zoom"])]
    parts.append(("held_out", list(cases.index[cases["site"] == held_out]), None))
    with open_sites(files) as reader:
        rows = [row for part, ids, zoom in parts for row in judged(method, reader, ids, part, zoom)]
    return pd.DataFrame(rows).assign(
        network=model.card.variant, held_out=held_out, seed=model.card.seed, variant=variant
    )


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a line a (model, part, variant): Dice, and how well frames are told apart by either score."""
    lines, names = [], [*MODEL, "part", "variant"]
    for values, own in rows.groupby(names):
        lesion = own["lesion"].to_numpy()
        line = dict(zip(names, values, strict=True)) | {"n_negative": int((~lesion).sum())}
        line |= {"dice": own["dice"][lesion].mean(), "called": (own["called_share"] > 0)[~lesion].mean()}
        for name in ("map_score", "presence"):
            score = own[name].to_numpy()
            if np.isfinite(score).all():
                line |= {f"{name}_auroc": auroc(score, lesion)[0], f"{name}_0.90": false_alarms_at(score, lesion, 0.9)}
        lines.append(line)
    return pd.DataFrame(lines)


def main(
    model: Annotated[Path, typer.Argument(help="A model trained without one site, in mode partial or finetune.")],
    artifacts: Annotated[Path, typer.Argument(help="What `dvc repro` wrote.")],
    out: Annotated[Path, typer.Argument(help="The table, a row a frame.")],
    variants: Annotated[list[str] | None, typer.Argument(help="Which; all.")] = None,
) -> None:
    """Go on from a trained model under each variant, add a row a frame to a table, and print what it says."""
    make_deterministic()
    if out.is_file() and not set(KEY) <= set(pq.read_schema(out).names):
        raise typer.BadParameter(
            f"{out} is of an earlier version, which didn't say whose rows they are; name a new file"
        )
    loaded = load_model(model, artifacts / "backbone")
    for variant in variants or VARIANTS:
        rows = rows_of(loaded, artifacts, variant)
        before = [pd.read_parquet(out)] if out.is_file() else []
        every = pd.concat([*before, rows]).drop_duplicates(KEY, keep="last").sort_values(KEY)
        every.to_parquet(out, index=False)
    print(table(pd.read_parquet(out)).round(3).to_string(index=False))


if __name__ == "__main__":
    typer.run(main)
