"""`mcdrl`: the commands for people. What a command needs is imported when it is called."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from stages.core.base.params import PARAMS
from stages.core.base.runtime import user_errors

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Lesion segmentation at sites never seen. The study itself runs with `dvc repro`.",
)
sites = typer.Typer(no_args_is_help=True, help="The sites of the study, in params.yaml.")
app.add_typer(sites, name="sites")


@app.command()
def predict(
    folder: Annotated[Path, typer.Argument(help="Folder of frames; subfolders count.")],
    model: Annotated[Path, typer.Option(help="A trained model, such as artifacts/train/mcdrl/A/0.")],
    out: Annotated[Path, typer.Option(help="Where masks and predictions.csv go.")],
    backbone: Annotated[Path, typer.Option(help="The backbone of that model.")] = Path("artifacts/backbone"),
    threshold: Annotated[float, typer.Option(min=0, max=1, help="Probability from which a pixel is lesion.")] = 0.5,
    batch_size: Annotated[int, typer.Option(min=1, help="Frames at a time.")] = 16,
    device: Annotated[str, typer.Option(help="cpu, cuda, ...; auto: a GPU if there is one.")] = "auto",
) -> None:
    """Segment a folder of frames: a mask PNG a frame, at the frame's own size, and predictions.csv."""
    from stages.commands.predict import predict_folder, summary
    from stages.commands.segmenter import load_segmenter

    segmenter = load_segmenter(model, backbone, device)
    if segmenter.random_weights:
        print("warning: the backbone has RANDOM weights; these masks mean nothing", file=sys.stderr, flush=True)
    rows = predict_folder(folder, segmenter, out, threshold=threshold, batch_size=batch_size)
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


@sites.command("list")
def list_sites() -> None:
    """Show the sites and which of them are held out in turn."""
    from stages.commands.show import show_sites
    from stages.commands.sites import list_sites as listed

    show_sites(listed(PARAMS))


@sites.command("cards")
def list_cards() -> None:
    """Show the published data sets that are known: how they are laid out and where they come from."""
    from stages.commands.show import show_cards
    from stages.core.base.cards import card_names, read_card

    show_cards([(name, read_card(name)) for name in card_names()])


@sites.command("fetch")
def fetch_site(
    card: Annotated[str, typer.Argument(help="A card's name; `mcdrl sites cards` lists them.")],
    to: Annotated[Path, typer.Option(help="A new folder for it.")],
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="You have read the licence and agree.")
    ] = False,
) -> None:
    """Download a published data set, checked and unpacked, whole or not at all."""
    from stages.commands.fetch import fetch
    from stages.core.base.cards import read_card

    root = fetch(card, read_card(card), to, accepted=accept_licence)
    print(f"{card} is in {root}")


@sites.command("add")
def add_site(
    name: Annotated[str, typer.Argument(help="The site's name; letters, digits, _ and -.")],
    root: Annotated[str, typer.Argument(help="Folder with the frames and masks.")],
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE, such as lesion_class=polyp; as often as needed.")
    ] = None,
    hold_out: Annotated[bool, typer.Option(help="Leave the site out in its turn, too.")] = True,
) -> None:
    """Add a site to params.yaml; comments stay."""
    from stages.commands.show import parse_settings
    from stages.commands.sites import add_site as add

    add(PARAMS, name, {"root": root, **parse_settings(settings or [])}, hold_out=hold_out)
    print(f"added site {name}; `dvc repro` computes what it changes")


@sites.command("remove")
def remove_sites(names: Annotated[list[str], typer.Argument(help="The sites' names.")]) -> None:
    """Take sites out of params.yaml; comments stay."""
    from stages.commands.sites import remove_sites as remove

    remove(PARAMS, names)
    print(f"removed {', '.join(names)}; `dvc repro` computes what that changes")


def main() -> None:
    """Run the command line; an error of the user's ends it with exit code 2."""
    with user_errors():
        app()
