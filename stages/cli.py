"""`mcdrl`: the commands for people. What a command needs is imported when it is called."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from stages.commands import sites_app
from stages.core.base.runtime import user_errors

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Lesion segmentation at sites never seen. The study itself runs with `dvc repro`.",
)
app.add_typer(sites_app.build(), name="sites")


@app.command()
def predict(
    folder: Annotated[Path, typer.Argument(help="Folder of frames; subfolders count.")],
    model: Annotated[Path, typer.Option(help="A trained model, such as artifacts/train/mcdrl/A/0.")],
    out: Annotated[Path, typer.Option(help="Where masks and predictions.csv go.")],
    backbone: Annotated[Path, typer.Option(help="The backbone of that model.")] = Path("artifacts/backbone"),
    threshold: Annotated[float, typer.Option(min=0, max=1, help="Probability from which a pixel is lesion.")] = 0.5,
    batch_size: Annotated[int, typer.Option(min=1, help="Frames at a time.")] = 16,
    crop: Annotated[
        bool, typer.Option(help="Cut black borders off first, as sites with crop: black_border do.")
    ] = False,
    device: Annotated[str, typer.Option(help="cpu, cuda, ...; auto: a GPU if there is one.")] = "auto",
) -> None:
    """Segment a folder of frames: a mask PNG a frame, at the frame's own size, and predictions.csv."""
    from stages.commands.predict import predict_folder, summary
    from stages.core.segment.ensemble import load_ensemble

    segmenter = load_ensemble([model], backbone, device)
    if segmenter.random_weights:
        print("warning: the backbone has RANDOM weights; these masks mean nothing", file=sys.stderr, flush=True)
    rows = predict_folder(folder, segmenter, out, threshold=threshold, batch_size=batch_size, crop=crop)
    print(summary(rows, out))


@app.command()
def doctor() -> None:
    """Check that everything is in place for `dvc repro`; exit code 2 if something is not."""
    from stages.commands.doctor import examine, problems
    from stages.commands.show import show_checks

    checks = examine(Path())
    show_checks(checks)
    if problems(checks):
        raise typer.Exit(2)


def main() -> None:
    """Run the command line; an error of the user's ends it with exit code 2."""
    with user_errors():
        app()
