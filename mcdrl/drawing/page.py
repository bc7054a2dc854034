"""A page in one file: its frame, sections and warnings, with style and script inside and no link to the outside.

A section is a template of the caller's package, in a folder `templates`. It finds the macros of `macros.html` as `m`
(`m.table`, `m.chart`, `m.panels`, `m.shots`, `m.legend`, `m.switch`, `m.flag`), which draw what `html_tables`,
`charts`, `plots` and `overlays` give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mcdrl.base.text import printable

_PACKAGE = "mcdrl.drawing"


@dataclass(frozen=True)
class PageSection:
    """A part of a page.

    Attributes:
        name: its anchor.
        title: in the navigation.
        html: the element `section`, whose id is the name.
        whole: file with all of it, beside the page, where `html` is shortened; empty where it isn't.
    """

    name: str
    title: str
    html: Markup
    whole: str = ""


@dataclass(frozen=True)
class Notice:
    """What is said above all sections.

    Attributes:
        title: a few words.
        words: sentences; text is escaped.
        alarm: whether no figure of the page may be read without it.
    """

    title: str
    words: str | Markup
    alarm: bool


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        title: the page in one sentence.
        eyebrow: what kind of page it is, above the title.
        lead: what was done, below the title; text is escaped.
        notices: said above all sections.
        sections: in their order; the first is what a reader comes for.
        footer: the last line.
    """

    title: str
    eyebrow: str
    lead: str | Markup
    notices: Sequence[Notice]
    sections: Sequence[PageSection]
    footer: str

    def html(self) -> str:
        """Return the page as HTML."""
        return _environment(_PACKAGE).get_template("page.html").render(page=self)


def templates(package: str, flags: Sequence[str] = ()) -> Environment:
    """Return the section templates of a package, which find the macros as `m`.

    Args:
        package: dotted name; its templates lie in a folder `templates`.
        flags: warnings that stand beside every table, as `m.flag` shows them.
    """
    environment = _environment(package)
    macros = _environment(_PACKAGE).get_template("macros.html")
    environment.globals["m"] = macros.make_module({"flags": list(flags)})
    return environment


def _environment(package: str) -> Environment:
    return Environment(
        loader=PackageLoader(package, "templates"), autoescape=True, undefined=StrictUndefined, finalize=_printable,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def _printable(value: Any) -> Any:
    """Return what a template shows, such as a file's name, without what turns text round or hides in it."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
