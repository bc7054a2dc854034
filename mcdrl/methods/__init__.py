"""Segmentation methods, a file each, behind one interface.

A method file offers `build(spec: Spec, trunk: Trunk, texts: Texts) -> Method`. It may say in `MODES` that it goes with
some training modes only, and with `OWN_ENCODER = True` that it has an encoder of its own instead of the trunk's. One
more method is one more file here and its name in params.yaml.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from mcdrl.base.errors import InputError
from mcdrl.networks.interface import Method, Spec, Texts, Trunk
from mcdrl.study.params import modes_of


def build(name: str, spec: Spec, trunk: Trunk, texts: Texts) -> Method:
    """Build the method of that name; `params.yaml` has been checked, so the file exists."""
    method: Method = _module(name).build(spec, trunk, texts)
    return method


def check_mode(name: str, mode: str) -> None:
    """Check that a method goes with a training mode.

    Raises:
        InputError: it doesn't; names the modes that it goes with.
    """
    legal = modes_of(name)
    if legal and mode not in legal:
        raise InputError(f"the method '{name}' goes with train.mode {' or '.join(legal)}, not with '{mode}'")


def has_own_encoder(name: str) -> bool:
    """Return whether a method has an encoder of its own instead of the trunk's."""
    return bool(getattr(_module(name), "OWN_ENCODER", False))


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"mcdrl.methods.{name}")
