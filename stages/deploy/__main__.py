"""Command of the stage: `python -m stages.deploy METHOD --artifacts DIR --out DIR`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcdrl.artifacts.promise import read_promise
from mcdrl.base.choices import nearest
from mcdrl.base.errors import InputError
from mcdrl.base.output import say
from mcdrl.base.runtime import loading, run
from mcdrl.study.params import load
from mcdrl.study.paths import backbone_folder, promise_path, report_folder, whole_model
from mcdrl.study.sections.deploy import Params


def main(
    method: Annotated[str, typer.Argument(help="A name in deploy.methods of params.yaml.")],
    artifacts: Annotated[Path, typer.Option(help="What the other stages wrote.")],
    out: Annotated[Path, typer.Option(help="The model folder to write.")],
) -> None:
    """Lay what the study promises beside a network that was trained on all sites."""
    _, params = load("deploy", Params)
    if method not in params.methods:
        raise InputError(f"unknown method '{method}' in deploy.methods; {nearest(method, params.methods)}")

    with loading():  # torch only after the parameters are known to be right
        from mcdrl.model.bundle import SMALL_BYTES, find_backbone
        from mcdrl.model.card import read_card
        from mcdrl.model.readme import promised
        from mcdrl.model.take_along import copy_models

    promise = read_promise(promise_path(report_folder(artifacts), method))
    models = {str(seed): whole_model(artifacts, method, seed) for seed in params.seeds}
    first = next(iter(models.values()))
    backbone = find_backbone(first, read_card(first).fingerprint, backbone_folder(artifacts))
    named = models if len(models) > 1 else {".": first}
    copy_models(named, backbone, out, limit_bytes=SMALL_BYTES, promise=promise, replace=True)
    say(f"{out}: {promised(promise)}")


if __name__ == "__main__":
    run(main)
