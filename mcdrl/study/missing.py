"""Sentences on keys of params.yaml that aren't there: what the shipped file has, and where a key has moved to."""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import cache
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from mcdrl.base.section import sentence
from mcdrl.base.strict_yaml import load_yaml
from mcdrl.study.paths import PARAMS, shipped

_SHOWN = 300  # letters of a value
_OF_MCDRL = (
    "depth", "heads", "residual", "dictionary", "regions", "lambda_causal", "lambda_contrast", "temperature",
)  # fmt: skip
MOVED = {key: "mcdrl" for key in _OF_MCDRL} | {
    "lambda_adversarial": "causalclipseg",
    "prior": "mcdrl_averaged",
    "sum_over": "viewpoint",
}  # key that stood in `train` -> the method whose own it is


def told(
    error: ValidationError,
    prefix: str,
    kind: type[BaseModel],
    *,
    own: Collection[str] | None = None,
) -> list[str]:
    """Return a sentence for each problem of a part of params.yaml.

    Args:
        error: of that part.
        prefix: where it stands, such as "train.".
        kind: its type.
        own: keys that stand, or should stand, in this part itself; problems of those that it inherits are told where
            they stand. None: all of them do.
    """
    found: list[dict[str, Any]] = [dict(problem) for problem in error.errors()]
    ours = [problem for problem in found if own is None or not problem["loc"] or problem["loc"][0] in own]
    return [_sentence(problem, prefix, kind) for problem in ours]


def _sentence(problem: dict[str, Any], prefix: str, kind: type[BaseModel]) -> str:
    said, key = sentence(problem, prefix, kind), str(problem["loc"][0] if problem["loc"] else "")
    if problem["type"] == "extra_forbidden" and prefix.endswith("train.") and key in MOVED:
        place = prefix.removesuffix("train.")
        now = f"{place}params.{key}" if place else f"method_params.{MOVED[key]}.{key}"
        return f"{prefix}{key}: it is the method's own, and stands in {now} now"
    if problem["type"] == "missing":
        return said + _hint(said.removesuffix(": missing"))
    return said


def _hint(where: str) -> str:
    value: Any = _shipped()
    for part in where.split("."):
        if not isinstance(value, dict) or part not in value:
            return ""
        value = value[part]
    return f"; the shipped params.yaml has {json.dumps(value, ensure_ascii=False):.{_SHOWN}}"


@cache
def _shipped() -> Any:
    """Return the params.yaml that comes along; nothing where there is none, or it can't be read."""
    try:
        return load_yaml((shipped() / PARAMS).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
