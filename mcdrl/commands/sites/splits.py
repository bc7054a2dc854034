"""`mcdrl sites splits`: taking the splits out as a file, and taking over a published one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from mcdrl.artifacts.audit import SPLITS
from mcdrl.artifacts.cases import CASES
from mcdrl.base.choices import nearest
from mcdrl.base.errors import InputError
from mcdrl.sites.published import take_over
from mcdrl.study.params import load_study
from mcdrl.study.paths import ARTIFACTS, IMPORTED, IngestedFiles, audit_files, ingest_folder
from mcdrl.study.splits import COLUMNS, read_splits, write_splits

INGESTED = ingest_folder(ARTIFACTS)
COMPUTED = audit_files(ARTIFACTS).splits


def export_splits(target: Path, computed: Path = COMPUTED) -> int:
    """Write the splits of all sites, as the pipeline uses them, to a CSV file.

    Returns:
        The number of frames.

    Raises:
        InputError: the pipeline hasn't made them yet, or `target` is something else than a file of splits.
    """
    rows = SPLITS.read(computed)
    if target.exists():
        _check_replaceable(target)
    write_splits(rows, target)
    return len(rows)


def import_splits(source: Path, params: Path) -> dict[str, int]:
    """Take over the splits in a CSV file, instead of any taken over before.

    Args:
        source: the file.
        params: params.yaml, whose sites the file may name.

    Returns:
        Site -> number of frames.

    Raises:
        InputError: the file can't be used, has no row, names a site that params.yaml doesn't have, or
            lacks a frame of a site.
    """
    rows = read_splits(source)
    sites = load_study(params).sites
    if rows.empty:
        raise InputError(f"{source} has no rows; `mcdrl sites splits --reset` goes back to splits by name")
    for site in dict.fromkeys(rows["site"]):
        if site not in sites:
            raise InputError(f"{source} names the site '{site}', which {params} lacks; {nearest(site, sites)}")
        if site not in unseen([site]):
            _compare(site, rows)
    write_splits(rows, IMPORTED)
    return {str(site): int(count) for site, count in rows["site"].value_counts(sort=False).items()}


def unseen(sites: Iterable[str]) -> list[str]:
    """Return the sites whose frames the pipeline hasn't read yet."""
    return [site for site in sites if not IngestedFiles(INGESTED / site).cases.is_file()]


def _check_replaceable(target: Path) -> None:
    if not target.is_file():
        raise InputError(f"{target} is no regular file; choose another name")
    if not target.stat().st_size:
        return
    try:
        read_splits(target)
    except InputError as error:
        raise InputError(f"{target} isn't replaced, as it doesn't hold splits ({error}); choose another name") from None


def _compare(site: str, rows: pd.DataFrame) -> None:
    try:
        take_over(site, CASES.read(IngestedFiles(INGESTED / site).cases), rows)
    except InputError as error:
        raise InputError(f"{error}; if its folder has changed: dvc repro ingest@{site} first") from None


def reset_splits() -> None:
    """Forget what was taken over: all sites are split by the names of their groups."""
    write_splits(pd.DataFrame(columns=COLUMNS, dtype="str"), IMPORTED)
