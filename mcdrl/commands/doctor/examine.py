"""All checks, in the order of the table."""

from __future__ import annotations

from pathlib import Path

from mcdrl.commands.doctor.check import Check, problems
from mcdrl.commands.doctor.machine import room, tools
from mcdrl.commands.doctor.repository import lock, repository, stale
from mcdrl.commands.doctor.study import study_checks


def examine(root: Path) -> list[Check]:
    """Look at the machine and at the repository in `root`."""
    here = [*room(root), repository(root), *lock(root), *study_checks(root)]
    return [*tools(), *here] if problems(here) else [*tools(), *here, stale(root)]
