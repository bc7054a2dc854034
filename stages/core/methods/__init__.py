"""Segmentation methods, a file each, behind one interface.

A method file offers `build(spec: Spec, trunk: Trunk, texts: Texts) -> Method`. A fifth method is one more file here and
its name in params.yaml.
"""

from __future__ import annotations

import importlib

from stages.core.networks.interface import Method, Spec, Texts, Trunk


def build(name: str, spec: Spec, trunk: Trunk, texts: Texts) -> Method:
    """Build the method of that name; `params.yaml` has been checked, so the file exists."""
    module = importlib.import_module(f"stages.core.methods.{name}")
    method: Method = module.build(spec, trunk, texts)
    return method
