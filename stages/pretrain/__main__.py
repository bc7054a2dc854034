"""`python -m stages.pretrain NAME`: pretrains the text tower and projection of one of the family lite."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcdrl.base.runtime import loading, run, usable_cores
from mcdrl.study.params import load
from mcdrl.study.sections.pretrain import Params


def main(
    name: Annotated[str, typer.Argument(help="lite0, lite1 or lite2.")],
    out: Annotated[Path, typer.Option(help="Folder for the trained parts, such as data/lite0.")],
    workers: Annotated[int, typer.Option(min=0, help="Processes that render; 0: one a core.")] = 0,
) -> None:
    """Render frames, train a text tower and projection on them, and measure both on further frames."""
    _, params = load("pretrain", Params)
    with loading():
        from mcdrl.clip.lite_trunk import architecture
        from stages.pretrain.pretrain import pretrain

    figures = pretrain(params, architecture(f"tf_efficientnet_{name}"), out, workers or usable_cores())
    print(f"place AUROC {figures['place_auroc']}, recall {figures['recall']}, phrases {figures['phrases']}")


if __name__ == "__main__":
    run(main)
