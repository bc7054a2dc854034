"""mcdrl: lesion segmentation for hospitals that the network has never seen.

The library and its commands; the pipeline that studies it is in `stages`, which the library never imports. The floors,
from the ground: base; view; confounders, metrics; study, artifacts; imaging, clip, renderer, drawing; sites, regions;
networks; methods; training, model; commands; cli. An import runs downwards or along a floor, never both ways between
two rooms.

`mcdrl.load(FOLDER).predict(FRAME)` is what a program needs; `Model`, `Prediction` and `InputError` go with it. They are
imported when they are first used, as torch takes seconds.

Tensor letters: B frames, C channels, H W grid, S pixels a side, N regions, D joint width, M confounders, K classes.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcdrl.base.errors import InputError
    from mcdrl.model.api import Model, Prediction, load

__all__ = ["InputError", "Model", "Prediction", "load"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'mcdrl' has no attribute '{name}'")
    return getattr(importlib.import_module("mcdrl.base.errors" if name == "InputError" else "mcdrl.model.api"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
