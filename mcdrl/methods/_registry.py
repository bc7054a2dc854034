"""What the methods' modules say of themselves, by name; a module is imported when it is asked."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from mcdrl.base.choices import nearest
from mcdrl.base.errors import InputError
from mcdrl.base.runtime import loading
from mcdrl.base.section import Section

if TYPE_CHECKING:
    from torch import Tensor

    from mcdrl.networks.interface import Method, Spec, Texts, Trunk

_FOLDER = Path(__file__).parent
RENAMED = {"mcdrl_backdoor": "mcdrl_averaged"}  # earlier names of methods


def names() -> list[str]:
    """Return the names of all methods, sorted: the files and the packages of this folder."""
    found = [*_FOLDER.glob("*.py"), *(path.parent for path in _FOLDER.glob("*/__init__.py"))]
    return sorted(path.stem for path in found if not path.stem.startswith("_"))


def no_such(name: str) -> str:
    """Return the sentence on a name that no method has, with those that there are."""
    return f"there is no method '{name}'; {nearest(name, names(), RENAMED)}"


def params_type(name: str) -> type[Section]:
    """Return the type of a method's own numbers.

    Raises:
        InputError: there is no such method.
    """
    kind: type[Section] = _module(name).Params
    return kind


def bases(name: str) -> tuple[str, ...]:
    """Return the methods of whose numbers a method takes those that it has, too."""
    return tuple(getattr(_module(name), "BASES", ()))


def modes(name: str) -> tuple[str, ...]:
    """Return the training modes that a method goes with; none: all of them."""
    return tuple(getattr(_module(name), "MODES", ()))


def compiles(name: str) -> bool:
    """Return whether torch.compile takes a method; it knows no gradients of gradients."""
    return bool(getattr(_module(name), "COMPILES", True))


def check_mode(name: str, mode: str) -> None:
    """Check that a method goes with a training mode.

    Raises:
        InputError: it doesn't; names the modes that it goes with.
    """
    legal = modes(name)
    if legal and mode not in legal:
        raise InputError(f"the method '{name}' goes with train.mode {' or '.join(legal)}, not with '{mode}'")


def has_own_encoder(name: str) -> bool:
    """Return whether a method has an encoder of its own instead of the trunk's."""
    return bool(getattr(_module(name), "OWN_ENCODER", False))


def prepared(name: str, spec: Spec, params: Section, texts: Texts, images: Callable[[], Tensor]) -> Texts:
    """Return the texts as a method wants them before it is built for a training; most take them as they are.

    Args:
        name: of the method.
        spec: the numbers of the network.
        params: the method's own.
        texts: with a uniform prior.
        images: reads the frozen encoder's features of whole training frames, [n, D] float32 of unit norm.
    """
    prepare = getattr(_module(name), "prepared", None)
    done: Texts = texts if prepare is None else prepare(spec, params, texts, images)
    return done


def build(name: str, spec: Spec, params: Section, trunk: Trunk, texts: Texts) -> Method:
    """Build the method of that name.

    Args:
        name: of the method.
        spec: the numbers of the network.
        params: the method's own, of its `params_type`.
        trunk: between the cached features and the method.
        texts: the prompts.

    Raises:
        InputError: there is no such method.
        ValueError: its numbers don't go with the network's.
    """
    module = _module(name)
    with loading():
        from mcdrl.networks.factory import with_presence
    return with_presence(module.build(spec, params, trunk, texts), spec)


def _module(name: str) -> ModuleType:
    if name not in names():
        raise InputError(no_such(name))
    with loading():
        return importlib.import_module(f"mcdrl.methods.{name}")
