"""Numbers for tests: the shipped params.yaml's, with what a test has otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mcdrl.base.section import Section
from mcdrl.base.strict_yaml import load_yaml
from mcdrl.methods import params_type, resolved_params
from mcdrl.networks.interface import Spec
from mcdrl.study.params import section_type
from mcdrl.study.sections.train import Params
from mcdrl.study.variants import merged

ROOT = Path(__file__).parents[1]
SHIPPED = load_yaml((ROOT / "params.yaml").read_text(encoding="utf-8"))


def section_params(name: str, **changes: Any) -> Any:
    """Return a section of params.yaml."""
    return section_type(name).model_validate({**SHIPPED[name], **changes})


def train_params(**changes: Any) -> Params:
    """Return the section `train`; of nested numbers, those that aren't named stay."""
    return Params.model_validate(merged(SHIPPED["train"], changes))


def method_params(method: str, **changes: Any) -> Section:
    """Return a method's own numbers."""
    numbers = resolved_params(method, {}, SHIPPED["method_params"])
    return params_type(method).model_validate(merged(numbers, changes))


def make_spec(**changes: Any) -> Spec:
    """Return the numbers of a small network."""
    numbers = {
        "width": 16, "map_channels": {"s4": 6, "s8": 8}, "head_width": 32, "dropout": 0.0, "bottleneck": 4,
        "dice_weight": 0.5, "seed": 0,
    }  # fmt: skip
    return Spec(**{**numbers, **changes})
