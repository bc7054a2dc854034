"""One row of what was looked at."""

from __future__ import annotations

from dataclasses import dataclass

OK, NOTE, PROBLEM = "ok", "note", "PROBLEM"


@dataclass(frozen=True)
class Check:
    """One row.

    Attributes:
        what: what was looked at.
        status: ok, note (works, or will once `dvc repro` has run) or PROBLEM.
        found: how it is.
        fix: what to do; empty when nothing is to be done.
    """

    what: str
    status: str
    found: str
    fix: str = ""


def problems(checks: list[Check]) -> int:
    """Return how many checks found a problem."""
    return sum(check.status == PROBLEM for check in checks)
