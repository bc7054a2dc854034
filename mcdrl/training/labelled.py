"""Which frames of the source sites may show their masks: a share of them, drawn by the seed, whole groups."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from mcdrl.base.seeds import generator


def labelled_cases(cases: pd.DataFrame, share: float, seed: int) -> frozenset[str]:
    """Return the frames whose masks and lesion classes may be used.

    Of each site and split groups are taken until they have that share of the frames, at least one; with one seed those
    of a smaller share are among those of a larger one. Nothing but names says which, so no label does.

    Args:
        cases: the source frames: case_id, site, group_id, split.
        share: above 0 up to 1.
        seed: of the training.
    """
    parts = cases.groupby(["site", "split"])
    drawn = (_drawn(rows, share, seed, str(site), str(split)) for (site, split), rows in parts)
    return frozenset(case for part in drawn for case in part)


def _drawn(rows: pd.DataFrame, share: float, seed: int, *place: str) -> Iterator[str]:
    names, member = np.unique(rows["group_id"].to_numpy(str), return_inverse=True)
    order = generator("labelled", seed, *place).permutation(len(names))
    sizes = np.bincount(member)[order]
    taken = np.zeros(len(names), bool)
    taken[order[np.cumsum(sizes) - sizes < share * len(rows)]] = True
    yield from rows["case_id"][taken[member]]
