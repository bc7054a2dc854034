"""No training on frames of the held-out site, and no validation on copies of training frames."""

from __future__ import annotations

from pathlib import Path

from mcdrl.artifacts.audit import PAIRS
from mcdrl.base.errors import InputError
from mcdrl.study.leaks import crossing, own_frames, straddling


def check_leaks(path: Path, held_out: str | None) -> int:
    """Stop where a frame of the held-out site is among the source sites, unless params.yaml accepts that.

    Args:
        path: audit.parquet.
        held_out: the site that is left out; None: none is, so that none of it can be anywhere else.

    Returns:
        How many of the held-out site's frames are at a source site, too, all of them accepted.

    Raises:
        InputError: there are such frames, or the file is missing or damaged.
    """
    if held_out is None:
        return 0
    pairs = crossing(PAIRS.read(path), held_out)
    leaks = pairs[~pairs["accepted"]]
    if leaks.empty:
        return len(own_frames(pairs, held_out))
    first = leaks.iloc[0]
    sites = sorted(set(zip(leaks["site_a"], leaks["site_b"], strict=True)))
    accepted = ", ".join(f"[{one}, {other}]" for one, other in sites)
    raise InputError(
        f"{len(leaks)} pair(s) of frames cross the border of the held-out site '{held_out}', so it is not unseen; the "
        f"first: {first['case_a']} and {first['case_b']} ({first['kind']}); remove the copies from one of the sites "
        f"({path} lists them), or accept them by adding {accepted} to audit.accepted in params.yaml: every table will "
        "then say so"
    )


def copies_across_split(path: Path, held_out: str | None) -> set[str]:
    """Return the frames of the source sites, at one or at two of them, with a copy across training and validation.

    Args:
        path: audit.parquet.
        held_out: the site that is left out; None: none is.

    Raises:
        InputError: the file is missing or damaged.
    """
    return straddling(PAIRS.read(path), held_out)
