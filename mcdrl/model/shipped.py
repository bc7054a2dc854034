"""Models that come along: data/models/NAME.yaml says what one is, the model's folder NAME lies beside it.

Wherever a model's folder is asked for, such a name will do. A project may have models of its own in its data/models,
beside these; one of the same name counts instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from mcdrl.base.choices import nearest
from mcdrl.base.errors import InputError
from mcdrl.base.section import Section, validated
from mcdrl.base.strict_yaml import read_yaml
from mcdrl.model.facts import CARD, ModelFacts, read_facts
from mcdrl.study.paths import MODELS, START_MODEL, is_project, own_or_shipped, shipped
from mcdrl.study.site_cards import Licence

USE = "for research, not for patients"


class DataSet(Section):
    """Frames that a model was trained on.

    Attributes:
        title: the data set's name for people.
        citation: the publication that its owners ask to cite.
        licence: what they ask of their users.
        home: its page.
    """

    title: str = Field(min_length=1)
    citation: str = Field(min_length=1)
    licence: Licence
    home: str = Field(pattern="^https?://[^ ]+$")


class ShippedModel(Section):
    """What people have to know of a model that comes along; what it is built from stands in its folder.

    Attributes:
        title: what it is, in a line.
        licence: of its weights.
        data: what it was trained on.
        recipe: how it is made anew.
    """

    title: str = Field(min_length=1)
    licence: Licence
    data: list[DataSet] = Field(min_length=1)
    recipe: str = Field(min_length=1)


def model_names(folder: Path = MODELS) -> list[str]:
    """Return the names of the models that come along, sorted."""
    places = [shipped() / folder, *[folder] * is_project()]
    return sorted({path.stem for place in places for path in place.glob("*.yaml")})


def read_shipped(name: str) -> ShippedModel:
    """Read what people have to know of a model that comes along.

    Raises:
        InputError: there is none of that name, or its file has errors, all of which are listed.
    """
    if name not in model_names():
        raise InputError(f"no model '{name}' comes along; {nearest(name, model_names())}")
    path = _card(name)
    return validated(ShippedModel, read_yaml(path), path)


def shipped_folder(name: str) -> Path:
    """Return the model's folder of a model that comes along.

    Raises:
        InputError: it isn't there, though what people have to know of it is.
    """
    card = _card(name)
    if not card.with_suffix("").is_dir():
        raise InputError(f"{card} tells of a model whose folder {card.with_suffix('')} isn't there; put it beside")
    return card.with_suffix("")


def resolved(models: Sequence[Path]) -> list[Path]:
    """Return the folders that models are in: a name that is no folder stands for a model that comes along.

    Args:
        models: folders or names; none: `START_MODEL`.

    Raises:
        InputError: there is neither a folder nor a model of that name.
    """
    return [_folder(one) for one in models or [Path(START_MODEL)]]


def remarks(models: Sequence[Path]) -> list[str]:
    """Return what a user has to be told of models, arguments as those of `resolved`: a line for each name of one."""
    named = [one for one in models or [Path(START_MODEL)] if _may_be_name(one) and one.name in model_names()]
    return [_taken(one) if one.exists() else _told(one.name) for one in named]


def called(folder: Path) -> str:
    """Return what a person calls a model's folder: its name if it comes along, as its place says nothing to them."""
    named = (name for name in model_names() if _card(name).with_suffix("") == folder)
    return next(named, str(folder))


def origin(card: ModelFacts) -> str | None:
    """Return the name of the model that comes along whose weights these are, or that they went on from, if any."""
    adapted = [card.adapted.weights_sha256, *card.adapted.earlier_sha256] if card.adapted else []
    weights = {card.weights_sha256, *adapted} - {""}
    return next((name for name in model_names() if _weights(name) in weights), None)


def _weights(name: str) -> str:
    folder = _card(name).with_suffix("")
    return read_facts(folder).weights_sha256 if (folder / CARD).is_file() else ""


def _card(name: str) -> Path:
    return own_or_shipped(MODELS / f"{name}.yaml")


def _folder(given: Path) -> Path:
    if given.exists() or not _may_be_name(given):
        return given
    if given.name not in model_names():
        raise InputError(
            f"{given / CARD} does not exist, and no model that comes along is called '{given}'; "
            f"{nearest(given.name, model_names())}"
        )
    return shipped_folder(given.name)


def _may_be_name(given: Path) -> bool:
    return len(given.parts) == 1 and not given.is_absolute()


def _told(name: str) -> str:
    licence = read_shipped(name).licence.name
    return f"model: {name}, which comes along ({licence}; {USE}; `mcdrl models show {name}` says more)"


def _taken(given: Path) -> str:
    return f"model: the folder {given} here, not the model of that name that comes along"
