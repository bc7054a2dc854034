"""`python -m stages.backbone`: weights, obtained once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcdrl.base.files import atomic_folder
from mcdrl.base.output import say
from mcdrl.base.runtime import run
from mcdrl.clip.card import read_card, read_stored
from mcdrl.clip.load import load_encoder
from mcdrl.clip.sources import WeightsSource, check_tracked
from mcdrl.study.params import load_study
from stages.backbone.obtain import obtain


def main(out: Annotated[Path, typer.Option(help="folder to write")]) -> None:
    """Obtain the weights of the backbone that params.yaml names, check and store them."""
    study = load_study()
    card = read_card(study.backbone)
    source = WeightsSource.of(study.backbone, study.weights.get(study.backbone))
    check_tracked(source, card)
    with atomic_folder(out) as folder:
        obtain(card, source, folder)
        encoder = load_encoder(folder)  # what is stored must also load
    stored = read_stored(out)
    say(f"{stored.title}: weights {stored.pretrained}, joint width {encoder.width}, frames {encoder.size_px} px")
    say(f"licence {stored.licence}. {stored.notice}")
    if stored.pretrained == "random":
        say("the weights are RANDOM (weights: none): results are a dry run and mean nothing")


if __name__ == "__main__":
    run(main)
