"""What a cut takes from the lesions on whole screens: python -m tests.benchmarks.view.lesions_on_screens FOLDER...

Each FOLDER is a site's, with frames in images/ and masks of equal stems in masks/. The found views of frames with a
lesion become the views of drawn screens of styles that the finder was not tuned on, as in `on_screens`; each finder of
`measure` is asked for the view, and lesion pixels that the screen shows and its box leaves out are counted. The rows go
to docs/measured/view_screen_lesions.parquet; printed is a row a finder: the share of the lesion pixels that is cut off,
the share of the screens on which any is, and on which more than a hundredth of the lesion is. The same command shows a
file of rows: ... lesions_on_screens FILE.parquet.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from PIL import Image

from mcdrl.base.seeds import seed_for
from mcdrl.view import MARGIN, find_view
from stages.stress.run import pick
from tests.benchmarks.view.measure import FINDERS, MEASURED, pixels
from tests.benchmarks.view.screens import TEST, screen, traced

MUCH = 0.01  # of a lesion


def main(
    sites: Annotated[list[Path], typer.Argument(help="Sites' folders, with images/ and masks/; or a file of rows.")],
    frames: Annotated[int, typer.Option(help="Of each site, by the hash of their names.")] = 100,
    out: Annotated[Path, typer.Option(help="Parquet of the rows.")] = MEASURED / "view_screen_lesions.parquet",
) -> None:
    """Print the table and store the rows behind it."""
    if sites[0].is_file():
        rows = pd.read_parquet(sites[0])
    else:
        rows = pd.DataFrame([row for site in sites for row in of_site(site, frames)])
        rows.to_parquet(out, index=False)
    for line in lines(rows):
        print("| " + " | ".join(line) + " |")


def of_site(site: Path, frames: int) -> Iterator[dict[str, object]]:
    """Yield a row a frame and finder."""
    masks = {path.stem: path for path in (site / "masks").iterdir()}
    images = {path.stem: path for path in (site / "images").iterdir()}
    for stem in pick(sorted(images), frames):
        frame, lesion = pixels(images[stem]), np.asarray(Image.open(masks[stem]).convert("L")) >= 128
        left, top, right, bottom = find_view(frame).padded(MARGIN, frame.shape[1], frame.shape[0]).box
        within, number = np.s_[top:bottom, left:right], seed_for("screen", site.name, stem)
        if not lesion[within].any():
            continue
        style = TEST[number % len(TEST)]
        drawn, _ = screen(style, Image.fromarray(frame[within]), number)
        (shown,), _ = traced(style, [lesion[within]], number)
        for name, finder in FINDERS.items():
            cut = shown.copy()
            box = finder(np.asarray(drawn))
            cut[box[1] : box[3], box[0] : box[2]] = False
            yield {"site": site.name, "stem": stem, "style": style.__name__, "finder": name} | {
                "lesion_px": int(shown.sum()),
                "cut_px": int(cut.sum()),
            }


def lines(rows: pd.DataFrame) -> Iterator[list[str]]:
    """Yield head and rows; screens that show nothing of a lesion don't count."""
    yield ["view by", "screens", "lesion pixels cut off", "screens that lose any", "more than 1 %"]
    yield ["---"] * 5
    for name, own in rows[rows["lesion_px"] > 0].groupby("finder", sort=False):
        shares = [
            own["cut_px"].sum() / own["lesion_px"].sum(),
            (own["cut_px"] > 0).mean(),
            (own["cut_px"] > MUCH * own["lesion_px"]).mean(),
        ]
        yield [f"`{name}`", str(len(own)), *(f"{100 * share:.2f} %" for share in shares)]


if __name__ == "__main__":
    typer.run(main)
