"""The study: params.yaml, its sites and its weights."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from mcdrl.base.errors import InputError
from mcdrl.base.folders import matching, unhashable
from mcdrl.clip.sources import HASH_MARK, LOCAL_DIR, WeightsSource, check_tracked, verified
from mcdrl.commands.doctor.check import NOTE, OK, PROBLEM, Check
from mcdrl.commands.left_behind import WHY, left_behind, removing
from mcdrl.commands.sites.edit import same_frames
from mcdrl.commands.workspace import lost_in_a_copy
from mcdrl.methods import with_methods
from mcdrl.study.params import Site, Study, check, read_params, resolve
from mcdrl.study.paths import ARTIFACTS, BACKBONE_CARDS, LITE_TOWERS, PARAMS, RENDERED, backbone_folder, own_or_shipped

_HUB, _ANSWER_S = "huggingface.co", 3.0


def study_checks(root: Path) -> list[Check]:
    """Look at params.yaml and at all that it names."""
    try:
        study = _checked(root / PARAMS)
    except InputError as error:
        return [Check("params.yaml", PROBLEM, str(error), "mend the keys that are named")]
    keys = f"{len(study.sites)} sites, {len(study.held_out)} held out, methods {', '.join(study.methods)}"
    sites = [_site(root, name, site) for name, site in study.sites.items()]
    sites += [*_twice(root, study), *_left(root, study)]
    return [Check("params.yaml", OK, keys), *_classes(study), _weights(root, study), *sites, *_lost(root, study)]


def _checked(path: Path) -> Study:
    raw = read_params(path)
    try:
        return check(raw, path, with_methods)
    except ImportError:  # methods are built on torch; that it is missing says the row of the device
        return check(raw, path)


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


def _twice(root: Path, study: Study) -> list[Check]:
    """Tell of sites that have the same frames."""
    found, names = [], list(study.sites)
    for place, name in enumerate(names):
        before = {other: study.sites[other] for other in names[:place]}
        for other in same_frames(study.sites[name], before, root)[:1]:
            fix = f"mcdrl sites remove {name}"
            found.append(Check(f"site {name}", PROBLEM, f"has the very frames of site {other}, which would leak", fix))
    return found


def _left(root: Path, study: Study) -> list[Check]:
    """Tell of what lies there of sites that the study hasn't got."""
    left = [path.relative_to(root) for path in left_behind(root / ARTIFACTS, study.sites)]
    found = f"{', '.join(map(str, left))}: of no site here; {WHY}"
    return [Check("artifacts", NOTE, found, removing(left))] if left else []


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
    return value.removeprefix(LOCAL_DIR).partition(HASH_MARK)[0]


def _weights(root: Path, study: Study) -> Check:
    from mcdrl.clip.card import CARD, read_card, read_stored

    what, name = f"backbone {study.backbone}", study.backbone
    try:
        source = WeightsSource.of(name, study.weights.get(name))
        card = read_card(name, own_or_shipped(BACKBONE_CARDS, root))
        obtained = backbone_folder(root / ARTIFACTS)
        stored = read_stored(obtained) if (obtained / CARD).exists() else None
        check_tracked(source, card)
        if source.kind == "file" and source.path is not None:
            verified(source, source.path, card)
    except InputError as error:
        return Check(what, PROBLEM, str(error), f"mend weights.{name} in params.yaml")
    if stored is not None and stored.name == name:
        state = "RANDOM weights: a dry run" if stored.pretrained == "random" else f"weights: {stored.pretrained}"
        return Check(what, NOTE if stored.pretrained == "random" else OK, f"stored, {state}")
    if card.family == "lite":
        return _embedded(what, name, card.model, root)
    if source.kind != "card":
        return Check(what, OK, "not stored yet; dvc repro looks into the weights that are given", "dvc repro")
    if _hub_answers():
        return Check(what, OK, f"not stored yet; {_HUB} answers", "dvc repro")
    fix = f"connect once, or give a file: weights.{name} in params.yaml"
    return Check(what, NOTE, f"not stored, and {_HUB} doesn't answer: fine if its cache holds the weights", fix)


def _embedded(what: str, name: str, model: str, root: Path) -> Check:
    from mcdrl.clip.lite import read_trained
    from mcdrl.clip.lite_trunk import architecture, weights_file

    fix = f"mend {BACKBONE_CARDS / name}.yaml"
    try:
        kind = architecture(model)
        fix = f"pip install {kind.needs}"
        weights_file(kind)
        fix = f"git checkout {LITE_TOWERS[kind.name]}"
        read_trained(own_or_shipped(LITE_TOWERS[kind.name], root))
    except InputError as error:
        return Check(what, PROBLEM, str(error), fix)
    return Check(what, OK, "not stored yet; its weights are here", "dvc repro")


def _hub_answers() -> bool:
    if os.environ.get("HF_HUB_OFFLINE") == "1":
        return False
    try:
        with socket.create_connection((_HUB, 443), timeout=_ANSWER_S):
            return True
    except OSError:
        return False


def _site(root: Path, name: str, site: Site) -> Check:
    what, folder = f"site {name}", root / site.root
    if not folder.is_dir() and Path(site.root).is_relative_to(RENDERED):
        return Check(what, NOTE, f"{site.root} isn't rendered yet", "dvc repro")
    if not folder.is_dir():
        return Check(what, PROBLEM, f"there is no folder {site.root}", f"mend sites.{name}.root in params.yaml")
    reading = resolve(site)
    try:
        count, stops = sum(path.is_file() for path in matching(folder, reading.images)), unhashable(folder)
    except InputError as error:
        return Check(what, PROBLEM, str(error), f"mcdrl sites check {name}")
    if not count:
        return Check(what, PROBLEM, f"no frame at {site.root}/{reading.images}", f"mend sites.{name}.images")
    if reading.table is not None and not (folder / reading.table).is_file():
        return Check(what, PROBLEM, f"there is no table {site.root}/{reading.table}", f"mend sites.{name}.table")
    if stops:
        found = f"{stops[0]} is a link to nothing or no regular file; DVC can't read it"
        return Check(what, PROBLEM, found, f"remove it; mcdrl sites check {name}")
    return Check(what, OK, f"{count} frames in {site.root}")
