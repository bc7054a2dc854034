"""Site cards: what is known of a published data set and of a way to lay out a folder (data/sites/<name>.yaml)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from mcdrl.base.choices import nearest
from mcdrl.base.errors import InputError
from mcdrl.base.section import Count, Section, validated
from mcdrl.base.strict_yaml import read_yaml
from mcdrl.study.paths import SITE_CARDS, own_or_shipped
from mcdrl.study.reading import Reading

_LINK = "^https?://[^ ]+$"


class Licence(Section):
    """What the owners of the frames ask of their users.

    Attributes:
        name: short, such as "CC BY 4.0".
        url: where it stands in full; None: nowhere on its own.
        terms: what it asks for, in a sentence or two.
    """

    name: str = Field(min_length=1)
    url: str | None = Field(default=None, pattern=_LINK)
    terms: str = Field(min_length=1)


class Download(Section):
    """One file to fetch.

    Attributes:
        url: its address.
        file: the name that it gets.
        sha256: hex digest that public documentation gives; None: none is given.
        md5: likewise.
        size_bytes: likewise.
        unpack: whether it is a zip or tar file to be unpacked.
    """

    url: str = Field(pattern=_LINK)
    file: str = Field(pattern=r"^\w[\w.-]*$")
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    md5: str | None = Field(default=None, pattern="^[0-9a-f]{32}$")
    size_bytes: Annotated[Count, Field(gt=0)] | None = None
    unpack: bool = True


class ExpectedCounts(Section):
    """What a complete copy holds; None: not known.

    Attributes:
        frames: frames with their masks, empty masks included.
        negatives: frames without a lesion.
        groups: patients or sequences.
    """

    frames: Annotated[Count, Field(gt=0)] | None = None
    negatives: Annotated[Count, Field(ge=0)] | None = None
    groups: Annotated[Count, Field(gt=0)] | None = None


class SiteCard(Section):
    """A way to read a site, and where its data come from.

    Attributes:
        title: the data set's name for people.
        citation: the publication that its owners ask to cite; None: there is none.
        licence: None for a folder of the user's own.
        home: its page.
        downloads: files that `mcdrl sites fetch` obtains; empty: to be obtained by hand, see `notes`.
        root: the site's root below the folder that it was fetched into.
        read: how to read it.
        expected: what a complete copy holds.
        notes: what a user has to know.
    """

    title: str = Field(min_length=1)
    citation: str | None = None
    licence: Licence | None = None
    home: str | None = Field(default=None, pattern=_LINK)
    downloads: list[Download] = Field(default_factory=list)
    root: str = "."
    read: Reading
    expected: ExpectedCounts = ExpectedCounts()
    notes: str = ""

    @model_validator(mode="after")
    def _licensed(self) -> SiteCard:
        if self.downloads and self.licence is None:
            raise ValueError("downloads need a licence, as a user has to accept it")
        return self


def card_names(folder: Path = SITE_CARDS) -> list[str]:
    """Return the names of all cards, sorted: of a project's own, elsewhere of those that come along."""
    return sorted(path.stem for path in own_or_shipped(folder).glob("*.yaml"))


def read_card(name: str, folder: Path = SITE_CARDS) -> SiteCard:
    """Read a card by its name.

    Raises:
        InputError: there is no such card, or it has errors, all of which are listed.
    """
    path = own_or_shipped(folder) / f"{name}.yaml"
    if name not in card_names(folder):
        raise InputError(f"there is no site card {path}; {nearest(name, card_names(folder))}")
    return validated(SiteCard, read_yaml(path), path)
