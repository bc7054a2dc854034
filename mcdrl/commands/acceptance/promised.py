"""What models promise together, and where they don't, why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mcdrl.artifacts.promise import Promise, promise_of
from mcdrl.model.facts import read_facts
from mcdrl.model.members import members
from mcdrl.model.shipped import called


def common_promise(models: Sequence[Path]) -> Promise | None:
    """Return what all of the models promise; None: they don't, or not the same.

    Raises:
        InputError: a promise is damaged.
    """
    first, *others = [promise_of(model) for model in models]
    return first if all(one == first for one in others) else None


def why_none(models: Sequence[Path]) -> str:
    """Return why nothing is promised of the Dice of models at a new hospital: the one reason that holds.

    Args:
        models: folders of models or of ensembles, without a promise in common or with one that has no Dice.

    Raises:
        InputError: a promise or a card is damaged.
    """
    bare = next((model for model in models if promise_of(model) is None), None)
    if bare is not None:
        return f"{called(bare)} {_why(bare)}" if len(models) > 1 else f"the model {_why(bare)}"
    if common_promise(models) is None:
        return "the models promise different things"
    return "the sites that were left out for its method have no frame with a lesion"


def _why(model: Path) -> str:
    """Return why a model has no promise."""
    facts = read_facts(members(model)[0])
    if facts.adapted is not None:
        return f"was adapted to {facts.adapted.site}, and nobody has judged it at other sites since"
    if facts.held_out is not None:
        return f"was trained without {facts.held_out}, as a cell of its study; promises are of models of all sites"
    return "was trained on all sites, and its folder names none that was left out in turn for its method"
