"""The table of pairs of frames that are one picture."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import numpy as np
import pandas as pd

from mcdrl.artifacts.audit import PAIRS
from mcdrl.artifacts.store_contract import Array
from mcdrl.study.leaks import shared_frames
from mcdrl.study.sections.audit import Params
from stages.audit.alignment import correlations
from stages.audit.candidates import near_hashes
from stages.audit.prints import Prints
from stages.audit.symmetry import SYMMETRIES, inverse


def find_pairs(cases: pd.DataFrame, prints: Prints, params: Params) -> pd.DataFrame:
    """Return the rows of audit.parquet.

    Args:
        cases: rows of cases.parquet of all sites, [N].
        prints: of the same frames in the same order.
        params: the `audit` section.
    """
    candidates = near_hashes(prints.views, prints.wholes, params.hash_bits, params.exact_up_to)
    alike = correlations(prints.thumbs, candidates)
    kept = alike >= params.correlation
    near = _rows(
        candidates.zoomed[kept], candidates.whole[kept], "near", candidates.bits[kept], alike[kept],
        candidates.symmetry[kept],
    )  # fmt: skip
    equal = _identical(cases)
    pairs = pd.concat([equal, near], ignore_index=True).drop_duplicates(["first", "second"])
    return _described(pairs.sort_values(["first", "second"], ignore_index=True), cases, params.accepted)


def _identical(cases: pd.DataFrame) -> pd.DataFrame:
    place = {case: number for number, case in enumerate(cases["case_id"])}
    found = [
        pair
        for _, copies in shared_frames(cases).groupby("sha256")
        for pair in combinations([place[case] for case in copies["case_id"]], 2)
    ]
    first, second = np.array(found, dtype=np.int64).reshape(-1, 2).T
    none = np.zeros(len(found), np.int64)
    return _rows(first, second, "identical", none, np.ones(len(found), np.float32), none)


def _rows(one: Array, other: Array, kind: str, bits: Array, correlation: Array, symmetry: Array) -> pd.DataFrame:
    """Return rows of pairs; `symmetry` lays `other` on `one`."""
    laid = np.where(one <= other, symmetry, inverse(symmetry))
    return pd.DataFrame(
        {
            "first": np.minimum(one, other), "second": np.maximum(one, other), "kind": kind,
            "distance_bits": bits.astype(np.int32), "correlation": correlation.astype(np.float32),
            "symmetry": np.array(SYMMETRIES)[laid],
        }
    )  # fmt: skip


def _described(pairs: pd.DataFrame, cases: pd.DataFrame, accepted: Iterable[Iterable[str]]) -> pd.DataFrame:
    """Add the two frames' names and how they belong together."""
    a, b = (cases.iloc[pairs[side]].reset_index(drop=True) for side in ("first", "second"))
    same_site = a["site"] == b["site"]
    same_group = same_site & (a["group_id"] == b["group_id"])
    let_through = {frozenset(pair) for pair in accepted}
    sites = [frozenset(pair) for pair in zip(a["site"], b["site"], strict=True)]
    rows = pairs.assign(
        case_a=a["case_id"], case_b=b["case_id"], site_a=a["site"], site_b=b["site"], same_group=same_group,
        across=np.select([same_group, same_site], ["within_group", "across_groups"], "across_sites"),
        across_split=a["split"] != b["split"],
        accepted=[len(pair) == 2 and pair in let_through for pair in sites],
    )  # fmt: skip
    text = ["case_a", "case_b", "site_a", "site_b", "kind", "symmetry", "across"]
    flags = ["same_group", "across_split", "accepted"]
    return rows[list(PAIRS.schema.names)].astype(dict.fromkeys(text, "str") | dict.fromkeys(flags, "bool"))
