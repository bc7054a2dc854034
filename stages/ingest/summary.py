"""What a person reads when a site is done."""

from __future__ import annotations

from stages.ingest.remarks import grouped
from stages.ingest.site import Ingested


def summary(site: str, result: Ingested) -> str:
    """Return what was accepted, what was refused and why, and what is odd: a line each."""
    cases = result.cases
    sides = cases["split"].value_counts()
    lines = [
        f"{site}: {len(cases)} frames accepted, {int(cases['lesion_class'].isna().sum())} of them without a lesion, "
        f"in {cases['group_id'].nunique()} groups: {sides.get('train', 0)} train, {sides.get('val', 0)} val; "
        f"{len(result.refused)} in quarantine"
    ]
    lines += [f"  quarantine: {line}" for line in grouped(result.refused)]
    lines += [f"  note: {line}" for line in grouped(result.notes)]
    return "\n".join(lines)
