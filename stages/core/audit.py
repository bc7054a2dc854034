"""Whether frames of one site are also at another, where they would leak into training."""

from __future__ import annotations

import pandas as pd


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
