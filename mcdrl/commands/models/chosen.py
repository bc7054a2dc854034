"""Which model a command works with: folders, names of models that come along, or nothing, which is such a name, too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mcdrl.base.output import say
from mcdrl.model.shipped import remarks, resolved


def chosen(given: Sequence[Path] | None) -> list[Path]:
    """Return the folders of models that were given on the command line; of one that comes along, say which it is.

    Args:
        given: folders or names; None or none: the model to start with.

    Raises:
        InputError: there is neither a folder nor a model of a name.
    """
    folders = resolved(given or [])
    for remark in remarks(given or []):
        say(remark)
    return folders


def chosen_one(given: Path | None) -> Path:
    """Return the folder of one model, as `chosen` does."""
    (folder,) = chosen(None if given is None else [given])
    return folder
