"""How well the view is found: python -m tests.benchmarks.view.measure FOLDER...

Each FOLDER is a site's, with frames in images/ and masks of equal stems in masks/; its name is the site's.
Compared on the same frames: `find_view`, it with the margin of a cut, `view_box`, the box around all that
isn't black (what 0.1.0 cut by), and the bounding box of what is brighter than a plain threshold; where the packages
endoseg (0.6.0, MIT) and OpenCV are installed, also the box of its segmentation of the endoscopic area, as it comes.
Three questions, --ask for one:

marked: frames whose view was marked by eye (docs/measured/view_marks.csv), halves by a hash of the frame's name. The
    finder's box was shown over the brightened frame at its own size, between rulers, and accepted or set right; a mark
    is good to two pixels. Where a rim is as black as the border, the side is that of the same recorder's other frames;
screens: layouts drawn by screens.py around tissue from inside the marked views, styles split into tune and test;
lesions: how many lesion pixels of every frame of the folders lie outside the box.

Printed are summaries; the rows behind them go to docs/measured/view_*.parquet. Error is the largest distance of a side
from the true one, as a share of the view's width or height.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from PIL import Image

from mcdrl.imaging.borders import measure
from mcdrl.view import MARGIN, Kind, View, find_view
from tests.benchmarks.view.screens import TEST, TUNE, Box, screen

MEASURED = Path(__file__).parents[3] / "docs" / "measured"
SEEDS = 40
CELLS = 224
INNER = 0.6  # of a marked view's width and height: surely tissue, corners cut or not
DARK = 30  # of 255: the plain threshold


class Question(StrEnum):
    """What is measured."""

    MARKED = "marked"
    SCREENS = "screens"
    LESIONS = "lesions"


def bright_box(frame: np.ndarray) -> Box:
    """Return the bounding box of what isn't dark."""
    bright = frame.max(axis=2) > DARK
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    if not len(rows):
        return 0, 0, frame.shape[1], frame.shape[0]
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def view_box(frame: np.ndarray) -> Box:
    """Return the box around the largest patch that isn't black, on a grid of 224 cells, rounded outwards."""
    small = Image.fromarray(frame).resize((CELLS, CELLS), Image.Resampling.BOX, reducing_gap=1.0)
    left, top, right, bottom = measure(np.asarray(small), CELLS).box
    height, width = frame.shape[:2]
    return math.floor(left * width), math.floor(top * height), math.ceil(right * width), math.ceil(bottom * height)


def with_margin(frame: np.ndarray) -> Box:
    """Return the box of the found view with the margin that a cut has."""
    return find_view(frame).padded(MARGIN, frame.shape[1], frame.shape[0]).box


def endoseg_box(frame: np.ndarray) -> Box:
    """Return the bounding box of the area that the package endoseg segments; the whole frame where it finds none."""
    from endoseg import Segmenter

    try:
        area = Segmenter().segment(np.ascontiguousarray(frame[..., ::-1]))  # BGR
    except IndexError:  # no contour is left
        area = np.zeros(frame.shape[:2], np.uint8)
    return bright_box(area[..., None])


FINDERS: dict[str, Callable[[np.ndarray], Box]] = {
    "find_view": lambda frame: find_view(frame).box,
    "with_margin": with_margin,
    "view_box": view_box,
    "threshold": bright_box,
} | ({"endoseg": endoseg_box} if importlib.util.find_spec("endoseg") else {})


def iou(box: Box, truth: Box) -> float:
    """Return the intersection of two boxes over their union."""
    wide = max(0, min(box[2], truth[2]) - max(box[0], truth[0]))
    high = max(0, min(box[3], truth[3]) - max(box[1], truth[1]))
    areas = [(right - left) * (bottom - top) for left, top, right, bottom in (box, truth)]
    return wide * high / (sum(areas) - wide * high)


def error(box: Box, truth: Box) -> float:
    """Return the largest distance of a side from the true one, as a share of the true width or height."""
    size = (truth[2] - truth[0], truth[3] - truth[1])
    return max(abs(box[side] - truth[side]) / size[side % 2] for side in range(4))


def cut_in(box: Box, truth: Box) -> float:
    """Return how far a side is inside the true one at most, as a share of the true width or height."""
    size = (truth[2] - truth[0], truth[3] - truth[1])
    inwards = (box[0] - truth[0], box[1] - truth[1], truth[2] - box[2], truth[3] - box[3])
    return max(0.0, *(inwards[side] / size[side % 2] for side in range(4)))


def half(stem: str) -> str:
    """Return which half of the marks a frame belongs to."""
    return "tune" if hashlib.sha256(stem.encode()).digest()[0] % 2 else "test"


def judged(frame: np.ndarray, truth: Box, **about: object) -> Iterator[dict[str, object]]:
    """Yield a row for each finder."""
    for name, finder in FINDERS.items():
        box = finder(frame)
        yield {**about, "finder": name, **dict(zip(("left", "top", "right", "bottom"), box, strict=True))} | {
            "iou": iou(box, truth),
            "error": error(box, truth),
            "cut_in": cut_in(box, truth),
        }


def marked(marks: pd.DataFrame, folders: dict[str, Path]) -> Iterator[dict[str, object]]:
    """Yield the rows of marked frames."""
    for mark in marks.itertuples():
        frame = pixels(next((folders[mark.site] / "images").glob(f"{mark.stem}.*")))
        yield from judged(
            frame, truth_of(mark), split=half(mark.stem), site=mark.site, stem=mark.stem, shape=mark.shape
        )


def screens(marks: pd.DataFrame, folders: dict[str, Path]) -> Iterator[dict[str, object]]:
    """Yield the rows of drawn screens."""
    for split, styles in (("tune", TUNE), ("test", TEST)):
        pool = [mark for mark in marks.itertuples() if half(mark.stem) == split]
        for style in styles:
            for seed in range(SEEDS):
                pick = int.from_bytes(hashlib.sha256(f"{style.__name__}{seed}".encode()).digest()[:4]) % len(pool)
                picture, truth = screen(style, tissue(pool[pick], folders), seed)
                yield from judged(np.asarray(picture), truth, split=split, style=style.__name__, seed=seed)


def lesions(folders: dict[str, Path]) -> Iterator[dict[str, object]]:
    """Yield how many lesion pixels each finder cuts off each frame, and how many of these show more than black.

    The last finder, `outline`, is what the found view's mask leaves out.
    """
    for site, folder in folders.items():
        masks = {path.stem: path for path in (folder / "masks").iterdir()}
        for path in sorted((folder / "images").iterdir()):
            frame, mask = pixels(path), np.asarray(Image.open(masks[path.stem]).convert("L")) >= 128
            size = (frame.shape[1], frame.shape[0])
            inside = {name: View(finder(frame), Kind.RECTANGLE).mask(*size) for name, finder in FINDERS.items()}
            for name, view in {**inside, "outline": find_view(frame).mask(*size)}.items():
                cut = mask & ~view
                yield {"site": site, "stem": path.stem, "finder": name, "area": float(view.mean())} | {
                    "lesion_px": int(mask.sum()),
                    "cut_px": int(cut.sum()),
                    "cut_seen_px": int((frame.max(axis=2)[cut] > DARK).sum()),
                }


def truth_of(mark: object) -> Box:
    """Return a mark's box."""
    return mark.left, mark.top, mark.right, mark.bottom


def tissue(mark: object, folders: dict[str, Path]) -> Image.Image:
    """Return the inner part of a marked view."""
    left, top, right, bottom = truth_of(mark)
    wide, high = (1 - INNER) / 2 * (right - left), (1 - INNER) / 2 * (bottom - top)
    frame = Image.open(next((folders[mark.site] / "images").glob(f"{mark.stem}.*"))).convert("RGB")
    return frame.crop((round(left + wide), round(top + high), round(right - wide), round(bottom - high)))


def pixels(path: Path) -> np.ndarray:
    """Return a file's frame [H, W, 3] uint8."""
    return np.asarray(Image.open(path).convert("RGB"))


def summary(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return the mean and the worst of a table of boxes."""
    groups = rows.groupby(by, sort=False)
    return pd.DataFrame(
        {
            "n": groups.size(),
            "iou": groups.iou.mean(),
            "iou_p5": groups.iou.quantile(0.05),
            "error_over_5%": groups.error.apply(lambda values: (values > 0.05).mean()),
            "cut_in_over_2%": groups.cut_in.apply(lambda values: (values > 0.02).mean()),
        }
    ).round(4)


def speed(folders: dict[str, Path]) -> str:
    """Return the processor time of a frame, for each finder."""
    frames = [pixels(path) for folder in folders.values() for path in sorted((folder / "images").iterdir())[:20]]
    times = {}
    for name, finder in FINDERS.items():
        start = time.process_time()
        for frame in frames:
            finder(frame)
        times[name] = 1000 * (time.process_time() - start) / len(frames)
    return ", ".join(f"{name} {value:.1f}" for name, value in times.items())


def show(name: str, rows: list[dict[str, object]], by: list[str]) -> None:
    """Store rows and print their summary."""
    table = pd.DataFrame(rows)
    table.to_parquet(MEASURED / f"view_{name}.parquet", index=False)
    for columns in ([], by[:-1], by):
        print(f"\n{name}\n{summary(table, ['finder', *columns]).to_string()}", flush=True)


def show_lesions(rows: list[dict[str, object]]) -> None:
    """Store and print how much of the lesions is cut off."""
    table = pd.DataFrame(rows)
    table.to_parquet(MEASURED / "view_lesions.parquet", index=False)
    table["any_cut"], table["any_seen_cut"] = table.cut_px > 0, table.cut_seen_px > 0
    table["much_cut"] = table.cut_px > 0.01 * table.lesion_px
    columns = {"stem": "size", "area": "mean", "any_cut": "mean", "any_seen_cut": "mean", "much_cut": "mean"}
    for by in (["finder"], ["finder", "site"]):
        print(f"\nlesions\n{table.groupby(by, sort=False).agg(columns).round(4).to_string()}", flush=True)


def main(
    sites: Annotated[list[Path], typer.Argument(help="Sites' folders, with images/ and masks/.")],
    ask: Annotated[list[Question] | None, typer.Option(help="These questions alone.")] = None,
) -> None:
    """Print how well the view is found at the sites given, and store the rows behind it."""
    folders = {site.name: site for site in sites}
    lacking = [str(site) for site in sites if not (site / "images").is_dir()]
    if lacking:
        raise typer.BadParameter(f"no images/ in {', '.join(lacking)}")
    marks = pd.read_csv(MEASURED / "view_marks.csv", dtype={"stem": str})
    marks = marks[marks.site.isin(folders)]
    asked = ask or list(Question)
    if Question.MARKED in asked:
        show("marked", list(marked(marks, folders)), ["split", "site"])
    if Question.SCREENS in asked:
        show("screens", list(screens(marks, folders)), ["split", "style"])
    if Question.LESIONS in asked:
        show_lesions(list(lesions(folders)))
    print(f"\nms a frame: {speed(folders)}")


if __name__ == "__main__":
    typer.run(main)
