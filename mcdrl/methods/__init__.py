"""Segmentation methods behind one interface: a file each, or a folder with the parts that only this one uses.

A method is one module with

- `Params`: a `Section` of its own numbers, with the source of each default, which stands in params.yaml under
  `method_params.<method>`. `BASES = ("mcdrl",)` names methods of whose numbers it takes those that it has, too;
- `build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method`, whose `forward` is its equation and whose
  `losses` are its loss, composed of those in `mcdrl.networks.losses` and its own.

It may say in `MODES` that it goes with some training modes only (`mcdrl.study.modes` has lists of them), with
`OWN_ENCODER = True` that it has an encoder of its own instead of the trunk's, and with `prepared(...)` what it makes of
the texts before it is built.

Importing this package imports no method, and so no torch: what a method's module says is read when it is asked for.
"""

from __future__ import annotations

from mcdrl.methods._checking import problems, resolved_params, with_methods
from mcdrl.methods._registry import (
    build,
    check_mode,
    has_own_encoder,
    modes,
    names,
    no_such,
    params_type,
    prepared,
)

__all__ = [
    "build", "check_mode", "has_own_encoder", "modes", "names", "no_such", "params_type", "prepared", "problems",
    "resolved_params", "with_methods",
]  # fmt: skip
