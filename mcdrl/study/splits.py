"""Splits as a CSV file, to publish and to take over: which frame of a site trains and which chooses the epoch.

The file has a header and the columns `case_id, site, group_id, split`. A site without a row in it is split by the
names of its groups; a file with nothing but the header says that of all sites. A name that a spreadsheet would compute,
such as `=1`, has an apostrophe in front, which belongs to the file and not to the name.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from mcdrl.base.errors import InputError, shown
from mcdrl.base.files import atomic, regular
from mcdrl.base.text import from_spreadsheet_cell, spreadsheet_cell

COLUMNS = ["case_id", "site", "group_id", "split"]
SIDES = ("train", "val")
_ANEW = "`mcdrl sites splits --reset` writes one without rows"


def read_splits(path: Path) -> pd.DataFrame:
    """Read a file of splits.

    Returns:
        The four columns as text, a row a frame, in the file's order.

    Raises:
        InputError: the file is missing or no CSV, lacks a column or a value, names a frame twice, says something other
            than train or val, or has a group on both sides.
    """
    try:
        rows = pd.read_csv(regular(path), dtype="str", encoding="utf-8-sig", keep_default_na=False)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; {_ANEW}") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no CSV file in UTF-8 ({str(error).strip()}); {_ANEW}") from None
    if not isinstance(rows.index, pd.RangeIndex):
        raise InputError(f"{path} has lines with more cells than its header")
    if sorted(rows.columns) != sorted(COLUMNS):
        raise InputError(f"{path} has the columns {shown(list(rows.columns))}, expected {COLUMNS}; {_ANEW}")
    rows = rows[COLUMNS].fillna("").map(from_spreadsheet_cell)
    problem = _problem(rows)
    if problem:
        raise InputError(f"{path}: {problem}")
    return rows


def write_splits(rows: pd.DataFrame, path: Path) -> None:
    """Write the four columns of `rows`, sorted by frame, as CSV; equal splits give equal bytes."""
    with atomic(path) as partial:
        ordered = rows[COLUMNS].sort_values(["site", "case_id"]).map(spreadsheet_cell)
        ordered.to_csv(partial, index=False, lineterminator="\n", encoding="utf-8")


def _problem(rows: pd.DataFrame) -> str:
    empty = rows[(rows == "").any(axis=1)]
    if len(empty):
        return f"line {empty.index[0] + 2} has an empty cell"
    twice = rows[rows["case_id"].duplicated()]
    if len(twice):
        return f"the frame '{twice['case_id'].iloc[0]}' stands there twice"
    elsewhere = rows[rows["case_id"].str.partition("/")[0] != rows["site"]] if len(rows) else rows
    if len(elsewhere):
        first = elsewhere.iloc[0]
        return f"the frame '{first['case_id']}' is not of site '{first['site']}'; a case_id is SITE/NAME"
    other = rows[~rows["split"].isin(SIDES)]
    if len(other):
        return f"the split of '{other['case_id'].iloc[0]}' is '{other['split'].iloc[0]}', expected train or val"
    return straddling_group(rows)


def straddling_group(rows: pd.DataFrame) -> str:
    """Return a sentence on the first group that is on both sides of its site's split; empty if none is."""
    sides = rows.groupby(["site", "group_id"], sort=False)["split"].nunique()
    both = sides[sides > 1]
    if both.empty:
        return ""
    site, group = both.index[0]
    return (
        f"{len(both)} group(s) of frames are in train and in val, the first '{group}' of site {site}; keep groups whole"
    )
