"""`mcdrl`: the commands for people. What a command needs is imported when it is called."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mcdrl.base.output import say, warn
from mcdrl.base.runtime import enough_memory, finite, loading, user_errors
from mcdrl.commands.models import app as models_app
from mcdrl.commands.models.options import (
    OR_NAME,
    Backbone,
    Backbones,
    BatchSize,
    Channels,
    ColourOrder,
    Confounders,
    Device,
    Format,
    Frames,
    Learned,
    MaskFormat,
    MaskKind,
    MasksToo,
    Models,
    OneModel,
    Overlay,
    Probabilities,
    Sizes,
    Smooth,
    Suppress,
    Threshold,
    View,
    Workers,
)
from mcdrl.commands.run import app as run_app
from mcdrl.commands.sites import app as sites_app
from mcdrl.commands.study import app as studies_app
from mcdrl.study.paths import ARTIFACTS, START_MODEL

if TYPE_CHECKING:
    from mcdrl.commands.models.export import Parity

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Lesion segmentation at sites never seen. The study itself runs with `dvc repro`.",
)
app.add_typer(sites_app.build(), name="sites")
app.add_typer(studies_app.build(), name="studies")
app.add_typer(models_app.build(), name="models")
app.command("run")(run_app.run)


def _tell_version(wanted: bool) -> None:
    if not wanted:
        return
    try:
        say(f"mcdrl {version('mcdrl')}")
    except PackageNotFoundError:
        say("mcdrl, from a clone that isn't installed")
    raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Take the options that belong to no command."""


@app.command()
def predict(
    frames: Frames,
    out: Annotated[Path, typer.Option(help="Where masks and predictions.csv go.")],
    model: Models = None,
    kind: MaskKind = MaskFormat.PNG,
    overlay: Overlay = False,
    probabilities: Probabilities = False,
    suppress: Suppress = False,
    confounders: Confounders = False,
    backbone: Backbones = None,
    threshold: Threshold = None,
    batch_size: BatchSize = None,
    workers: Workers = 2,
    view: View = None,
    sizes: Sizes = None,
    channels: ColourOrder = Channels.RGB,
    device: Device = "auto",
    masks_too: MasksToo = False,
    smooth: Smooth = 0.0,
) -> None:
    """Segment frames and videos: masks at their own size, and tables; exit code 2 if a file can't be read."""
    with loading():  # torch is seconds
        from mcdrl.commands.models.chosen import chosen
        from mcdrl.commands.models.dicom_seg import algorithm_of
        from mcdrl.commands.models.frames import sizes_px, view_rule
        from mcdrl.commands.models.masks import WantedOutput
        from mcdrl.commands.models.predict import predict_frames, refused, summary
        from mcdrl.model.held_out import threshold_of
        from mcdrl.model.predictor import RANDOM_WEIGHTS, load_predictor

    given, models = None if view is None else view_rule(view), chosen(model)
    least = threshold_of(models) if threshold is None else threshold
    asked = {
        "threshold": f"{least:g}", "suppress": f"{suppress}", "view": view or "as trained",
        "sizes": (sizes or "as judged").replace(",", " "), "channels": channels,
    }  # fmt: skip
    dicom = algorithm_of(models, asked) if kind is MaskFormat.DICOM_SEG else None
    predictor, rule = load_predictor(
        models, backbone, device, batch_size, given, confounders=confounders,
        sizes_px=None if sizes is None else sizes_px(sizes),
    )  # fmt: skip
    if predictor.random_weights:
        warn(RANDOM_WEIGHTS)
    wanted = WantedOutput(
        out, least, overlay=overlay, probabilities=probabilities, coco=kind is MaskFormat.COCO, suppress=suppress,
        dicom=dicom,
    )  # fmt: skip
    with enough_memory("mcdrl predict", "--batch-size", predictor.batch_size):
        rows = predict_frames(
            frames, predictor, wanted, view=rule, workers=workers, swap=channels is Channels.BGR, masks_too=masks_too,
            smooth_s=smooth,
        )  # fmt: skip
    say(summary(rows, out, least))
    if missing := refused(rows):
        warn(missing)
        raise typer.Exit(2)


@app.command()
def accept(
    folder: Annotated[Path, typer.Argument(help="A hospital's frames with their masks, in any form of a site's.")],
    model: Models = None,
    out: Annotated[Path, typer.Option(help="A new folder for the page and its tables.")] = Path("acceptance"),
    card: sites_app.CardName = None,
    lesion_class: sites_app.LesionClass = None,
    settings: sites_app.Settings = None,
    frames_only: Annotated[
        bool, typer.Option("--frames-only", help="Look at no masks: tell what can be told without them.")
    ] = False,
    confounders: Confounders = False,
    backbone: Backbones = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            callback=finite,
            help="Probability from which a pixel is lesion; default: that of the promise or of the model's adaptation, "
            "else 0.5.",
        ),
    ] = None,
    batch_size: BatchSize = None,
    workers: Annotated[int, typer.Option(min=1, help="Threads that decode.")] = 2,
    view: Annotated[
        str | None,
        typer.Option(help="What of a frame is looked at, as for predict; default: what the models looked at."),
    ] = None,
    sizes: Sizes = None,
    device: Device = "auto",
) -> None:
    """Hold a model against a new hospital's frames and what it promises; exit code 3: it does worse than promised."""
    with loading():  # torch is seconds
        from mcdrl.commands.acceptance.run import WantedAcceptance, accept
        from mcdrl.commands.acceptance.sentences import summary
        from mcdrl.commands.acceptance.write import PAGE, write_acceptance
        from mcdrl.commands.models.chosen import chosen
        from mcdrl.commands.models.frames import sizes_px, view_rule
        from mcdrl.metrics.verdict import Verdict
        from mcdrl.model.held_out import threshold_of
        from mcdrl.model.predictor import load_predictor

    given, models = None if view is None else view_rule(view), chosen(model)
    keys = sites_app.keys_of(lesion_class, settings, given)
    predictor, rule = load_predictor(
        models, backbone, device, batch_size, given, confounders=confounders,
        sizes_px=None if sizes is None else sizes_px(sizes),
    )  # fmt: skip
    least = threshold_of(models) if threshold is None else threshold
    wanted = WantedAcceptance(folder, models, out, least, rule, card, keys, frames_only)
    with enough_memory("mcdrl accept", "--batch-size", predictor.batch_size):
        found = accept(wanted, predictor, workers)
    write_acceptance(found, out)
    say("\n".join([*summary(found), f"page: {out / PAGE}"]))
    if found.verdict is Verdict.WORSE:
        raise typer.Exit(3)


@app.command()
def adapt(
    folder: Annotated[Path, typer.Argument(help="One site's frames and masks, in any form that a site may have.")],
    out: Annotated[Path, typer.Option(help="A new folder for the adapted model.")],
    model: Annotated[
        Path | None,
        typer.Option(
            help=f"A trained model's folder, an ensemble's, too, {OR_NAME}; it stays as it is. Default: "
            f"{START_MODEL}, which does."
        ),
    ] = None,
    card: sites_app.CardName = None,
    lesion_class: sites_app.LesionClass = None,
    settings: sites_app.Settings = None,
    learn: Annotated[
        Learned,
        typer.Option(
            help="From what: the masks; from them no more than the limits that predict suppresses and flags by, "
            "weights stay; or without them, from the frames' statistics in batch normalisation, or from what the model "
            "itself is sure of."
        ),
    ] = Learned.LABELS,
    frames_only: Annotated[
        bool, typer.Option("--frames-only", help="There are no masks, without which nothing is measured.")
    ] = False,
    replay: Annotated[
        list[Path] | None,
        typer.Option(
            help="Frames of the sites that the model was trained on: its study's artifacts, or folders with masks. "
            "Default: those of the study that the model's folder lies in, if it has some."
        ),
    ] = None,
    folds: Annotated[int, typer.Option(min=2, help="Of the cross-validation over the site's patients.")] = 5,
    steps: Annotated[int | None, typer.Option(min=1, help="Of the optimiser; default: 40.")] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            min=1e-6,
            max=1,
            callback=finite,
            help="Learning rates as a share of those of the model's training; default: 0.3.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn.")] = 0,
    anyway: Annotated[bool, typer.Option("--anyway", help="Write the model even if it doesn't help.")] = False,
    backbone: Backbone = None,
    workers: Annotated[int, typer.Option(min=1, help="Threads that decode.")] = 2,
    device: Device = "auto",
) -> None:
    """Let a model learn from a few frames of a new site; measure that first, and say "don't" where it doesn't help."""
    with loading():  # torch is seconds
        from mcdrl.commands.models.adapt import Options, adapt_folder
        from mcdrl.commands.models.chosen import chosen_one

    options = Options(learn.value, frames_only, replay, folds, steps, rate, seed, anyway, backbone, workers, device)
    adapt_folder(folder, chosen_one(model), out, card, sites_app.keys_of(lesion_class, settings), options)


@app.command()
def export(
    out: Annotated[Path, typer.Option(help="Where the file and its preprocessing go.")],
    model: OneModel = None,
    kind: Annotated[Format, typer.Option("--format", help="Of the file.")] = Format.ONNX,
    backbone: Backbone = None,
) -> None:
    """Write the whole network, from frame to probability, as one file; checks it against PyTorch."""
    from mcdrl.commands.models.chosen import chosen_one
    from mcdrl.commands.models.export import FILES, PREPROCESSING, export

    parity = export(chosen_one(model), kind.value, out, backbone)
    say(f"{out / FILES[kind.value]}, and what to do around it in {out / PREPROCESSING}\n{parity}")
    if not parity.holds:
        warn("error: the file's masks are not PyTorch's; don't use it")
        raise typer.Exit(1)


@app.command()
def pack(
    out: Annotated[Path, typer.Option(help="A new folder.")],
    model: OneModel = None,
    backbone: Backbone = None,
    small: Annotated[
        bool,
        typer.Option(
            "--small", help="Weights in half precision, and without those of the family lite, which packages bring."
        ),
    ] = False,
) -> None:
    """Copy a model's folder with its backbone inside, so that it is all that another machine needs."""
    from mcdrl.commands.models.chosen import chosen_one
    from mcdrl.commands.models.pack import pack, parity

    folder = chosen_one(model)
    size = pack(folder, out, backbone, small=small)
    if small:
        _check_parity(parity(folder, out, backbone))
    say(f"{out}: {size / 1e6:.1f} MB, all that `mcdrl predict --model {out}` needs")


def _check_parity(parity: Parity) -> None:
    say(str(parity))
    if not parity.holds:
        warn("error: the copy's masks are not the model's; don't use it")
        raise typer.Exit(1)


@app.command()
def inspect(
    place: Annotated[
        Path, typer.Argument(help=f"A trained model's folder, {OR_NAME}, or the artifacts of a study.")
    ] = ARTIFACTS,
) -> None:
    """Show the dictionary and the quality of the mined regions, or what a model's folder says of itself."""
    from mcdrl.commands.models.chosen import chosen_one
    from mcdrl.commands.models.inspect import describe, inspect
    from mcdrl.commands.show import show_table, show_text

    folder = place if place == ARTIFACTS else chosen_one(place)
    tables = inspect(folder)
    if told := describe(folder):
        show_text(told)
    for shown in tables:
        show_table(shown)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="A new folder, or an empty one.")],
) -> None:
    """Make a project in a new folder: pipeline, parameters, cards, git and DVC; `dvc repro` runs in it."""
    from mcdrl.commands.study.init import init

    init(folder)
    say(f"{folder}: a project; next: cd {folder}; mcdrl sites add NAME FOLDER, or dvc repro for the embedded study")


@app.command()
def doctor() -> None:
    """Check that everything is in place for `dvc repro`; outside of a project, the machine. Exit code 2: it is not."""
    from mcdrl.commands.doctor.check import problems
    from mcdrl.commands.doctor.examine import examine
    from mcdrl.commands.show import show_checks

    checks = examine(Path())
    show_checks(checks)
    if problems(checks):
        raise typer.Exit(2)


def main() -> None:
    """Run the command line; an error of the user's ends it with exit code 2."""
    with user_errors("mcdrl"):
        app()


if __name__ == "__main__":
    main()
