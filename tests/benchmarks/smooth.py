"""What smoothing over time is worth: python -m tests.benchmarks.smooth ARTIFACTS METHOD [--frames 75] [--videos 2]

Videos of the phantom's moving camera at each site, segmented by the model that was kept from it, with probabilities
smoothed over several times. Dice is the mean over frames; a change is 1 - IoU of a mask and the next one, which truth
has, too, as the camera moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from mcdrl.model.predictor import load_predictor
from mcdrl.model.video import answered, smoothed, survey
from tests.moving_phantom import RATE, InMemory, moving

SITES = "ABCDE"
SMOOTH_S = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)
Masks = Sequence[np.ndarray[Any, np.dtype[Any]]]


def overlap(one: Any, other: Any) -> tuple[float, float]:
    """Return Dice and IoU of two masks; 1 where both are empty."""
    both, either = float((one & other).sum()), float((one | other).sum())
    return (2 * both / (both + either), both / either) if either else (1.0, 1.0)


def change(masks: Masks) -> float:
    """Return how much masks change from frame to frame."""
    return float(np.mean([1 - overlap(one, after)[1] for one, after in pairwise(masks)]))


def measure(model: Path, site: str, number: int, frames: int) -> list[tuple[float, float]]:
    """Return Dice and change for each time of smoothing, and the truth's change last."""
    rendered = list(moving(site, number, frames))
    truth = [frame.mask for frame in rendered]
    video = InMemory([frame.image for frame in rendered])
    predictor, view = load_predictor([model], None, "auto", None, None)
    raw = list(answered(video, survey(video, view), predictor))
    found = []
    for smooth_s in SMOOTH_S:
        masks = [one.shown.lesion(one.answer.probability, 0.5) for one in smoothed(raw, 1 / RATE, smooth_s)]
        dice = np.mean([overlap(mask, true)[0] for mask, true in zip(masks, truth, strict=True)])
        found.append((float(dice), change(masks)))
    return [*found, (1.0, change(truth))]


def main(
    artifacts: Annotated[Path, typer.Argument(help="Of a study of the phantom.")],
    method: Annotated[str, typer.Argument(help="Whose models.")],
    frames: Annotated[int, typer.Option(help="A video has.")] = 75,
    videos: Annotated[int, typer.Option(help="A site.")] = 2,
) -> None:
    """Print Dice and change, a line a time of smoothing."""
    table = np.array(
        [
            measure(artifacts / "train" / method / site / "0", site, number, frames)
            for site in SITES
            for number in range(videos)
        ]
    )
    print(f"{method}: {len(table)} videos of {frames} frames at {RATE} a second, sites never seen")
    print("smooth_s    Dice  change a frame   Dice less that of 0, by site")
    for index, name in enumerate([*map(str, SMOOTH_S), "truth"]):
        dice, flicker = table[:, index].mean(axis=0)
        gains = (table[:, index, 0] - table[:, 0, 0]).reshape(len(SITES), videos).mean(axis=1)
        told = "  ".join(f"{site} {gain:+.3f}" for site, gain in zip(SITES, gains, strict=True))
        print(f"{name:8}  {dice:6.3f}  {flicker:14.3f}   {told if name != 'truth' else ''}")


if __name__ == "__main__":
    typer.run(main)
