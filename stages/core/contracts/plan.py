"""artifacts/plan: what each name in `methods` stands for, to the last number, and what all of them read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from stages.core.base.errors import InputError, nearest
from stages.core.base.files import read_json, write_json
from stages.core.base.params import method_files
from stages.core.base.section import Section, sentences

P = TypeVar("P", bound=Section)


class Plan(Section):
    """One variant of the study.

    Attributes:
        variant: its name.
        method: a file's name in stages/core/methods.
        code: hex digest of that file and of the methods' files that it imports.
        train: the whole section `train`, as it is for this variant.
        flips: in which ways its training mirrors frames, as `stages.core.flips` names them.
    """

    variant: str
    method: str
    code: str
    train: dict[str, Any]
    flips: list[str] = Field(default_factory=list)


class Encoding(Section):
    """artifacts/plan/stages/encode.json: what the study reads of features beside dense map and image vector.

    Attributes:
        maps: whether the intermediate maps and the prefix are read.
        flips: the mirrored frames whose features are read, all of them.
    """

    maps: bool
    flips: list[str]


def plan_path(artifacts: Path, variant: str) -> Path:
    """Return where a variant's plan is below the artifacts folder."""
    return artifacts / "plan" / f"{variant}.json"


def encoding_path(plans: Path) -> Path:
    """Return where the plan of stage `encode` is below the folder of the plans; no variant can be called like it."""
    return plans / "stages" / "encode.json"


def write_plan(plan: Plan | Encoding, path: Path) -> None:
    """Write a plan."""
    write_json(plan.model_dump(), path)


def read_plan(path: Path) -> Plan:
    """Read a variant's plan.

    Raises:
        InputError: it is missing or damaged, or another variant's.
    """
    plan = _read(Plan, path)
    problem = _problem(plan, path)
    if problem:
        raise _damaged(path, problem)
    return plan


def read_encoding(path: Path) -> Encoding:
    """Read the plan of stage `encode`.

    Raises:
        InputError: it is missing or damaged.
    """
    return _read(Encoding, path)


def _read(kind: type[P], path: Path) -> P:
    try:
        return kind.model_validate(read_json(path))
    except ValidationError as error:
        raise _damaged(path, sentences(error, "", kind)[0]) from None


def _damaged(path: Path, problem: str) -> InputError:
    return InputError(f"{path} is damaged ({problem}); delete it and run `dvc repro plan`")


def _problem(plan: Plan, path: Path) -> str:
    if plan.variant != path.stem:
        return f"it is the plan of '{plan.variant}'"
    if plan.method not in method_files():
        return f"method: unknown '{plan.method}'; {nearest(plan.method, method_files())}"
    return ""
