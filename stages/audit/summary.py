"""What a person reads when the audit is done."""

from __future__ import annotations

import pandas as pd

from mcdrl.artifacts.audit import IDENTITY
from mcdrl.study.leaks import ACROSS, containment


def summary(pairs: pd.DataFrame, cases: pd.DataFrame) -> str:
    """Return how many pairs were found where, and which sites share frames: a line each."""
    lines = [f"{len(cases)} frames of {cases['site'].nunique()} sites, {len(pairs)} pairs that are one picture"]
    for name, words in reversed(ACROSS.items()):
        own = pairs[pairs["across"] == name]
        equal, turned = (own["kind"] == "identical").sum(), (own["symmetry"] != IDENTITY).sum()
        lines.append(f"  {words}: {len(own)} ({equal} of equal pixels, {turned} mirrored or turned)")
    lines.append(
        f"  across training and validation: {pairs['across_split'].sum()} (validation does without these frames)"
    )
    lines += [
        f"  {row['site']}: {row['shared']} of {row['frames']} frames are at {row['other']}, too ({row['share']:.1%})"
        for row in containment(pairs, cases).to_dict("records")
    ]
    return "\n".join(lines)
