"""What a whole screen around the frame costs: python -m tests.benchmarks.view.on_screens OUT MODEL...

Run in a project whose sites are ingested, with models of its cells, artifacts/train/<method>/<held out>/<seed>. Frames
of the site that a model was kept from are segmented as they are, cut to their view; then what the cut holds is made the
view of a drawn screen of a style that the finder was not tuned on, smaller or larger, as a JPEG, and the screen is
segmented, too. Both are judged on the screen, at its size, where it shows tissue: the first answer is laid where the
screen has the frame, so that they differ by what the model saw alone. OUT is a parquet of a row a frame, whose methods
are called as the cells are, with an ending for how the screen was looked at, so that `tests.benchmarks.table` compares
them: `_screen` cut to the view that is found, `_screen_known` to the true one, `_screen_whole` not at all. What is
shown brighter has `_lifted` behind its name, frame or screen cut to the view that is found: where even its bright end
lies below that of all but a twentieth of the frames of the other sites, it is multiplied up to there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
import typer
from PIL import Image

from mcdrl.artifacts.cases import CASES
from mcdrl.artifacts.frames import FRAMES, judged_of, lesion_of, to_native, unpack_native_mask
from mcdrl.base.seeds import seed_for
from mcdrl.imaging.decode import read_frame
from mcdrl.metrics.counts import count, dice
from mcdrl.model.card import read_card
from mcdrl.model.network import pixels
from mcdrl.model.predictor import Predictor, load_predictor
from mcdrl.model.shown import show
from mcdrl.networks.exposure import bright_end, lifted, limit
from mcdrl.study.params import Study, load_study, resolve
from mcdrl.study.paths import ARTIFACTS, SiteFiles, site_files
from mcdrl.view import Box, looked_at, squash
from stages.stress.run import pick
from tests.benchmarks.view.prediction import paths_of
from tests.benchmarks.view.screens import TEST, screen, traced

KEY = ["method", "held_out", "seed", "case_id"]
EVERY = 4  # frame of the other sites that is looked at for that
Array = np.ndarray[Any, np.dtype[Any]]


def main(
    out: Annotated[Path, typer.Argument(help="Parquet; rows of other models that it holds stay.")],
    models: Annotated[list[Path], typer.Argument(help="Folders of trained cells.")],
    frames: Annotated[int | None, typer.Option(help="Of each site, by the hash of their names; default: all.")] = None,
) -> None:
    """Predict and count."""
    study = load_study()
    for model in models:
        part = pd.DataFrame(judged(study, model, frames))
        print(f"{model}: {part.groupby('method', sort=False)['dice'].mean().round(4).to_dict()}", flush=True)
        everything = pd.concat(([pd.read_parquet(out)] if out.is_file() else []) + [part])
        everything.drop_duplicates(KEY, keep="last").sort_values(KEY, ignore_index=True).to_parquet(out)


def judged(study: Study, model: Path, frames: int | None) -> Iterator[dict[str, object]]:
    """Yield a row a frame of the site that a model was kept from, and way of looking at it."""
    card = read_card(model)
    predictor, _ = load_predictor([model], None, "cpu", 4, None)
    reading, files = resolve(study.sites[card.held_out]), site_files(ARTIFACTS, card.held_out)
    paths = paths_of(study, card.held_out)
    cases = CASES.read(files.cases).set_index("case_id")
    least = dark_below([site_files(ARTIFACTS, site) for site in study.sites if site != card.held_out])
    with FRAMES.read(files.frames) as reader:
        for case in pick(list(cases.index), frames):
            mask = unpack_native_mask(reader.blobs("native_mask", [case])[0])
            picture = read_frame(paths[case], swap=reading.channels == "bgr")[0]
            about = {"held_out": card.held_out, "seed": card.seed, "case_id": case, "group_id": cases.group_id[case]}
            for ending, row in on_screen(predictor, picture, mask, card.size_px, case, least):
                yield {"method": f"{card.variant}{ending}", **about, **row}


def on_screen(
    predictor: Predictor, picture: Image.Image, mask: Array, size_px: int, case: str, least: float
) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the ending of each way of looking at a frame, and what it finds.

    Args:
        predictor: the model.
        picture: the frame, upright.
        mask: [H, W], its mask as it is stored.
        size_px: working size S.
        case: name of the frame, which says what its screen is like.
        least: bright end to which darker ones are lifted, 0..1.
    """
    number = seed_for("screen", case)
    style = TEST[number % len(TEST)]
    clean = show(picture, size_px, view="auto")
    left, top, right, bottom = clean.box
    within = np.s_[top:bottom, left:right]
    drawn, box = screen(style, picture.crop(clean.box), number)
    looks: list[tuple[str, Box]] = [
        ("_screen", looked_at(np.asarray(drawn), "auto").box),
        ("_screen_known", box),
        ("_screen_whole", (0, 0, *drawn.size)),
    ]
    shown = [clean.pixels, *(squash(drawn, size_px, one) for _, one in looks)]
    answers = predictor(np.stack(shown))
    bright = predictor(brighter(np.stack(shown[:2]), least))
    bare = [clean.lesion(one.probability, 0.5)[within] for one in (answers[0], bright[0])]
    (lesion, counted, *laid), shows = traced(style, [lesion_of(mask)[within], judged_of(mask)[within], *bare], number)
    seen = [*zip(looks, answers[1:], strict=True), (("_screen_lifted", looks[0][1]), bright[1])]
    on_it = [to_native(answer.probability, box, *drawn.size) >= 0.5 for (_, box), answer in seen]
    for ending, one in zip(["", "_lifted", *(look[0] for look, _ in seen)], [*laid, *on_it], strict=True):
        counts = count(one[None], lesion[None], (counted & shows)[None])
        yield ending, {"style": style.__name__, "dice": float(dice(counts)[0])}


def dark_below(sites: Sequence[SiteFiles]) -> float:
    """Return the limit of a network that was trained on some sites, 0..1, as `train.lift_dark` chooses it."""
    ends = []
    for site in sites:
        with FRAMES.read(site.frames) as reader:
            frames = reader.rows("image", list(CASES.read(site.cases)["case_id"])[::EVERY])
        ends.append(bright_end(pixels(torch.from_numpy(frames))).numpy())
    return limit(np.concatenate(ends))


def brighter(frames: Array, least: float) -> Array:
    """Return frames [B, S, S, 3] uint8 as a network with that limit lifts them."""
    found = lifted(pixels(torch.from_numpy(frames)), least)
    shown: Array = (255 * found).round().byte().permute(0, 2, 3, 1).numpy()
    return shown


if __name__ == "__main__":
    typer.run(main)
