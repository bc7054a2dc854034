"""artifacts/plan: what names in `methods` stand for, what all of them read, how sites are read, what code means.

A bit that was flipped on the disk must not pass for a plan, so each JSON file carries a digest of what it says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from mcdrl.base.errors import InputError
from mcdrl.base.files import atomic, read_json, write_json
from mcdrl.base.section import Section, sentences
from mcdrl.base.view_rule import ViewRule
from mcdrl.study.flips import Flip
from mcdrl.study.reading import Reading

P = TypeVar("P", bound=Section)
_DIGEST = "digest"


class VariantPlan(Section):
    """One variant of the study.

    Attributes:
        variant: its name.
        method: a file's name in mcdrl/methods.
        code: hex digest of what the method's code means, see `mcdrl.study.code`.
        params: the method's own numbers, as they are for this variant.
        train: the whole section `train`, as it is for this variant.
        flips: in which ways its training mirrors frames, as `mcdrl.imaging.flips` names them.
    """

    variant: str
    method: str
    code: str
    params: dict[str, Any]
    train: dict[str, Any]
    flips: list[Flip] = Field(default_factory=list)


class Views(Section):
    """artifacts/plan/views.json: what of the sites' frames is looked at.

    Attributes:
        view: site -> the rule, as `Reading` has it.
    """

    view: dict[str, ViewRule]


class EncodePlan(Section):
    """artifacts/plan/encode.json: what the study reads of features beside dense map and image vector.

    Attributes:
        maps: whether the intermediate maps and the prefix are read.
        flips: the mirrored frames whose features are read, all of them.
    """

    maps: bool
    flips: list[Flip]


class SitePlan(Section):
    """One site of the study.

    Attributes:
        site: its name.
        root: its folder, relative to the repository or absolute.
        reading: how it is read, card and the site's own keys in one.
    """

    site: str
    root: str
    reading: Reading


def write_code(code: str, path: Path) -> None:
    """Write the digest of a stage's code."""
    with atomic(path) as partial:
        partial.write_text(f"{code}\n", encoding="utf-8")


def write_plan(plan: VariantPlan | EncodePlan | SitePlan | Views, path: Path) -> None:
    """Write a plan, with a digest of it; a site's mappings keep their order, which rows of its tables may follow."""
    value = plan.model_dump()
    write_json({**value, _DIGEST: _digest(value)}, path, sort_keys=not isinstance(plan, SitePlan))


def read_plan(path: Path) -> VariantPlan:
    """Read a variant's plan.

    Raises:
        InputError: it is missing or damaged, or another variant's.
    """
    plan = _read(VariantPlan, path)
    if plan.variant != path.stem:
        raise _damaged(path, f"it is the plan of '{plan.variant}'")
    return plan


def read_encoding(path: Path) -> EncodePlan:
    """Read the plan of stage `encode`.

    Raises:
        InputError: it is missing or damaged.
    """
    return _read(EncodePlan, path)


def read_site_plan(path: Path, site: str) -> SitePlan:
    """Read a site's plan.

    Args:
        path: the file.
        site: whose it is to be.

    Raises:
        InputError: it is missing or damaged, or another site's.
    """
    plan = _read(SitePlan, path)
    if plan.site != site:
        raise _damaged(path, f"it is the plan of '{plan.site}'")
    return plan


def read_views(path: Path, sites: Sequence[str]) -> list[ViewRule]:
    """Read what of the frames of some sites is looked at.

    Raises:
        InputError: the file is missing or damaged, or lacks a site.
    """
    view = _read(Views, path).view
    lacking = [site for site in sites if site not in view]
    if lacking:
        raise _damaged(path, f"it lacks the site '{lacking[0]}'")
    return [view[site] for site in sites]


def _read(kind: type[P], path: Path) -> P:
    value = read_json(path, "run `dvc repro plan`")
    digest = value.pop(_DIGEST, None)
    try:
        plan = kind.model_validate(value)
    except ValidationError as error:
        raise _damaged(path, sentences(error, "", kind)[0]) from None
    if digest != _digest(value):
        raise _damaged(path, "its digest doesn't fit what it says, or another version wrote it")
    return plan


def _digest(value: dict[str, Any]) -> str:
    """Return the hex SHA-256 of what a plan says."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _damaged(path: Path, problem: str) -> InputError:
    return InputError(f"{path} is damaged ({problem}); delete it and run `dvc repro plan`")
