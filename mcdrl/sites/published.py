"""Splits that were taken over from a file, instead of those that follow from the groups' names."""

from __future__ import annotations

import pandas as pd

from mcdrl.base.errors import InputError
from mcdrl.base.issues import Issue
from mcdrl.study.splits import straddling_group


def take_over(site: str, cases: pd.DataFrame, splits: pd.DataFrame) -> tuple[pd.DataFrame, list[Issue]]:
    """Return a site's cases with the splits of a file, and an issue for each row of it that no frame has asked for.

    Args:
        site: the site's name.
        cases: rows of cases.parquet.
        splits: rows of the file, of all sites; with none of this site the cases stay as they are.

    Raises:
        InputError: the file lacks a frame, or puts frames of one group of the site on both sides.
    """
    own = splits[splits["site"] == site]
    if own.empty:
        return cases, []
    sides = dict(zip(own["case_id"], own["split"], strict=True))
    missing = [case for case in cases["case_id"] if case not in sides]
    if missing:
        raise InputError(
            f"site {site}: the file of splits has rows for it, but none for {len(missing)} of its {len(cases)} frames, "
            f"the first '{missing[0]}'; add them, or take out all rows of the site to split it by name"
        )
    split = cases.assign(split=cases["case_id"].map(sides))
    problem = straddling_group(split)
    if problem:
        raise InputError(f"site {site}: by the file of splits, {problem}")
    known = set(cases["case_id"])
    return split, [Issue(case, "row of the splits without a frame", "") for case in sides if case not in known]
