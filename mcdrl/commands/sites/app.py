"""`mcdrl sites`: the sites of the study and the published data sets that can become sites."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mcdrl.base.errors import InputError
from mcdrl.base.output import say
from mcdrl.base.view_rule import ViewRule
from mcdrl.study.paths import ARTIFACTS, IMPORTED, PARAMS

Name = Annotated[str, typer.Argument(help="The site's name; letters, digits, _ and -.")]
CardName = Annotated[str | None, typer.Option("--card", help="How to read it: a card; `mcdrl sites cards` lists them.")]
LesionClass = Annotated[str | None, typer.Option("--lesion-class", help="The class of all of its lesions.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="KEY=VALUE, such as mask_threshold=100; a --set for each.")
]


def build() -> typer.Typer:
    """Return the commands of `mcdrl sites`."""
    app = typer.Typer(no_args_is_help=True, help="The sites of the study, in params.yaml.")
    for name, command in (
        ("list", list_sites), ("cards", list_cards), ("fetch", fetch_site), ("check", check_sites),
        ("add", add_site), ("set", set_site), ("remove", remove_sites), ("splits", splits_of_sites),
    ):  # fmt: skip
        app.command(name)(command)
    return app


def list_sites() -> None:
    """Show the sites and which of them are held out in turn."""
    from mcdrl.commands.sites.edit import list_sites as listed
    from mcdrl.commands.sites.show_sites import show_sites

    show_sites(listed(PARAMS))


def list_cards() -> None:
    """Show the published data sets that are known: how they are laid out and where they come from."""
    from mcdrl.commands.sites.show_sites import show_cards
    from mcdrl.study.site_cards import card_names, read_card

    show_cards([(name, read_card(name)) for name in card_names()])


def fetch_site(
    card: Annotated[str, typer.Argument(help="A card's name; `mcdrl sites cards` lists them.")],
    to: Annotated[Path, typer.Option(help="A new folder for it.")],
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="You have read the licence and agree.")
    ] = False,
) -> None:
    """Download a published data set, checked and unpacked, whole or not at all."""
    from mcdrl.commands.sites.fetch import fetch, next_step
    from mcdrl.study.site_cards import read_card

    fetch(card, read_card(card), to, accepted=accept_licence)
    say(f"{card} is in {to}; {next_step(card, read_card(card), to)}")


def check_sites(
    target: Annotated[
        str | None, typer.Argument(help="A site's name or a folder; nothing: every site of the study.")
    ] = None,
    card: CardName = None,
    lesion_class: LesionClass = None,
    settings: Settings = None,
    examples: Annotated[int, typer.Option(min=1, help="Files named for each kind of issue.")] = 3,
    allow_refused: Annotated[
        bool, typer.Option("--allow-refused", help="Exit code 0 though files are refused, if the others can be used.")
    ] = False,
) -> None:
    """Read every frame as `dvc repro` would and tell what is wrong; writes nothing. Exit code 2: a file is refused."""
    from mcdrl.commands.sites.check_run import run_checks

    if not run_checks(target, card, keys_of(lesion_class, settings), examples, allow_refused=allow_refused):
        raise typer.Exit(2)


def add_site(
    name: Name,
    root: Annotated[str, typer.Argument(help="Folder with the frames and masks.")],
    card: CardName = None,
    lesion_class: LesionClass = None,
    settings: Settings = None,
    hold_out: Annotated[bool, typer.Option(help="Leave the site out in its turn, too.")] = True,
) -> None:
    """Add a site to params.yaml; comments stay. Without --card, the card is guessed from the folder."""
    from mcdrl.commands.sites.classes import with_class
    from mcdrl.commands.sites.edit import add_site as add
    from mcdrl.commands.sites.guess import guessed_or_given
    from mcdrl.commands.workspace import lasting

    given = keys_of(lesion_class, settings)
    chosen, place = guessed_or_given(card, Path(root), given, name), lasting(PARAMS.parent, root)
    added = add(PARAMS, name, with_class({"card": chosen, "root": place, **given}, Path(root)), hold_out=hold_out)
    _tell_classes(added)
    if place != root:
        say(f"its folder is noted as {place}: {root} would lead nowhere in `dvc exp run --temp` and the queue")
    say(f"added site {name}; `mcdrl sites check {name}` looks at its frames, `dvc repro` computes what it changes")


def set_site(
    name: Annotated[str, typer.Argument(help="A site of the study.")],
    settings: Annotated[
        list[str], typer.Argument(metavar="KEY=VALUE...", help="Such as card=kvasir_seg; KEY= alone takes the key out.")
    ],
) -> None:
    """Change how a site of params.yaml is read; comments stay."""
    from mcdrl.commands.show import parse_settings
    from mcdrl.commands.sites.edit import set_site as change

    _tell_classes(change(PARAMS, name, parse_settings(settings)))
    say(f"changed site {name}; `mcdrl sites check {name}` looks at its frames, `dvc repro` computes what it changes")


def keys_of(lesion_class: str | None, settings: list[str] | None, view: ViewRule | None = None) -> dict[str, Any]:
    """Return the keys of a site that options give, its root and card aside.

    Raises:
        InputError: a setting isn't of the form KEY=VALUE, stands twice, or says what is given otherwise.
    """
    from mcdrl.commands.show import parse_settings

    given = parse_settings(settings or [])
    for key, said in (("root", "the folder is an argument"), ("card", "--card names the card")):
        if key in given:
            raise InputError(f"--set {key}={given[key]}: {said}; leave the setting out")
    options = {key: value for key, value in (("lesion_class", lesion_class), ("view", view)) if value is not None}
    for key, value in options.items():
        if key in given:
            both = f"--{key.replace('_', '-')} {value} and --set {key}={given[key]}"
            raise InputError(f"{both} say the same thing; give one of them")
    return {**options, **given}


def _tell_classes(added: list[str]) -> None:
    if added:
        say(f"added to lesion_classes: {', '.join(added)}; build_confounders.class_phrases says what prompts call it")


def remove_sites(names: Annotated[list[str], typer.Argument(help="The sites' names.")]) -> None:
    """Take sites out of params.yaml; comments stay."""
    from mcdrl.commands.left_behind import WHY, left_behind, removing
    from mcdrl.commands.sites.edit import list_sites as listed
    from mcdrl.commands.sites.edit import remove_sites as remove

    dropped = remove(PARAMS, names)
    say(f"removed {', '.join(dict.fromkeys(names))}; `dvc repro` computes what that changes")
    if dropped:
        say(f"no site left can have {', '.join(dropped)}: taken out of lesion_classes, and their phrases with them")
    if left := left_behind(ARTIFACTS, [name for name, _, _ in listed(PARAMS)]):
        say(f"note: frames, features and regions of sites that are none are left: {WHY}; {removing(left)}")


def splits_of_sites(
    export: Annotated[Path | None, typer.Option("--export", help="Write the splits in use to this CSV file.")] = None,
    taken: Annotated[Path | None, typer.Option("--import", help="Use the splits of this CSV file.")] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Forget imported splits: split by names again.")] = False,
) -> None:
    """Publish which frames train and which choose the epoch, or take over what others published."""
    from mcdrl.commands.sites.splits import export_splits, import_splits, reset_splits, unseen

    if [export is not None, taken is not None, reset].count(True) != 1:
        raise InputError("give one of --export FILE.csv, --import FILE.csv, --reset")
    if export is not None:
        say(f"{export_splits(export)} frames' splits are in {export}")
    elif taken is not None:
        counts = import_splits(taken, PARAMS)
        told = ", ".join(f"{site} ({count} frames)" for site, count in counts.items())
        say(f"{IMPORTED} now splits {told}; `dvc repro` computes what that changes")
        if unknown := unseen(counts):
            say(f"note: not read yet: {', '.join(unknown)}; `dvc repro` stops if the file lacks one of their frames")
    else:
        reset_splits()
        say(f"{IMPORTED} is without rows; all sites are split by the names of their groups")
