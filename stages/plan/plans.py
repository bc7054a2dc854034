"""From params.yaml to a plan a variant, a plan a site and what is read of the features; from the code to digests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mcdrl.artifacts.plan import EncodePlan, SitePlan, VariantPlan
from mcdrl.base.section import Section
from mcdrl.methods import params_type, resolved_params
from mcdrl.study.code import digest, home
from mcdrl.study.flips import Flip
from mcdrl.study.modes import CACHED_MODES
from mcdrl.study.params import Study, resolve
from mcdrl.study.variants import resolved


def plans(
    names: Iterable[str], study: Study, train: Mapping[str, Any], kind: type[Section], mirrored: Sequence[Flip] = ()
) -> Iterator[VariantPlan]:
    """Yield the plan of each name.

    Args:
        names: of variants and methods, as in `methods` or `deploy.methods`.
        study: checked.
        train: the section `train` of params.yaml, checked.
        kind: its type.
        mirrored: the ways of mirroring frames that `encode.flips` gives.
    """
    for name in names:
        method, numbers = resolved(name, study.variants, train)
        whole = kind.model_validate(numbers).model_dump()
        own = params_type(method).model_validate(resolved_params(name, study.variants, study.method_params))
        flips = list(mirrored) if whole["flips"] else []
        yield VariantPlan(
            variant=name,
            method=method,
            code=digest([f"mcdrl.methods.{method}"]),
            params=own.model_dump(),
            train=whole,
            flips=flips,
        )


def site_plans(study: Study) -> Iterator[SitePlan]:
    """Yield the plan of each site."""
    for name, site in study.sites.items():
        yield SitePlan(site=name, root=site.root, reading=resolve(site))


def encoding(all_plans: Iterable[VariantPlan]) -> EncodePlan:
    """Return what the given plans read of the frames' features beside dense map and image vector, which all of them do.

    A tuned miner looks at the maps in any mode; mirrored frames are encoded for the modes that train on features.
    """
    given = list(all_plans)
    cached = [plan for plan in given if plan.train["mode"] in CACHED_MODES]
    tuned = any(plan.train["mining"] == "source_tuned" for plan in given)
    return EncodePlan(maps=bool(cached) or tuned, flips=max((plan.flips for plan in cached), key=len, default=[]))


def code_digests() -> dict[str, str]:
    """Return stage -> digest of what its code means, for every folder of `stages` that has a command."""
    stages = sorted(path.parent.name for path in (home("stages") / "stages").glob("*/__main__.py"))
    return {stage: digest([f"stages.{stage}.__main__"]) for stage in stages}
