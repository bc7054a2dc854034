"""A model at labelled sites that it has never seen: python -m tests.benchmarks.unseen SCORES.parquet CARD=FOLDER...

Reads each folder as the site card says, whole, as its training played no part, and segments every frame as `mcdrl
predict` does. Prints a line a site: mean Dice over the frames with a lesion with its 95 % interval, the share of the
lesions that are found, and false components a frame, beside what the model's study promises. SCORES receives a row a
frame, for tests.benchmarks.table.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from mcdrl.artifacts.frames import judged_of, lesion_of, unpack_native_mask
from mcdrl.artifacts.promise import promise_of
from mcdrl.base.parallel import batches
from mcdrl.imaging.decode import DecodedFrame
from mcdrl.metrics.counts import count, dice
from mcdrl.metrics.detection import match
from mcdrl.metrics.intervals import DRAWS, Sample, mean_interval
from mcdrl.model.held_out import threshold_of
from mcdrl.model.predictor import Predictor, load_predictor
from mcdrl.model.readme import promised
from mcdrl.model.shipped import resolved
from mcdrl.model.shown import ShownFrame
from mcdrl.sites.gate import Gate
from mcdrl.sites.review import Case
from mcdrl.study.paths import START_MODEL
from mcdrl.study.reading import Reading
from mcdrl.study.site_cards import read_card
from tests.factories import section_params


def site_rows(name: str, root: Path, reading: Reading, predictor: Predictor, threshold: float) -> pd.DataFrame:
    """Return a row a frame: its case and group, Dice (NaN without a lesion), lesions, found ones, false components."""
    classes = [reading.lesion_class or "lesion"]
    gate = Gate(name, root, reading, section_params("ingest", size_px=predictor.size_px), classes)
    rows = []
    for part in batches(gate.frames(workers=1), predictor.batch_size):
        answers = predictor(np.stack([pixels.image for _, pixels in part]))
        for (case, pixels), answer in zip(part, answers, strict=True):
            rows.append(_row(case, pixels, answer.probability, threshold))
    return pd.DataFrame(rows)


def _row(case: Case, pixels: DecodedFrame, probability: np.ndarray, threshold: float) -> dict[str, object]:
    mask = unpack_native_mask(pixels.native_mask)
    truth, judged = lesion_of(mask), judged_of(mask)
    shown = ShownFrame((pixels.width_px, pixels.height_px), pixels.crop_px, pixels.image)
    called, native = shown.lesion(probability, threshold), shown.probability(probability)
    found = match(native, called, truth, judged)
    return {
        "case_id": case.case_id,
        "group_id": case.group_id,
        "dice": float(dice(count(called[None], truth[None], judged[None]))[0]),
        "lesions": len(found.lesion_area_px),
        "lesions_found": int(found.hits.any(axis=0).sum()),
        "false_components": int(found.false.sum()),
    }


def lines(rows: pd.DataFrame) -> Iterator[str]:
    """Yield a line a site."""
    for site, part in rows.groupby("held_out"):
        lesion = part.dropna(subset=["dice"])
        sample = Sample(lesion["dice"].to_numpy(dtype=np.float64), lesion["group_id"].to_numpy())
        low, high = mean_interval([sample], DRAWS, np.random.default_rng(0), within=(0.0, 1.0))
        called = part.loc[part["dice"].isna(), "false_components"] > 0
        empty = f"; something called on {called.sum()} of {len(called)} frames without a lesion" if len(called) else ""
        share = part["lesions_found"].sum() / part["lesions"].sum()
        told = f"Dice {sample.values.mean():.3f} ({low:.3f} to {high:.3f}) over {len(lesion)} frames with a lesion"
        beside = f"{share:.1%} of the lesions found, {part['false_components'].mean():.2f} false components a frame"
        yield f"{site}: {told}, {beside}{empty}"


def main(
    scores: Annotated[Path, typer.Argument(help="Parquet to write.")],
    sites: Annotated[list[str], typer.Argument(help="CARD=FOLDER, such as kvasir_seg_flat=~/kvasir.")],
    model: Annotated[Path, typer.Option(help="A model's folder, or its name.")] = Path(START_MODEL),
) -> None:
    """Print a line a site."""
    folders = resolved([model])
    predictor, _ = load_predictor(folders, None, "auto", None, None)
    parts = []
    for card, _, folder in (one.partition("=") for one in sites):
        found = site_rows(card, Path(folder).expanduser(), read_card(card).read, predictor, threshold_of(folders))
        parts.append(found.assign(method=model.name, held_out=card, seed=0))
    rows = pd.concat(parts, ignore_index=True)
    rows.to_parquet(scores)
    for line in lines(rows):
        print(line)
    print(promised(promise_of(folders[0])))


if __name__ == "__main__":
    typer.run(main)
