"""`mcdrl models`: the models that come along."""

from __future__ import annotations

from typing import Annotated

import typer

from mcdrl.base.runtime import loading


def build() -> typer.Typer:
    """Return the commands of `mcdrl models`."""
    app = typer.Typer(no_args_is_help=True, help="Models that come along, trained on published frames.")
    app.command("list")(list_models)
    app.command("show")(show_model)
    return app


def list_models() -> None:
    """Show the models that come along; each name may stand where a model's folder is asked for."""
    with loading():
        from mcdrl.commands.models.shipped import models_table
        from mcdrl.commands.show import show_table

    show_table(models_table())


def show_model(
    name: Annotated[str, typer.Argument(help="Of the model; `mcdrl models list` shows them.")],
) -> None:
    """Show a model's card: data, licence, citation, what to expect at new sites, what it is not for."""
    with loading():  # torch, which knows what a network looks at
        from mcdrl.commands.models.shipped import model_page
        from mcdrl.commands.show import show_text

    show_text(model_page(name))
