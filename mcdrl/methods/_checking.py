"""The methods' own numbers in params.yaml: which a variant has, and what is wrong with them.

Methods stand above `mcdrl.study`, whose check of params.yaml knows none of them: whoever lets methods run hands
`problems` to it. That is stage `plan`, which comes first, and what writes `methods` or `variants`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from mcdrl.base.choices import unknown
from mcdrl.methods._registry import RENAMED, bases, compiles, modes, names, params_type
from mcdrl.study.missing import told
from mcdrl.study.params import Study
from mcdrl.study.variants import Variant, merged, resolved


def resolved_params(
    name: str, variants: Mapping[str, Variant], method_params: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the method's own numbers that a name in `methods` stands for, unchecked.

    Args:
        name: of a variant, or of a method itself.
        variants: as params.yaml has them.
        method_params: the methods' own numbers of params.yaml, by method.
    """
    variant = variants.get(name, Variant(method=name))
    return merged(_numbers(variant.method, method_params), variant.params)


def problems(study: Study, train: Mapping[str, Any], deployed: Sequence[str] = ()) -> list[str]:
    """Return a sentence for all that is wrong with methods, variants and their numbers; unknown names come alone.

    Args:
        study: right by itself.
        train: the section `train` of params.yaml.
        deployed: `deploy.methods`.
    """
    trained = list(dict.fromkeys([*study.methods, *deployed]))
    return _unknown_names(study, deployed) or [
        *(line for name in _in_use(study, trained) for line in _wrong_numbers(name, study.method_params)),
        *(line for name in study.variants for line in _wrong_variant(name, study)),
        *_wrong_names(study),
        *(line for name in trained for line in _wrong_mode(name, study, train)),
        *(line for name in trained for line in _not_compiled(name, study, train)),
    ]


def with_methods(study: Study, raw: Mapping[str, Any]) -> list[str]:
    """Return `problems` in the form that the check of params.yaml takes, for the whole of the file."""
    train, deploy = (raw[key] if isinstance(raw.get(key), Mapping) else {} for key in ("train", "deploy"))
    deployed = deploy.get("methods")
    names = deployed if isinstance(deployed, list) else []
    return problems(study, train, [name for name in names if isinstance(name, str)])


def _numbers(method: str, method_params: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return a method's numbers: those of its bases that it has, too, and its own."""
    found: dict[str, Any] = {}
    for base in bases(method):
        theirs = _numbers(base, method_params)
        found |= {key: value for key, value in theirs.items() if key in params_type(method).model_fields}
    return merged(found, method_params.get(method, {}))


def _in_use(study: Study, trained: Sequence[str]) -> list[str]:
    """Return the methods whose numbers are given or needed."""
    variants = study.variants.values()
    used = {study.variants[name].method if name in study.variants else name for name in trained}
    found = {*study.method_params, *used, *(variant.method for variant in variants)}
    while more := {base for name in found for base in bases(name)} - found:
        found |= more
    return sorted(found)


def _unknown_names(study: Study, deployed: Sequence[str]) -> list[str]:
    legal = names()
    return [
        *unknown("methods", study.methods, {*legal, *study.variants}, RENAMED),
        *unknown("deploy.methods", deployed, {*legal, *study.variants}, RENAMED),
        *unknown("method_params", study.method_params, legal, RENAMED),
        *(
            line
            for name, variant in study.variants.items()
            for line in unknown(f"variants.{name}.method", [variant.method], legal, RENAMED)
        ),
    ]


def _wrong_numbers(method: str, method_params: Mapping[str, Mapping[str, Any]]) -> list[str]:
    kind = params_type(method)
    inherited = {key for base in bases(method) for key in params_type(base).model_fields}
    own = (set(kind.model_fields) - inherited) | set(method_params.get(method, {}))
    try:
        kind.model_validate(_numbers(method, method_params))
    except ValidationError as error:
        return told(error, f"method_params.{method}.", kind, own=own)
    return []


def _wrong_variant(name: str, study: Study) -> list[str]:
    variant = study.variants[name]
    kind = params_type(variant.method)
    try:
        kind.model_validate(resolved_params(name, study.variants, study.method_params))
    except ValidationError as error:
        return told(error, f"variants.{name}.params.", kind, own=set(variant.params))
    return []


def _wrong_names(study: Study) -> list[str]:
    """Return which variants are called like a method that they aren't, as tables would call them."""
    return [
        f"variants.{name}: it stands for the method '{variant.method}' and is called like the method '{name}'; give it "
        "another name"
        for name, variant in study.variants.items()
        if name in names() and name != variant.method
    ]


def _wrong_mode(name: str, study: Study, train: Mapping[str, Any]) -> list[str]:
    method, numbers = resolved(name, study.variants, train)
    mode, legal = numbers.get("mode"), modes(method)
    if mode is None or not legal or mode in legal:
        return []
    return [f"{_where(name, study)}.mode is '{mode}', but the method '{method}' goes with {' or '.join(legal)} only"]


def _not_compiled(name: str, study: Study, train: Mapping[str, Any]) -> list[str]:
    method, numbers = resolved(name, study.variants, train)
    if numbers.get("compile") is not True or compiles(method):
        return []
    return [
        f"{_where(name, study)}.compile is true, but the method '{method}' trains through gradients of gradients, "
        "which torch.compile doesn't take; set it to false"
    ]


def _where(name: str, study: Study) -> str:
    return f"variants.{name}.train" if name in study.variants else f"methods: {name}: train"
