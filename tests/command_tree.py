"""The commands of `mcdrl` as typer has them, without the code that documents them."""

import typer

from mcdrl.cli import app


def command_tree():
    """Words -> command, of every command and every group: ("sites", "add") -> what adds a site."""
    return dict(_below(typer.main.get_command(app), ()))


def _below(command, words):
    yield words, command
    for name, further in getattr(command, "commands", {}).items():  # not isinstance: typer may bring its own click
        yield from _below(further, (*words, name))
