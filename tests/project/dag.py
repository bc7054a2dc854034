"""Reads the project's own structure: the resolved DVC stages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.projects import ROOT


@dataclass(frozen=True)
class Step:
    name: str
    stage: str
    cmd: str
    deps: frozenset[str]
    outs: frozenset[str]
    params: frozenset[str]


def steps(root: Path = ROOT) -> list[Step]:
    from dvc.dependency.param import ParamsDependency
    from dvc.repo import Repo

    found = []
    with Repo(str(root)) as repo:
        for stage in repo.index.stages:
            params = [dep for dep in stage.deps if isinstance(dep, ParamsDependency)]
            files = [dep for dep in stage.deps if not isinstance(dep, ParamsDependency)]
            found.append(
                Step(
                    stage.name,
                    str(stage.cmd).split()[2].removeprefix("stages."),
                    str(stage.cmd),
                    frozenset(str(dep.def_path) for dep in files),
                    frozenset(str(out.def_path) for out in stage.outs),
                    frozenset(key for dep in params for key in dep.params),
                )
            )
    return found
