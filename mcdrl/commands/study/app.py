"""`mcdrl studies`: the studies that can be chosen by name."""

from __future__ import annotations

from typing import Annotated

import typer

from mcdrl.base.errors import InputError
from mcdrl.base.output import cell, say
from mcdrl.base.text import whole_number
from mcdrl.study.paths import PARAMS


def build() -> typer.Typer:
    """Return the commands of `mcdrl studies`."""
    app = typer.Typer(no_args_is_help=True, help="Which methods and seeds are compared: studies by name.")
    app.command("list")(list_studies)
    app.command("use")(use)
    return app


def list_studies() -> None:
    """Show the studies that `use` knows."""
    from rich.console import Console
    from rich.table import Table

    from mcdrl.commands.study.studies import presets

    table = Table("study", "what it asks", "methods", "seeds")
    for name, preset in presets().items():
        table.add_row(*map(cell, (name, preset.title, ", ".join(preset.methods), ", ".join(map(str, preset.seeds)))))
    Console().print(table)


def use(
    name: Annotated[str, typer.Argument(help="Of the study; `mcdrl studies list` shows them.")],
    sites: Annotated[
        str | None, typer.Option(help="Sites that are left out in turn, A,B,...; default: as they are.")
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds, 0,1,...; default: the study's.")] = None,
    methods: Annotated[
        str | None, typer.Option(help="Those of the study's methods that are wanted; default: all.")
    ] = None,
) -> None:
    """Write a study's methods, seeds and variants into params.yaml; `dvc repro` then runs what is missing of it."""
    from mcdrl.commands.study.studies import use_study

    chosen = use_study(
        PARAMS,
        name,
        sites=_listed("--sites", sites, "A,B"),
        seeds=[_seed(one) for one in _listed("--seeds", seeds, "0,1")],
        methods=_listed("--methods", methods, "baseline,mcdrl"),
    )
    say(f"{PARAMS}: {name}, {chosen.cells}; run `dvc repro`, again after a break: finished cells stay")


def _listed(option: str, text: str | None, such_as: str) -> list[str]:
    """Return the names that an option gives; none where it isn't given."""
    if text is None:
        return []
    names = [part.strip() for part in text.split(",") if part.strip()]
    if not names:
        raise InputError(f"{option} '{text}' names nothing; give names such as {such_as}, or leave {option} out")
    return names


def _seed(text: str) -> int:
    found = whole_number(text)
    if found is None:
        raise InputError(f"--seeds: '{text}' is no seed; expected whole numbers from 0, such as 0,1,2")
    return found
