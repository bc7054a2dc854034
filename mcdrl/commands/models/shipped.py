"""`mcdrl models`: what comes along, as a table, and each model on a page."""

from __future__ import annotations

import re
from pathlib import Path

from mcdrl.artifacts.promise import promise_of
from mcdrl.commands.models.inspect import PrintedTable, describe
from mcdrl.drawing.formatting import number
from mcdrl.model.shipped import USE, model_names, read_shipped, shipped_folder

_PAGE = """# {name}: {title}

**{use}.** {megabytes:.1f} MB.

{readme}

## Made anew

{recipe}
"""


def models_table() -> PrintedTable:
    """Return the models that come along: what each is, its licence, what is promised of it at sites never seen."""
    heads = ["model", "what it is", "licence", "Dice at sites left out", "MB"]
    return PrintedTable("models that come along", heads, [[name, *_facts(name)] for name in model_names()])


def model_page(name: str) -> str:
    """Return what is known of a model that comes along, as Markdown.

    Raises:
        InputError: there is none of that name, or a file of it is damaged.
    """
    card, folder = read_shipped(name), shipped_folder(name)
    return _PAGE.format(
        name=name,
        title=card.title,
        use=USE.capitalize(),
        megabytes=_megabytes(folder),
        readme=re.sub("^#", "##", (describe(folder) or "").strip(), flags=re.MULTILINE),
        recipe=card.recipe.strip(),
    )


def _facts(name: str) -> list[str]:
    card, folder = read_shipped(name), shipped_folder(name)
    promise = promise_of(folder)
    dice = number(promise.dice if promise else None)
    return [card.title, f"{card.licence.name}; {USE}", dice, f"{_megabytes(folder):.1f}"]


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
