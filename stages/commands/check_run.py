"""Checking one site or all of them, and printing it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from stages.commands.check import check_site, site_of
from stages.commands.guess import guessed_or_given
from stages.commands.show_sites import show_verdict
from stages.core.base.errors import InputError
from stages.core.base.output import warn
from stages.core.base.params import Site, load
from stages.ingest.params import Params
from stages.ingest.summary import borders


def run_checks(path: Path, target: str | None, card: str | None, values: dict[str, Any], examples: int) -> bool:
    """Check and print; return whether every site could be ingested.

    Args:
        path: params.yaml.
        target: a site's name, or a folder; None: all sites.
        card: how to read a folder; None: it is guessed.
        values: keys of a site that a folder has beside its card.
        examples: files named for each kind of remark.

    Raises:
        InputError: params.yaml has errors, or `target` is neither a site nor a folder.
    """
    study, params = load("ingest", Params, path)
    chosen = dict(study.sites) if target is None else _one(target, study.sites, card, values)
    usable = True
    for name, site in chosen.items():
        try:
            verdict = check_site(name, site, params, study.lesion_classes, len(os.sched_getaffinity(0)), examples)
        except InputError as error:
            warn(f"error: {name}: {error}")
            usable = False
            continue
        show_verdict(verdict, borders(verdict.result))
    return usable


def _one(target: str, sites: dict[str, Site], card: str | None, values: dict[str, Any]) -> dict[str, Site]:
    if target in sites and (card or values):
        raise InputError(f"'{target}' is a site of params.yaml; its keys stand there, so leave the options out")
    if target in sites or not Path(target).is_dir():
        return dict([site_of(target, sites, {})])
    return dict([site_of(target, sites, {"card": guessed_or_given(card, Path(target)), **values})])
