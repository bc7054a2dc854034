"""Which measure of confidence orders frames by their Dice: `python -m tests.benchmarks.confidence [ARTIFACTS]`.

Looks at every trained cell of a finished study and at the validation frames of its source sites, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from mcdrl.artifacts.cases import CASES
from mcdrl.artifacts.frames import FRAMES, judged_of, lesion_of
from mcdrl.metrics.calibration import calibrated, confidence, spectrum
from mcdrl.metrics.counts import count, dice
from mcdrl.metrics.coverage import aurc
from mcdrl.model.folder import LoadedModel, load_model
from mcdrl.networks.inputs import open_sites
from mcdrl.study.paths import site_files
from stages.evaluate.predict import predict
from tests.benchmarks._cells import copies, over_cells


def measures(p: np.ndarray) -> dict[str, np.ndarray]:
    """Published measures of the confidence in frames, from calibrated probabilities [B, pixels]."""
    mask, clipped = p >= 0.5, np.clip(p, 1e-7, 1 - 1e-7)
    entropy = -(clipped * np.log2(clipped) + (1 - clipped) * np.log2(1 - clipped))
    area, mass, overlap = mask.sum(1), p.sum(1), (p * mask).sum(1)
    return {
        "expected Dice": 2 * overlap / np.maximum(mass + area, 1e-9),
        "expected IoU": overlap / np.maximum(mass + area - overlap, 1e-9),
        "entropy of the frame": 1 - entropy.mean(1),
        "entropy a pixel of lesion": -entropy.sum(1) / np.maximum(mass + area, 1),
        "mean maximum over the frame": np.maximum(p, 1 - p).mean(1),
        "maximum over the frame": p.max(1),
    }


def validation(model: LoadedModel, artifacts: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return probabilities, lesion and judged, [B, S, S], of the sources' validation frames, copies left out."""
    found, masks, left_out = [], [], copies(artifacts, model.card.held_out)
    for site in model.card.sources:
        files = site_files(artifacts, site)
        cases = CASES.read(files.cases).query("split == 'val'")["case_id"]
        cases = cases[~cases.isin(left_out)].tolist()
        with open_sites({site: files}) as reader, FRAMES.read(files.frames) as frames:
            found += [said.probability for said in predict(model, reader, cases, 16)]
            masks.append(frames.rows("mask", cases))
    labels = np.concatenate(masks)
    return np.concatenate(found), lesion_of(labels), judged_of(labels)


def rows(folder: Path, artifacts: Path) -> Iterator[dict[str, object]]:
    model = load_model(folder, artifacts / "backbone")
    p, truth, judged = validation(model, artifacts)
    scores = dice(count(p >= 0.5, truth, judged))
    temperature = model.card.temperature
    found = measures(calibrated(p, temperature).reshape(len(p), -1))
    found["mean inside the mask (ours)"] = confidence(spectrum(p), temperature)
    for name, values in found.items():
        order = pd.DataFrame({"a": values, "b": scores}).corr("spearman").iloc[0, 1]
        yield {"measure": name, "aurc": aurc(values, scores), "rank_correlation": order}
    yield {"measure": "(random)", "aurc": 1 - np.nanmean(scores), "rank_correlation": 0.0}
    yield {"measure": "(oracle)", "aurc": aurc(scores, scores), "rank_correlation": 1.0}


def main(
    artifacts: Annotated[Path, typer.Argument(help="What `dvc repro` wrote.")] = Path("artifacts"),
) -> None:
    """Print a line a measure, the best first."""
    count, table = over_cells(artifacts, rows)
    print(f"{count} cells; area under risk and coverage (lower is better), rank correlation with Dice:")
    print(table.groupby("measure").mean().sort_values("aurc").round(4).to_string())


if __name__ == "__main__":
    typer.run(main)
