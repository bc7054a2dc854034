"""One training, (method, held-out site or none, seed): from its inputs to a trained model."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from mcdrl.artifacts.plan import read_plan, read_views
from mcdrl.base.choices import nearest
from mcdrl.base.digests import remembered_sha256
from mcdrl.base.errors import InputError
from mcdrl.base.section import Section, sentences
from mcdrl.methods import params_type
from mcdrl.networks.inputs import StoresLayout
from mcdrl.networks.interface import Spec, Texts
from mcdrl.study.code import digest
from mcdrl.study.params import Study
from mcdrl.study.paths import (
    NONE,
    Cell,
    SiteFiles,
    TextFiles,
    audit_files,
    backbone_folder,
    checkpoints_folder,
    digests_folder,
    features_folder,
    plan_files,
    site_files,
    texts_folder,
)
from mcdrl.study.sections.train import Params
from mcdrl.training.source_sites import source_names, source_sites

S = TypeVar("S", bound=Section)


@dataclass(frozen=True)
class TrainingJob:
    """What is trained, and on what.

    Attributes:
        variant: the name that params.yaml calls it by.
        method: a file's name in mcdrl/methods.
        held_out: the site that plays no part; None: all sites do theirs.
        seed: of everything drawn.
        sources: all other sites.
        artifacts: folder below which the inputs are.
        lesion_classes: in the order of the class axis.
        params: numbers of the training.
        method_params: the method's own.
        view: what of a frame is looked at where nobody says: full, if the source sites' frames were taken whole.
        flips: in which ways training frames are mirrored.
    """

    variant: str
    method: str
    held_out: str | None
    seed: int
    sources: list[str]
    artifacts: Path
    lesion_classes: list[str]
    params: Params
    method_params: Section
    view: Literal["auto", "full"] = "auto"
    flips: Sequence[str] = ()

    @property
    def label(self) -> str:
        """Its name as a word: mcdrl-A-0, mcdrl-none-0."""
        return Cell(self.variant, self.held_out or NONE, self.seed).label

    @property
    def files(self) -> dict[str, SiteFiles]:
        """The source sites' files; a held-out site has none here."""
        return {site: site_files(self.artifacts, site) for site in self.sources}

    @property
    def audit(self) -> Path:
        """The table of frames that are one picture."""
        return audit_files(self.artifacts).pairs

    @property
    def texts(self) -> Path:
        """The folder of the three tables of prompts."""
        return texts_folder(self.artifacts)

    @property
    def backbone(self) -> Path:
        """The folder of the encoder."""
        return backbone_folder(self.artifacts)


def make_job(
    variant: str, held_out: str | None, seed: int, artifacts: Path, study: Study, deployed: Sequence[str] = ()
) -> TrainingJob:
    """Return what is trained: its sources are all sites of params.yaml but the held-out one, its numbers its plan's.

    Args:
        variant: a name in `methods`, or in `deploy.methods` where no site is held out.
        held_out: the site that is left out; None: none is.
        seed: of everything drawn.
        artifacts: what the other stages wrote.
        study: the shared keys of params.yaml.
        deployed: `deploy.methods`.

    Raises:
        InputError: there is no such method or site, or the plan is missing or damaged.
    """
    methods = study.methods if held_out is not None else deployed
    for what, name, legal in (("method", variant, methods), ("site", held_out, study.sites)):
        if name is not None and name not in legal:
            raise InputError(f"unknown {what} '{name}'; {nearest(name, legal)}")
    sources = source_names(study.sites, held_out)
    views = read_views(plan_files(artifacts).views, sources)
    view: Literal["auto", "full"] = "full" if all(rule == "full" for rule in views) else "auto"
    plans = plan_files(artifacts)
    path = plans.method(variant) if held_out is not None else plans.deployed(variant)
    plan = read_plan(path)
    params = _checked(plan.train, Params, "train.", path)
    own = _checked(plan.params, params_type(plan.method), "params.", path)
    return TrainingJob(
        variant, plan.method, held_out, seed, sources, artifacts, study.lesion_classes, params, own, view, plan.flips
    )


def _checked(numbers: Mapping[str, Any], kind: type[S], prefix: str, path: Path) -> S:
    try:
        return kind.model_validate(numbers)
    except ValidationError as error:
        problems = "; ".join(sentences(error, prefix, kind))
    raise InputError(f"{path} is damaged ({problems}); delete it and run `dvc repro plan`")


def make_spec(params: Params, layout: StoresLayout, seed: int, dark_below: float = 0.0) -> Spec:
    """Return the numbers that a network is built from; `dark_below` as in `Spec`."""
    return Spec(
        width=layout.width,
        map_channels=dict(layout.map_channels),
        head_width=params.head_width,
        dropout=params.dropout,
        bottleneck=params.bottleneck,
        dice_weight=params.dice_weight,
        seed=seed,
        presence=params.presence_weight > 0,
        input_dropout=params.input_dropout,
        boundary_weight=params.boundary_weight,
        dark_below=dark_below,
    )


def check_texts(texts: Texts, fingerprint: str, layout: StoresLayout, folder: Path) -> None:
    """Compare the encoder of the texts with that of the features.

    Raises:
        InputError: they differ.
    """
    width = texts.classes.shape[1]
    if fingerprint != layout.fingerprint or width != layout.width:
        raise InputError(
            f"the texts in {folder} (encoder {fingerprint[:12]}, width {width}) and the features of the source sites "
            f"(encoder {layout.fingerprint[:12]}, width {layout.width}) come from different encoders; run `dvc repro`"
        )


def check_cached(job: TrainingJob, layout: StoresLayout, *, features: bool, maps: bool) -> None:
    """Check that what the cell reads of the source sites' features is stored.

    Args:
        job: what is trained.
        layout: of what is stored.
        features: whether it is trained on features.
        maps: whether a miner looks at the maps.

    Raises:
        InputError: it isn't.
    """
    lacking = [flip for flip in job.flips if features and flip not in layout.flips]
    lacking += ["intermediate maps"] if (features or maps) and not layout.maps else []
    if lacking:
        folder = features_folder(job.artifacts)
        raise InputError(
            f"the features in {folder} lack {', '.join(lacking)}, which '{job.variant}' reads: "
            "they were made for other methods; run `dvc repro`"
        )


def resume_folder(job: TrainingJob, machine: Mapping[str, int | str]) -> Path:
    """Return where the checkpoint is: `<variant>-<held_out>-<seed>-<key>` below `.resume`.

    The key changes with any input, parameter, line of code, library or fact of the machine that could matter.

    Args:
        job: what is trained.
        machine: as `describe` gives it.

    Raises:
        InputError: an input is missing.
    """
    return checkpoints_folder(job.artifacts) / f"{job.label}-{_resume_key(job, machine)}"


def drop_stale(folder: Path) -> None:
    """Remove the checkpoints beside `folder` that are the same cell's under another key; nothing can use them."""
    cell, _, _ = folder.name.rpartition("-")
    for other in folder.parent.glob("*"):
        if other != folder and other.name.rpartition("-")[0] == cell:
            shutil.rmtree(other, ignore_errors=True)


def _resume_key(job: TrainingJob, machine: Mapping[str, int | str]) -> str:
    identity = {
        "cell": [job.variant, job.method, job.held_out, job.seed, job.sources, job.lesion_classes],
        "params": [job.params.model_dump(), job.method_params.model_dump()],
        "flips": list(job.flips),
        "inputs": _inputs(job),
        "code": digest(["mcdrl.training.run", f"mcdrl.methods.{job.method}"]),
        "torch": version("torch"),
        "machine": dict(machine),
    }
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:24]


def _inputs(job: TrainingJob) -> Mapping[str, Any]:
    """Return what tells all that is read apart, but the backbone, by whose fingerprint the features are known."""
    texts, notes = TextFiles(job.texts), digests_folder(job.artifacts)
    paths = [texts.dictionary, texts.classes, texts.class_confounders]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise InputError(f"{missing[0]} does not exist; run `dvc repro` to make it")
    sources = source_sites(job.artifacts, job.sources, job.held_out)
    return {"texts": {path.name: remembered_sha256(path, notes) for path in paths}, "sources": sources.model_dump()}
