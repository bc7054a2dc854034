"""All checks, in the order of the table."""

from __future__ import annotations

from pathlib import Path

from mcdrl.commands.doctor.check import Check, problems
from mcdrl.commands.doctor.machine import room, tools
from mcdrl.commands.doctor.repository import absent, lock, repository, stale
from mcdrl.commands.doctor.study import study_checks
from mcdrl.commands.project import no_project


def examine(root: Path) -> list[Check]:
    """Look at the machine and at the repository in `root`; at the machine alone where there is none."""
    if no_project(root):
        return [*tools(), *room(root), absent(root)]
    here = [*room(root), repository(root), *lock(root), *study_checks(root)]
    return [*tools(), *here] if problems(here) else [*tools(), *here, stale(root)]
