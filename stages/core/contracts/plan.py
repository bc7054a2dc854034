"""artifacts/plan/<name>.json: what a name in `methods` stands for, to the last number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from stages.core.base.errors import InputError, nearest
from stages.core.base.files import read_json, write_json
from stages.core.base.params import method_files
from stages.core.base.section import Section, sentences


class Plan(Section):
    """One variant of the study.

    Attributes:
        variant: its name.
        method: a file's name in stages/core/methods.
        code: hex digest of that file and of the methods' files that it imports.
        train: the whole section `train`, as it is for this variant.
    """

    variant: str
    method: str
    code: str
    train: dict[str, Any]


def plan_path(artifacts: Path, variant: str) -> Path:
    """Return where a variant's plan is below the artifacts folder."""
    return artifacts / "plan" / f"{variant}.json"


def write_plan(plan: Plan, path: Path) -> None:
    """Write a plan."""
    write_json(plan.model_dump(), path)


def read_plan(path: Path) -> Plan:
    """Read a plan.

    Raises:
        InputError: it is missing or damaged, or another variant's.
    """
    try:
        plan = Plan.model_validate(read_json(path))
    except ValidationError as error:
        problem = sentences(error, "", Plan)[0]
    else:
        problem = _problem(plan, path)
    if problem:
        raise InputError(f"{path} is damaged ({problem}); delete it and run `dvc repro plan`")
    return plan


def _problem(plan: Plan, path: Path) -> str:
    if plan.variant != path.stem:
        return f"it is the plan of '{plan.variant}'"
    if plan.method not in method_files():
        return f"method: unknown '{plan.method}'; {nearest(plan.method, method_files())}"
    return ""
