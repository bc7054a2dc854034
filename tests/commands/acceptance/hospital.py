"""A hospital whose figures are known, a model that calls bright pixels lesion, and that model's folder."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from mcdrl.artifacts.promise import PROMISE, write_promise
from mcdrl.artifacts.training_data import SITES_FILE, TRAINING_SITES
from mcdrl.base.files import write_json
from mcdrl.commands.acceptance.run import WantedAcceptance, accept
from mcdrl.metrics.calibration import calibrated, confidence, spectrum
from mcdrl.metrics.operating_point import OperatingPoint, frame_scores
from mcdrl.metrics.shift import QUANTITIES
from mcdrl.model.facts import CARD, WEIGHTS
from mcdrl.model.predictor import Answer, Assessment, ModelAnswer
from mcdrl.model.training_data import write_known_frames
from tests.factories import make_card, make_promise, make_spec

SIDE = 32
NOTHING = OperatingPoint()


class Bright:
    """Probability of lesion = brightness of the frame at working size."""

    size_px, further_px, random_weights, n_networks = SIDE, (), False, 1

    def __init__(self, operating_point=NOTHING, flag_below=0.5, batch_size=2, temperature=1.0):
        self.operating_point, self.flag_below = operating_point, flag_below
        self.batch_size, self.temperature = batch_size, temperature

    def __call__(self, frames):
        assert len(frames) <= self.batch_size
        return [Answer((ModelAnswer((frame.mean(axis=2) / 255).astype(np.float32)),)) for frame in frames]

    def assess(self, answer):
        counts = spectrum(answer.probability[None])
        trust = float(confidence(counts, self.temperature)[0])
        return Assessment(trust, trust < self.flag_below, {}, float(frame_scores(counts)[0]))

    def calibrated(self, raw):
        return calibrated(raw, self.temperature)


def write_frame(root: Path, name: str, bright: int, true: int | None, seed: int, level: int = 230) -> None:
    """A frame whose left `bright` columns are bright, and a mask of its left `true` columns; None: no mask."""
    pixels = np.random.default_rng(seed).integers(30, 50, (SIDE, SIDE, 3)).astype(np.uint8)
    pixels[:, :bright] = level
    (root / "images").mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(root / "images" / f"{name}.png")
    if true is not None:
        (root / "masks").mkdir(exist_ok=True)
        mask = np.zeros((SIDE, SIDE), np.uint8)
        mask[:, :true] = 255
        Image.fromarray(mask).save(root / "masks" / f"{name}.png")


def dice_of(bright: int, true: int) -> float:
    return 2 * min(bright, true) / (bright + true)


def write_hospital(root: Path, columns: list[tuple[int, int | None]]) -> Path:
    """Frames a00, a01, ... with (bright, true) columns."""
    for number, (bright, true) in enumerate(columns):
        write_frame(root, f"a{number:02d}", bright, true, number)
    return root


def write_model(folder: Path, promise=None, known=None, sites=None) -> Path:
    """A model's folder: card, weights that nobody reads, and what it says of promise, training frames and sites."""
    folder.mkdir(parents=True)
    card = make_card(held_out=None, spec=make_spec(), sources=["N", "S"])
    write_json(card.model_dump(mode="json"), folder / CARD)
    (folder / WEIGHTS).write_bytes(b"weights")
    if promise is not None:
        write_promise(make_promise(**promise), folder / PROMISE)
    if known is not None:
        write_known_frames(known, folder)
    if sites is not None:
        rows = [
            (site, quantity.column, 10, low, (low + high) / 2, high)
            for site, (low, high) in sites.items()
            for quantity in QUANTITIES
        ]
        TRAINING_SITES.write(pd.DataFrame(rows, columns=TRAINING_SITES.schema.names), folder / SITES_FILE)
    return folder


def by_site(*values: float) -> dict:
    """What a promise says of sites that were left out with these Dice."""
    sites = {f"S{number}": value for number, value in enumerate(values)}
    worst = min(sites, key=sites.__getitem__)
    return {"held_out": list(sites), "by_site": sites, "worst_site": worst, "dice": float(np.mean(values))}


def judged(tmp_path, columns, promise=None, known=None, sites=None, predictor=None, **options):
    """The acceptance of a hospital in `tmp_path`/north."""
    folder = write_hospital(tmp_path / "north", columns)
    model = write_model(tmp_path / "model", promise, known, sites)
    given = {"card": None, "settings": {}, "frames_only": False, "view": "full", "out": tmp_path / "out"} | options
    wanted = WantedAcceptance(folder, [model], threshold=0.5, **given)
    return accept(wanted, predictor or Bright(), 1)
