"""`mcdrl sites splits`: taking the splits out as a file, and taking over a published one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from stages.core.base.errors import InputError, nearest
from stages.core.base.params import check, read_params
from stages.core.contracts.audit import SPLITS
from stages.core.splits import COLUMNS, read_splits, write_splits

COMPUTED = Path("artifacts/audit/splits.parquet")
IMPORTED = Path("data/splits.csv")


def export_splits(target: Path, computed: Path = COMPUTED) -> int:
    """Write the splits of all sites, as the pipeline uses them, to a CSV file.

    Returns:
        The number of frames.

    Raises:
        InputError: the pipeline hasn't made them yet.
    """
    rows = SPLITS.read(computed)
    write_splits(rows, target)
    return len(rows)


def import_splits(source: Path, params: Path, imported: Path = IMPORTED) -> dict[str, int]:
    """Take over the splits in a CSV file, instead of any taken over before.

    Args:
        source: the file.
        params: params.yaml, whose sites the file may name.
        imported: where the pipeline reads them.

    Returns:
        Site -> number of frames.

    Raises:
        InputError: the file can't be used, has no row, or names a site that params.yaml doesn't have.
    """
    rows = read_splits(source)
    sites = check(read_params(params), params).sites
    if rows.empty:
        raise InputError(f"{source} has no rows; `mcdrl sites splits --reset` goes back to splits by name")
    for site in dict.fromkeys(rows["site"]):
        if site not in sites:
            raise InputError(f"{source} names the site '{site}', which {params} lacks; {nearest(site, sites)}")
    write_splits(rows, imported)
    return {str(site): int(count) for site, count in rows["site"].value_counts(sort=False).items()}


def reset_splits(imported: Path = IMPORTED) -> None:
    """Forget what was taken over: all sites are split by the names of their groups."""
    write_splits(pd.DataFrame(columns=COLUMNS, dtype="str"), imported)
