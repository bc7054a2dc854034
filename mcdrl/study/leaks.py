"""Whether frames of one site are also at another, where they would leak into training: pure functions of tables."""

from __future__ import annotations

import pandas as pd

ACROSS = {
    "across_sites": "across sites", "across_groups": "across groups of a site", "within_group": "inside a group",
}  # fmt: skip
"""What the column `across` of audit.parquet says of a pair -> the same for people."""


def shared_frames(cases: pd.DataFrame) -> pd.DataFrame:
    """Return the frames whose pixels are found at more than one site.

    Leaving a site out proves nothing for a frame that another site has, too. Copies inside one site are quarantined
    while it is ingested.

    Args:
        cases: rows of cases.parquet of several sites; `case_id`, `site` and `sha256` are used.

    Returns:
        Columns `sha256, site, case_id`, one row a frame, copies below each other; empty if there are none.
    """
    sites = cases.groupby("sha256")["site"].transform("nunique")
    shared = cases.loc[sites > 1, ["sha256", "site", "case_id"]]
    return shared.sort_values(["sha256", "case_id"], ignore_index=True)


def crossing(pairs: pd.DataFrame, held_out: str) -> pd.DataFrame:
    """Return the pairs of frames of which one is at the held-out site and one at a source site.

    Args:
        pairs: rows of audit.parquet.
        held_out: the site that is left out.
    """
    return pairs[(pairs["site_a"] == held_out) != (pairs["site_b"] == held_out)]


def straddling(pairs: pd.DataFrame, held_out: str | None) -> set[str]:
    """Return the frames of the source sites that have a copy on the other side of training and validation.

    Args:
        pairs: rows of audit.parquet.
        held_out: the site that is left out, whose frames are neither; None: none is.
    """
    sources = pairs[pairs["across_split"] & (pairs["site_a"] != held_out) & (pairs["site_b"] != held_out)]
    return {*sources["case_a"], *sources["case_b"]}


def own_frames(pairs: pd.DataFrame, site: str) -> set[str]:
    """Return the frames of a site that are among the pairs."""
    return {*pairs.loc[pairs["site_a"] == site, "case_a"], *pairs.loc[pairs["site_b"] == site, "case_b"]}


def containment(pairs: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """Return how much of a site is at another site, too.

    Args:
        pairs: rows of audit.parquet.
        cases: rows of cases.parquet of the same sites.

    Returns:
        Columns `site, other, shared, frames, share`: of a site's `frames`, how many have a copy at `other`; only sites
        that share something, the largest share first.
    """
    across = pairs[pairs["across"] == "across_sites"]
    sides = [("case_a", "site_a", "site_b"), ("case_b", "site_b", "site_a")]
    both = pd.concat([across[list(names)].set_axis(["case_id", "site", "other"], axis=1) for names in sides])
    rows = both.groupby(["site", "other"], as_index=False).agg(shared=("case_id", "nunique"))
    frames = rows["site"].map(cases["site"].value_counts()).astype("int64")
    rows = rows.assign(frames=frames, share=rows["shared"] / frames)
    return rows.sort_values(["share", "site", "other"], ascending=[False, True, True], ignore_index=True)
