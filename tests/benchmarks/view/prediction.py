"""What the view is worth at prediction, with equal weights: python -m tests.benchmarks.view.prediction OUT MODEL...

Run in a project whose sites are ingested, with models of its cells, artifacts/train/<method>/<held out>/<seed>. Each
model segments the frames of the site that it was kept from twice: cut to the view that is found, and whole. OUT is a
parquet of a row a frame, whose methods are called as the cells are and with `_whole` behind, so that
`tests.benchmarks.table` and `pairs` compare them. Frames without a lesion have no Dice; `called` says whether any pixel
of them was called lesion.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from mcdrl.artifacts.cases import CASES
from mcdrl.artifacts.frames import FRAMES, judged_of, lesion_of, to_native, unpack_native_mask
from mcdrl.commands.models.frames import InputFile, read
from mcdrl.metrics.counts import count, dice
from mcdrl.model.card import read_card
from mcdrl.model.predictor import load_predictor
from mcdrl.model.shown import ShownFrame
from mcdrl.sites.candidates import find_candidates
from mcdrl.study.params import Study, load_study, resolve
from mcdrl.study.paths import ARTIFACTS, site_files

RULES = {"": "auto", "_whole": "full"}
BATCH = 16


def main(
    out: Annotated[Path, typer.Argument(help="Parquet; rows of other models that it holds stay.")],
    models: Annotated[list[Path], typer.Argument(help="Folders of trained cells.")],
) -> None:
    """Predict and count."""
    study = load_study()
    parts = [pd.read_parquet(out)] if out.is_file() else []
    for model in models:
        for ending, rule in RULES.items():
            part = pd.DataFrame(predicted(study, model, rule)).assign(method=f"{read_card(model).variant}{ending}")
            parts.append(part)
            alarms = part.loc[part["dice"].isna(), "called"]
            print(
                f"{model}, {rule}: Dice {part['dice'].mean():.4f}, alarms {alarms.sum()} of {len(alarms)}", flush=True
            )
    rows = pd.concat(parts).drop_duplicates(["method", "held_out", "seed", "case_id"], keep="last")
    rows.sort_values(["method", "held_out", "seed", "case_id"], ignore_index=True).to_parquet(out)


def predicted(study: Study, model: Path, rule: str) -> Iterator[dict[str, object]]:
    """Yield a row a frame of the site that a model was kept from."""
    card = read_card(model)
    predictor, _ = load_predictor([model], None, "auto", BATCH, None)
    reading, files = resolve(study.sites[card.held_out]), site_files(ARTIFACTS, card.held_out)
    paths = paths_of(study, card.held_out)
    cases = CASES.read(files.cases)
    groups = dict(zip(cases["case_id"], cases["group_id"], strict=True))
    with FRAMES.read(files.frames) as reader:
        waiting = iter(cases["case_id"])
        while batch := list(islice(waiting, BATCH)):
            masks = [unpack_native_mask(png) for png in reader.blobs("native_mask", batch)]
            shown = [seen(paths[case], card.size_px, rule, reading.channels == "bgr") for case in batch]
            answers = predictor(np.stack([one.pixels for one in shown]))
            for case, mask, one, answer in zip(batch, masks, shown, answers, strict=True):
                lesion = to_native(answer.probability, one.box, *one.size) >= 0.5
                counts = count(lesion[None], lesion_of(mask)[None], judged_of(mask)[None])
                yield {
                    "held_out": card.held_out, "seed": card.seed, "case_id": case, "group_id": groups[case],
                    "dice": float(dice(counts)[0]), "called": bool(lesion.any()),
                }  # fmt: skip


def paths_of(study: Study, site: str) -> dict[str, Path]:
    """Return the frame's file of each case of a site."""
    found = find_candidates(site, Path(study.sites[site].root), resolve(study.sites[site])).candidates
    return {one.case_id: one.source.frame for one in found}


def seen(path: Path, size_px: int, rule: str, swap: bool) -> ShownFrame:
    """Return what the model is shown of a frame that ingest has read."""
    shown = read(InputFile(path, path.name, path.stem), size_px, view=rule, swap=swap)
    assert not isinstance(shown, str), shown
    return shown


if __name__ == "__main__":
    typer.run(main)
