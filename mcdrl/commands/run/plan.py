"""What DVC says is to be done: its graph, in the order of `dvc repro`, and which stages something has changed for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from mcdrl.base.errors import InputError
from mcdrl.base.files import atomic
from mcdrl.base.folders import no_folder
from mcdrl.base.strict_yaml import load_record
from mcdrl.commands.rehearsal import ALWAYS
from mcdrl.study.params import Study, check, read_params
from mcdrl.study.paths import LOCK, PIPELINE, RENDERED

_DIGESTS = "sources"  # the stage that writes digests of what trainings open, on which they depend in place of it


@dataclass(frozen=True)
class Remote:
    """DVC's default remote.

    Attributes:
        settings: keys and values of DVC's configuration that name it wherever a copy of the workspace is.
    """

    settings: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RunPlan:
    """The stages that the targets need, as DVC addresses them.

    Attributes:
        upstream: stage -> those that it reads from, in the order in which `dvc repro` would come to the stages.
        stale: those that DVC finds changed or missing now; what follows from them is not among them.
        cached: those whose results DVC's run cache can hold, so that they may be made elsewhere.
        cache: absolute path of DVC's cache.
        remote: by which results of stages that are made elsewhere travel; None: by the cache.
        looked_at: of the stale ones, those that are as they were, and that a run looks at nevertheless.
    """

    upstream: Mapping[str, Sequence[str]]
    stale: frozenset[str]
    cached: frozenset[str]
    cache: Path
    remote: Remote | None = None
    looked_at: frozenset[str] = frozenset()

    def opened(self, name: str) -> list[str]:
        """Return the stages whose results a stage opens: those that DVC lets it wait for, and those behind digests.

        Args:
            name: of the stage.
        """
        above = self.upstream[name]
        behind = [one for digests in above if digests == _DIGESTS for one in self.upstream[digests]]
        return sorted({*above, *behind})


def read_plan(targets: Sequence[str], *, by_remote: bool = False) -> RunPlan:
    """Ask DVC about the current folder's repository; it compares files with dvc.lock and runs nothing.

    Args:
        targets: stages, or groups such as `train`; none: the whole pipeline.
        by_remote: look for DVC's default remote, too.

    Raises:
        InputError: params.yaml is wrong, or a site's folder is missing; DVC can't read the pipeline, knows no such
            target or has no default remote, or is at work elsewhere.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.repo.reproduce import collect_stages, get_active_graph, plan_repro
    from dvc.rwlock import RWLockFileCorruptedError, RWLockFileFormatError

    study = check(read_params())  # DVC stumbles over a wrong kind of value; methods load torch, `plan` checks these
    try:
        with Repo() as repo, repo.lock:
            graph = get_active_graph(repo.index.graph)
            steps = plan_repro(graph, collect_stages(repo, targets or [str(PIPELINE)]))
            _check_roots(study, [step.addressing for step in steps])
            status = {step.addressing: step.status().get(step.addressing) for step in steps}
            return RunPlan(
                upstream={step.addressing: sorted(one.addressing for one in graph.successors(step)) for step in steps},
                stale=frozenset(name for name, told in status.items() if told),
                cached=frozenset(step.addressing for step in steps if _can_be_cached(step)),
                cache=Path(repo.cache.legacy.path),
                remote=_remote(repo.config) if by_remote else None,
                looked_at=frozenset(name for name, told in status.items() if told == ALWAYS),
            )
    except DvcException as error:
        damaged = isinstance(error, (RWLockFileCorruptedError, RWLockFileFormatError))
        mend = "; if no DVC is at work, remove that file" * damaged
        raise InputError(f"DVC can't tell what is to be done: {' '.join(str(error).split())}{mend}") from None


def _check_roots(study: Study, stages: Collection[str]) -> None:
    """Raise InputError where a site that is to be read lies nowhere; DVC would speak of a file of its own."""
    lost = [
        f"sites.{name}.root: {no_folder(site.root)}"
        for name, site in study.sites.items()
        if f"ingest@{name}" in stages and not Path(site.root).is_dir() and not Path(site.root).is_relative_to(RENDERED)
    ]
    if lost:
        raise InputError(f"{'; '.join(lost)}; mend it in params.yaml, or take the site out: mcdrl sites remove NAME")


def _remote(config: Mapping[str, Any]) -> Remote:
    name = config["core"].get("remote")
    if name is None:
        raise InputError("--by-remote: DVC has no default remote; dvc remote add --default NAME FOLDER_OR_ADDRESS")
    return Remote((("core.remote", name), (f"remote.{name}.url", str(config["remote"][name]["url"]))))


def _can_be_cached(step: Any) -> bool:
    return bool(step.cmd and step.deps and step.outs and not step.always_changed)


def recorded_outs(root: Path) -> dict[str, Any]:
    """Return stage -> its outs as dvc.lock has them.

    DVC writes that file in place, so a reader beside it may find it cut short: then stages are missing or other than
    they were, never wrongly the same.
    """
    with suppress(OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, KeyError, TypeError):
        text = (root / LOCK).read_text(encoding="utf-8")
        return {name: stage.get("outs") for name, stage in load_record(text)["stages"].items()}
    return {}


def locked_record(root: Path, folder: Path) -> Path:
    """Return a new copy of dvc.lock in a folder, made while DVC writes nothing into it; empty where there is none."""
    from dvc.repo import Repo

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{uuid4().hex}.lock"
    with Repo(str(root), _wait_for_lock=True) as repo, repo.lock:
        path.write_bytes((root / LOCK).read_bytes() if (root / LOCK).is_file() else b"")
    return path


def sort_lock(root: Path, before: Sequence[str], order: Sequence[str]) -> None:
    """Put the stages of dvc.lock into the order in which `dvc repro` would have written them, unless DVC is at work.

    Args:
        root: the repository's top folder.
        before: the stages that it had before, in their order; `dvc repro` leaves these where they are.
        order: of all stages, in which `dvc repro` comes to them.
    """
    from dvc.lock import LockError
    from dvc.repo import Repo
    from dvc.utils.serialize import dumps_yaml, parse_yaml_for_update

    now = list(recorded_outs(root))
    wanted = [name for name in dict.fromkeys((*before, *order, *now)) if name in now]
    if now == wanted:
        return
    with suppress(LockError), Repo(str(root)) as repo, repo.lock, atomic(root / LOCK) as partial:
        lock = parse_yaml_for_update((root / LOCK).read_text(encoding="utf-8"), root / LOCK)
        stages = dict(lock["stages"])
        lock["stages"] = {name: stages[name] for name in dict.fromkeys((*wanted, *stages))}
        partial.write_text(dumps_yaml(lock), encoding="utf-8")
