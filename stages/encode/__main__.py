"""`python -m stages.encode SITE`: frames to dense features."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcdrl.artifacts.plan import read_encoding
from mcdrl.base.output import say
from mcdrl.base.runtime import enough_memory, loading, run
from mcdrl.study.params import load
from mcdrl.study.sections.encode import Params


def main(
    site: Annotated[str, typer.Argument(help="name of a site in params.yaml")],
    frames: Annotated[Path, typer.Option(help="folder of the ingested site")],
    backbone: Annotated[Path, typer.Option(help="folder of the obtained backbone")],
    plan: Annotated[Path, typer.Option(help="what of the features the study reads, as stage plan wrote it")],
    out: Annotated[Path, typer.Option(help="HDF5 file to write")],
    device: Annotated[str, typer.Option(help="cpu, cuda, ...; auto: a GPU if there is one")] = "auto",
) -> None:
    """Encode all frames of a site."""
    study, params = load("encode", Params)
    study.check_site(site)

    with loading():  # torch comes only after `run` has told its threads how to wait
        from stages.encode.site import encode_site

    with enough_memory("encode", "encode.batch_size", params.batch_size):
        say(encode_site(site, frames, backbone, out, params, read_encoding(plan), device))


if __name__ == "__main__":
    run(main)
