"""Checking one site or all of them, and printing it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mcdrl.base.errors import InputError
from mcdrl.base.folders import is_archive, no_folder
from mcdrl.base.output import say, warn
from mcdrl.base.runtime import usable_cores
from mcdrl.commands.project import WITHOUT, check_project, no_project
from mcdrl.commands.sites.check import check_site, site_of
from mcdrl.commands.sites.classes import new_classes, with_class
from mcdrl.commands.sites.guess import OWN, guessed_or_given, otherwise_read
from mcdrl.commands.sites.show_sites import show_verdict
from mcdrl.sites.summary import about_frames
from mcdrl.study.params import Site, Study, load, resolve
from mcdrl.study.paths import PARAMS, is_project, own_or_shipped
from mcdrl.study.sections.ingest import Params


def run_checks(
    target: str | None, card: str | None, values: dict[str, Any], examples: int, *, allow_refused: bool
) -> bool:
    """Check and print; return whether every site could be ingested, without refusing a file unless that is allowed.

    Outside of a project a folder is checked with the params.yaml that comes along, whose sites aren't the user's.

    Args:
        target: a site's name, or a folder; None: all sites.
        card: how to read a folder; None: it is guessed.
        values: keys of a site that a folder has beside its card.
        examples: files named for each kind of issue.
        allow_refused: whether sites of which a file is refused are all right.

    Raises:
        InputError: params.yaml has errors, or `target` is neither a site nor a folder.
    """
    if target is None:
        check_project()
    elif is_archive(Path(target)):
        raise InputError(f"{no_folder(target)}; give the folder that comes out")
    elif not Path(target).is_dir() and (lacking := no_project(Path())):
        raise InputError(f"'{target}' is no folder, and no site's name, as there is {lacking}; {WITHOUT}")
    study, params = load("ingest", Params, own_or_shipped(PARAMS))
    sites = dict(study.sites) if is_project() else {}
    chosen = sites if target is None else _one(target, sites, card, values)
    usable = True
    for name, site in chosen.items():
        try:
            classes = study.lesion_classes if sites.get(name) is site else _classes(study, site)
            verdict = check_site(name, site, params, classes, usable_cores(), examples)
        except InputError as error:
            own = name not in sites and card in (None, OWN)
            warn(f"error: {name}: {error}{otherwise_read(Path(site.root), values) if own else ''}")
            usable = False
            continue
        show_verdict(verdict, about_frames(verdict.result))
        refused = len(verdict.result.refused)
        if refused and not allow_refused:
            say(f"{name}: {refused} refused, hence exit code 2; --allow-refused makes it 0")
            usable = False
    return usable


def _classes(study: Study, site: Site) -> list[str]:
    """Return the lesion classes that a folder is checked with: the study's, and those that adding it would add."""
    added = new_classes(study.lesion_classes, resolve(site).classes())
    if added and is_project():
        told = f"new beside the study's {', '.join(study.lesion_classes)}; `mcdrl sites add` adds it"
        say(f"lesion class {', '.join(added)}: {told}")
    return [*study.lesion_classes, *added]


def _one(target: str, sites: dict[str, Site], card: str | None, values: dict[str, Any]) -> dict[str, Site]:
    if target in sites and (card or values):
        raise InputError(f"'{target}' is a site of params.yaml; its keys stand there, so leave the options out")
    if target in sites or not Path(target).is_dir():
        return dict([site_of(target, sites, {})])
    given = with_class({"card": guessed_or_given(card, Path(target), values), **values}, Path(target))
    return dict([site_of(target, sites, given)])
