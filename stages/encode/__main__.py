"""`python -m stages.encode SITE`: frames to dense features."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stages.core.base.params import load
from stages.core.base.runtime import progress, run
from stages.core.clip.card import read_stored
from stages.core.clip.load import load_encoder
from stages.core.contracts.features import FEATURES
from stages.core.contracts.frames import FRAMES
from stages.encode.batches import batches, encode, site_of
from stages.encode.device import pick_device
from stages.encode.params import Params


def main(
    site: str,
    frames: Annotated[Path, typer.Option(help="folder of the ingested site")],
    backbone: Annotated[Path, typer.Option(help="folder of the obtained backbone")],
    out: Annotated[Path, typer.Option(help="HDF5 file to write")],
    device: Annotated[str, typer.Option(help="cpu, cuda, ...; auto: a GPU if there is one")] = "auto",
) -> None:
    """Encode all frames of a site."""
    _, params = load("encode", Params)
    encoder = load_encoder(backbone, params.dense).to(pick_device(device))
    stamps = {"backbone": read_stored(backbone).name, "fingerprint": encoder.fingerprint}
    with FRAMES.read(frames / "frames.h5") as reader:
        cases = reader.case_ids
        attributes = {"site": site_of(reader, site), "dense_mode": encoder.dense_mode, **stamps}
        with FEATURES.write(out, cases, attributes) as writer:
            groups = batches(cases, params.batch_size)
            for group in progress(groups, f"encode {site}", len(groups)):
                writer.append(**encode(encoder, reader.rows("image", group), group))
    print(f"{site}: {len(cases)} frames, {encoder.dense_mode}, joint width {encoder.width}")


if __name__ == "__main__":
    run(main)
