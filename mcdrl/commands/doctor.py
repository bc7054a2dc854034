"""`mcdrl doctor`: is everything in place for `dvc repro`? Each check is a row: what, how it is, how to mend it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from mcdrl.base.errors import InputError
from mcdrl.base.folders import unhashable
from mcdrl.base.runtime import usable_cores
from mcdrl.commands.sites.workspace import lock_damage, lost_in_a_copy
from mcdrl.study.params import Site, Study, check, read_params, resolve
from mcdrl.study.paths import (
    ARTIFACTS,
    BACKBONE_CARDS,
    LITE_TOWER,
    LOCK,
    PARAMS,
    PIPELINE,
    RENDERED,
    backbone_folder,
    own_or_shipped,
)

OK, NOTE, PROBLEM = "ok", "note", "PROBLEM"
_PYTHON = (3, 11)
_DISTRIBUTION = "mcdrl"
EXPORT_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_FREE_GB = 2.0
_MEMORY_GB = 4.0
_AT_WORK = ("Unable to acquire lock", "is busy")  # how DVC says that another one of its processes is running
_HUB, _ANSWER_S = "huggingface.co", 3.0
_STATUS_S = 60
_GIT_INIT = "git init && git add -A && git commit -m start"
_MEND_LOCK = (
    f"git checkout {LOCK}; where git has no good one, delete it, then dvc commit -f if the artifacts are up to date, "
    "else dvc repro"
)


@dataclass(frozen=True)
class Check:
    """One row.

    Attributes:
        what: what was looked at.
        status: ok, note (works, or will once `dvc repro` has run) or PROBLEM.
        found: how it is.
        fix: what to do; empty when nothing is to be done.
    """

    what: str
    status: str
    found: str
    fix: str = ""


def examine(root: Path) -> list[Check]:
    """Look at the machine and at the repository in `root`."""
    tools = [_tool("dvc", "pip install -e ."), _tool("git", "install git")]
    machine = [_python(), _packages(), _export(), _device(), *tools]
    checks = [*machine, _memory(), _disk(root), _repository(root), *_lock(root), *_study(root)]
    return checks if any(check.status == PROBLEM for check in checks[len(machine) :]) else [*checks, _stale(root)]


def problems(checks: list[Check]) -> int:
    """Return how many checks found a problem."""
    return sum(check.status == PROBLEM for check in checks)


def _python() -> Check:
    found = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] >= _PYTHON:
        return Check("Python", OK, found)
    return Check("Python", PROBLEM, found, "install Python 3.11 or newer")


def _packages() -> Check:
    try:
        wanted = [Requirement(line) for line in importlib.metadata.requires(_DISTRIBUTION) or []]
    except importlib.metadata.PackageNotFoundError:
        return Check("packages", PROBLEM, f"{_DISTRIBUTION} isn't installed", "pip install -e .")
    needed = [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    wrong = [text for text in map(_unmet, needed) if text]
    if wrong:
        return Check("packages", PROBLEM, "; ".join(wrong), "pip install -e .")
    return Check("packages", OK, f"all {len(needed)} that are needed")


def _export() -> Check:
    missing = [name for name in EXPORT_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        return Check("export to ONNX", NOTE, f"{', '.join(missing)} not installed", "pip install -e '.[export]'")
    return Check("export to ONNX", OK, ", ".join(EXPORT_PACKAGES))


def _unmet(wanted: Requirement) -> str:
    try:
        version = importlib.metadata.version(wanted.name)
    except importlib.metadata.PackageNotFoundError:
        return f"{wanted.name} is missing"
    fits = wanted.specifier.contains(version, prereleases=True)
    return "" if fits else f"{wanted.name} {version} is not {wanted.specifier}"


def _device() -> Check:
    try:
        import torch  # seconds
    except ImportError as error:
        return Check("device", PROBLEM, f"torch can't be imported: {error}", "pip install -e .")
    cores = f"{usable_cores()} CPU threads"
    if not torch.cuda.is_available():
        return Check("device", OK, f"{cores}, no GPU: fine for lite0, slow for large backbones")
    names = ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
    return Check("device", OK, f"{names}; {cores}")


def _tool(name: str, fix: str) -> Check:
    found = shutil.which(name)
    return Check(name, OK, "found") if found else Check(name, PROBLEM, "not on the PATH", fix)


def _memory() -> Check:
    try:
        free_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES") / 1e9
        all_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (ValueError, OSError):  # not told by this system
        return Check("memory", NOTE, "this system doesn't tell", f"have {_MEMORY_GB:.0f} GB or more")
    found = f"{all_gb:.1f} GB, {free_gb:.1f} GB unused"
    if all_gb >= _MEMORY_GB:
        return Check("memory", OK, found)
    return Check("memory", NOTE, found, "lower encode.batch_size and train.batch_size in params.yaml")


def _disk(root: Path) -> Check:
    free_gb = shutil.disk_usage(root).free / 1e9
    if free_gb >= _FREE_GB:
        return Check("disk", OK, f"{free_gb:.1f} GB free")
    return Check("disk", PROBLEM, f"{free_gb:.1f} GB free", f"make room: {_FREE_GB:.0f} GB or more")


def _repository(root: Path) -> Check:
    missing = [name for name in (PIPELINE.name, PARAMS.name, ".dvc") if not (root / name).exists()]
    if missing:
        fix = "run from the repository's top folder" if missing != [".dvc"] else f"{_GIT_INIT} && dvc init"
        return Check("repository", PROBLEM, f"no {', '.join(missing)} here", fix)
    return Check("repository", OK, "dvc.yaml, params.yaml, .dvc")


def _lock(root: Path) -> list[Check]:
    damage = lock_damage(root)
    return [Check("artifacts", PROBLEM, damage, _MEND_LOCK)] if damage else []


def _study(root: Path) -> list[Check]:
    try:
        study = check(read_params(root / PARAMS), root / PARAMS)
    except InputError as error:
        return [Check("params.yaml", PROBLEM, str(error), "mend the keys that are named")]
    keys = f"{len(study.sites)} sites, {len(study.held_out)} held out, methods {', '.join(study.methods)}"
    sites = [_site(root, name, site) for name, site in study.sites.items()]
    return [Check("params.yaml", OK, keys), *_classes(study), _weights(root, study), *sites, *_lost(root, study)]


def _classes(study: Study) -> list[Check]:
    """Return a note if there are lesion classes that no site can have, or if there is one alone."""
    if len(study.lesion_classes) == 1:
        found = f"{study.lesion_classes[0]} alone: L_contrast has nothing to compare it with and is 0"
        return [
            Check("lesion classes", NOTE, found, "nothing, where the sites have one; the method is then without it")
        ]
    readings = [resolve(site) for site in study.sites.values()]
    had = {name for reading in readings for name in reading.classes()}
    idle = [name for name in study.lesion_classes if name not in had]
    if not idle or any(reading.open_classes for reading in readings):
        return []
    fix = "take them out of lesion_classes and of build_confounders.class_phrases"
    return [Check("lesion classes", NOTE, f"no site can have {', '.join(idle)}, but prompts ask for them", fix)]


def _lost(root: Path, study: Study) -> list[Check]:
    """Tell of paths that lead nowhere where `dvc exp run --temp` and the queue work."""
    places = {f"sites.{name}.root": site.root for name, site in study.sites.items()}
    places |= {f"weights.{name}": _file_of(value) for name, value in study.weights.items() if value}
    reasons = {key: (place, lost_in_a_copy(root, place)) for key, place in places.items() if (root / place).exists()}
    lost = [f"{key}: {place} {reason}" for key, (place, reason) in reasons.items() if reason]
    if not lost:
        return []
    found = f"{'; '.join(lost)}: not there in dvc exp run --temp and in the queue"
    return [Check("relative paths", NOTE, found, "write the absolute path into params.yaml")]


def _file_of(value: str) -> str:
    return value.removeprefix("local-dir:").partition("@sha256:")[0]


def _weights(root: Path, study: Study) -> Check:
    from mcdrl.clip.card import CARD, read_card, read_stored
    from mcdrl.clip.lite import read_shipped
    from mcdrl.clip.sources import Source, verified

    what, name = f"backbone {study.backbone}", study.backbone
    try:
        source = Source.of(name, study.weights.get(name))
        card = read_card(name, own_or_shipped(BACKBONE_CARDS, root))
        obtained = backbone_folder(root / ARTIFACTS)
        stored = read_stored(obtained) if (obtained / CARD).exists() else None
        if source.kind == "file" and source.path is not None:
            verified(source, source.path, card)
    except InputError as error:
        return Check(what, PROBLEM, str(error), f"mend weights.{name} in params.yaml")
    if stored is not None and stored.name == name:
        state = "RANDOM weights: a dry run" if stored.pretrained == "random" else f"weights: {stored.pretrained}"
        return Check(what, NOTE if stored.pretrained == "random" else OK, f"stored, {state}")
    if card.family == "lite":
        try:
            read_shipped(own_or_shipped(LITE_TOWER, root))
        except InputError as error:
            return Check(what, PROBLEM, str(error), f"git checkout {LITE_TOWER}")
    if card.family == "lite" or source.kind != "card":
        found = "its weights are here" if card.family == "lite" else "dvc repro looks into the weights that are given"
        return Check(what, OK, f"not stored yet; {found}", "dvc repro")
    if _hub_answers():
        return Check(what, OK, f"not stored yet; {_HUB} answers", "dvc repro")
    fix = f"connect once, or give a file: weights.{name} in params.yaml"
    return Check(what, NOTE, f"not stored, and {_HUB} doesn't answer: fine if its cache holds the weights", fix)


def _hub_answers() -> bool:
    if os.environ.get("HF_HUB_OFFLINE") == "1":
        return False
    try:
        with socket.create_connection((_HUB, 443), timeout=_ANSWER_S):
            return True
    except OSError:
        return False


def _stale(root: Path) -> Check:
    """Ask DVC which stages the report needs to run again; it compares files with dvc.lock and runs nothing."""
    command = [sys.executable, "-m", "dvc", "status", "--json", "--with-deps", "report"]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=_STATUS_S, check=True)
        changed = sorted(json.loads(done.stdout or "{}"))
    except subprocess.CalledProcessError as error:
        said = " ".join([line.strip() for line in error.stderr.splitlines() if line.strip()][:2])
        if "not a git repository" in said:
            return Check(
                "artifacts", PROBLEM, "no git repository here, as in an unpacked ZIP; DVC needs one", _GIT_INIT
            )
        if str(LOCK) in said:
            return Check("artifacts", PROBLEM, f"DVC can't read {LOCK}: {said}", _MEND_LOCK)
        if any(words in said for words in _AT_WORK):
            return Check("artifacts", NOTE, f"DVC is at work elsewhere: {said}", "mcdrl doctor once that is done")
        return Check("artifacts", PROBLEM, f"DVC can't read the pipeline: {said}", "dvc status says it in full")
    except (OSError, subprocess.SubprocessError, ValueError):
        return Check("artifacts", NOTE, "DVC can't tell whether they are up to date", "dvc status says why")
    if not (root / LOCK).is_file():
        return Check("artifacts", NOTE, "nothing has been run yet", "dvc repro (--dry --force: only list its steps)")
    if not changed:
        return Check("artifacts", OK, "up to date")
    named = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
    return Check("artifacts", NOTE, f"stale or missing: {named}", "dvc repro")


def _site(root: Path, name: str, site: Site) -> Check:
    what, folder = f"site {name}", root / site.root
    if not folder.is_dir() and Path(site.root).is_relative_to(RENDERED):
        return Check(what, NOTE, f"{site.root} isn't rendered yet", "dvc repro")
    if not folder.is_dir():
        return Check(what, PROBLEM, f"there is no folder {site.root}", f"mend sites.{name}.root in params.yaml")
    reading = resolve(site)
    count = sum(path.is_file() for path in folder.glob(reading.images))
    if not count:
        return Check(what, PROBLEM, f"no frame at {site.root}/{reading.images}", f"mend sites.{name}.images")
    if reading.table is not None and not (folder / reading.table).is_file():
        return Check(what, PROBLEM, f"there is no table {site.root}/{reading.table}", f"mend sites.{name}.table")
    if stops := unhashable(folder):
        found = f"{stops[0]} is a link to nothing or no regular file; DVC can't read it"
        return Check(what, PROBLEM, found, f"remove it; mcdrl sites check {name}")
    return Check(what, OK, f"{count} frames in {site.root}")
