"""`mcdrl sites`: which sites the study has, adding and removing them without disturbing params.yaml's comments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mcdrl.base.choices import nearest
from mcdrl.base.errors import InputError
from mcdrl.base.folders import matching, no_folder
from mcdrl.base.section import sentences
from mcdrl.commands.sites.classes import add_classes, drop_classes
from mcdrl.study.editing import edited, in_braces, plain, put_list
from mcdrl.study.params import Site, load_study, resolve, unfit_site_name
from mcdrl.study.paths import RENDERED

MADE = ("phantom",)  # cards of sites whose folders `dvc repro` makes


def list_sites(path: Path) -> list[tuple[str, Site, bool]]:
    """Return (name, site, whether it is held out in turn) in the order of params.yaml."""
    study = load_study(path)
    return [(name, site, name in study.held_out) for name, site in study.sites.items()]


def add_site(path: Path, name: str, values: dict[str, Any], *, hold_out: bool = True) -> list[str]:
    """Write one more site into params.yaml; the file stays as it was if the result would not be valid.

    Classes of its lesions that the study doesn't have yet are added to it.

    Args:
        path: params.yaml.
        name: the site's name; see `unfit_site_name`.
        values: the keys of `Site` that differ from their defaults.
        hold_out: leave the site out in its turn, too.

    Returns:
        The lesion classes that were added.

    Raises:
        InputError: the name or the values can't be used, or the site is there already.
    """
    problem = unfit_site_name(name)
    if problem is not None:
        raise InputError(problem)
    site = site_from(name, values)
    _check_root(site)
    with edited(path) as params:
        if name in params["sites"]:
            raise InputError(f"{path} already has a site '{name}'; remove it first: mcdrl sites remove {name}")
        _check_new(params, name, site)
        params["sites"][name] = in_braces({**values, **_sortable(site)})
        if hold_out:
            put_list(params["held_out"], [*params["held_out"], name])
        return add_classes(params, resolve(site).classes())


def set_site(path: Path, name: str, values: dict[str, Any]) -> list[str]:
    """Change keys of a site in params.yaml; the file stays as it was if the result would not be valid.

    Args:
        path: params.yaml.
        name: of the site.
        values: key -> its new value; None takes the key out, so that the card's value counts.

    Returns:
        The lesion classes that were added.

    Raises:
        InputError: there is no such site, or the values can't be used.
    """
    with edited(path) as params:
        entry = _entry(path, params, name)
        for key, value in values.items():
            if value is None:
                entry.pop(key, None)
            else:
                entry[key] = value
        site = site_from(name, plain(entry))
        _check_root(site)
        _check_new(params, name, site)
        entry.update({key: value for key, value in _sortable(site).items() if key in values})
        return add_classes(params, resolve(site).classes())


def _entry(path: Path, params: Any, name: str) -> Any:
    if name not in params["sites"]:
        raise InputError(f"{path} has no site '{name}'; {nearest(name, params['sites'])}")
    return params["sites"][name]


def _sortable(site: Site) -> dict[str, Any]:
    """Return `mask_values` with its keys as texts, which DVC can sort whatever joins them; else nothing."""
    return {} if site.mask_values is None else {"mask_values": site.mask_values}


def _check_root(site: Site) -> None:
    root, reading = Path(site.root), resolve(site)
    if site.card in MADE and (root.is_relative_to(RENDERED) or not root.is_dir()):
        return
    if not root.is_dir():
        raise InputError(f"{no_folder(site.root)}; give the folder that holds the site's frames and masks")
    if reading.table is not None and not (root / reading.table).is_file():
        raise InputError(
            f"there is no {root / reading.table}, the table of card '{site.card}' or of the site's own keys"
        )
    pattern = reading.annotations
    if pattern is not None and "{" not in pattern and not matching(root, pattern):
        raise InputError(f"there is no file {pattern} in {root}, as annotations says")


def _check_new(params: Any, name: str, site: Site) -> None:
    others = {other: site_from(other, plain(entry)) for other, entry in params["sites"].items() if other != name}
    for other in same_frames(site, others):
        raise InputError(
            f"site '{other}' has the frames of {site.root} already; one training would see what another is judged by. "
            f"To read them otherwise: mcdrl sites set {other}"
        )


def same_frames(site: Site, others: Mapping[str, Site], root: Path = Path()) -> list[str]:
    """Return the names of other sites that take the same files of the same folder for frames, whatever their masks.

    Tables and annotations may choose among the files, so sites that differ in them count as different here; the audit
    looks at the pixels.

    Args:
        site: of params.yaml.
        others: its other sites.
        root: of the project.
    """
    own = _frames_of(site, root)
    return [name for name, other in others.items() if _frames_of(other, root) == own]


def _frames_of(site: Site, root: Path) -> tuple[object, ...]:
    reading = resolve(site)
    return (root / site.root).resolve(), reading.images, reading.table_rows, reading.annotations, reading.polygons


def site_from(name: str, values: dict[str, Any]) -> Site:
    """Return a site from its keys, which together with its card must say all that is needed.

    Raises:
        InputError: they don't, or a key or value is wrong.
    """
    try:
        site = Site.model_validate(values)
    except ValidationError as error:
        raise InputError(f"site {name}: " + "; ".join(sentences(error, "", Site))) from None
    try:
        resolve(site)
    except InputError as error:
        also = ", or --lesion-class for a single class" if "lesion_class" in str(error) else ""
        raise InputError(f"site {name}: {error} (keys: --set KEY=VALUE{also})") from None
    return site


def remove_sites(path: Path, names: list[str]) -> list[str]:
    """Take sites out of params.yaml, and out of `held_out`; and the lesion classes that none of those left can have.

    Returns:
        The classes that were taken out.

    Raises:
        InputError: a site isn't there, or too few would be left.
    """
    with edited(path) as params:
        removed = {name: plain(_entry(path, params, name)) for name in names}  # all of them are there, or none goes
        for name in removed:
            del params["sites"][name]
            put_list(params["held_out"], [site for site in params["held_out"] if site != name])
        if len(params["sites"]) < 2:
            left = "".join(f"only '{name}'" for name in params["sites"]) or "no site"
            raise InputError(
                f"{left} would be left, leaving one out needs at least 2; add yours first: mcdrl sites add NAME ROOT"
            )
        return drop_classes(params, removed.values())
