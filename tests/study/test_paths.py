"""Paths are those of dvc.yaml, so that a path that moves is a stage that runs anew, though no digest knows it."""

import re
from pathlib import Path

import pytest

from mcdrl.study import paths
from mcdrl.study.paths import (
    ARTIFACTS,
    BACKBONE_CARDS,
    IMPORTED,
    LITE_TOWERS,
    NONE,
    RENDERED,
    SITE_CARDS,
    STUDIES,
    Cell,
    IngestedFiles,
    TextFiles,
    artifacts_of,
    audit_files,
    backbone_folder,
    features_folder,
    ingest_folder,
    own_or_shipped,
    parts_folder,
    plan_files,
    promise_path,
    report_folder,
    site_files,
    sources_file,
    sources_folder,
    study_of,
    table_path,
    texts_folder,
    whole_model,
)
from tests.project.dag import ROOT, steps

CELL = Cell("mcdrl", "A", 0)
PLANS = plan_files(ARTIFACTS)
SOURCES = sources_folder(ARTIFACTS)
SITE = site_files(ARTIFACTS, "A")
AUDIT, TEXTS = audit_files(ARTIFACTS), TextFiles(texts_folder(ARTIFACTS))
TABLES = {
    "mine_regions": ("quality",),
    "evaluate": ("attention", "calibration", "cases", "mining", "pooled", "reliability", "trust"),
    "stress": ("cases",),
}


@pytest.fixture(scope="module")
def listed():
    """Stage -> what it takes and gives, by dvc.yaml."""
    return {step.name: (step.deps, step.outs) for step in steps()}


def test_outputs_are_where_dvc_looks_for_them(listed):
    outs = {path for _, given in listed.values() for path in given}
    wanted = [CELL.model(ARTIFACTS), CELL.parts(ARTIFACTS), CELL.predictions(ARTIFACTS), SITE.folder, SITE.features]
    wanted += [
        SITE.regions,
        backbone_folder(ARTIFACTS),
        PLANS.folder,
        SOURCES,
        RENDERED,
        *LITE_TOWERS.values(),
        report_folder(ARTIFACTS),
    ]
    wanted += [whole_model(ARTIFACTS, "mcdrl", 0), ARTIFACTS / "deploy" / "mcdrl"]
    wanted += [table_path(ARTIFACTS, stage, name) for stage, names in TABLES.items() for name in names]
    wanted += [AUDIT.pairs, AUDIT.splits, AUDIT.profile, TEXTS.dictionary, TEXTS.classes, TEXTS.class_confounders]
    assert {path.as_posix() for path in wanted} <= outs


def test_inputs_are_where_dvc_looks_for_them(listed):
    ingest, train, evaluate = (
        listed[name][0] for name in ("ingest@A", f"train@{CELL.label}", f"evaluate@{CELL.label}")
    )
    assert {path.as_posix() for path in (PLANS.site("A"), PLANS.code("ingest"), IMPORTED)} <= ingest
    data = [ingest_folder(ARTIFACTS), features_folder(ARTIFACTS), SITE.regions.parent, AUDIT.pairs, PLANS.views]
    assert {path.as_posix() for path in data} <= listed["sources"][0]
    wanted = [backbone_folder(ARTIFACTS), texts_folder(ARTIFACTS), PLANS.method("mcdrl"), PLANS.code("train")]
    wanted += [sources_file(SOURCES, "A")]
    assert {path.as_posix() for path in wanted} <= train
    assert sources_file(SOURCES, NONE).as_posix() in listed["train_all@mcdrl-0"][0]
    assert CELL.model(ARTIFACTS).as_posix() in evaluate
    assert PLANS.deployed("mcdrl").as_posix() in listed["train_all@mcdrl-0"][0]
    assert promise_path(report_folder(ARTIFACTS), "mcdrl").as_posix() in listed["deploy@mcdrl"][0]
    assert PLANS.encoding.as_posix() in listed["encode@A"][0]
    assert SITE.frames.as_posix() in listed["encode@A"][0]
    assert parts_folder(ARTIFACTS).as_posix() in listed["collect_evaluate"][0]
    assert {BACKBONE_CARDS.as_posix(), *(one.as_posix() for one in LITE_TOWERS.values())} <= listed["backbone"][0]
    assert SITE_CARDS.as_posix() in listed["plan"][0]


def test_files_of_a_site_lie_in_one_folder():
    one = IngestedFiles(Path("x"))
    files = (one.cases, one.frames, one.geometry, one.quarantine, one.strengths)
    assert {path.parent for path in files} == {Path("x")}
    assert len(set(files)) == len(files)


def test_a_models_place_tells_its_study(tmp_path):
    assert study_of(CELL.model(tmp_path)) == (tmp_path.resolve(), CELL)
    (tmp_path / "link").symlink_to(CELL.model(tmp_path))
    assert study_of(tmp_path / "link") == (tmp_path.resolve(), CELL)
    for place in (tmp_path / "mcdrl", tmp_path / "trained/mcdrl/A/0", tmp_path / "train/mcdrl/A/best", Path("/")):
        assert study_of(place) is None


def test_a_models_place_tells_where_its_backbone_is(tmp_path):
    artifacts = tmp_path.resolve()
    for model in (CELL.model(tmp_path), whole_model(tmp_path, "mcdrl", 0), tmp_path / "deploy" / "mcdrl"):
        assert artifacts_of(model) == artifacts
    for place in (tmp_path / "mcdrl", tmp_path / "packed" / "mcdrl", tmp_path / "train_all" / "mcdrl", Path("/")):
        assert artifacts_of(place) is None


@pytest.mark.parametrize("shipped", ["inside the package", "above it, as in a clone"])
def test_a_projects_own_files_count_before_those_that_come_along(tmp_path, monkeypatch, shipped):
    package, project = tmp_path / "lib" / "mcdrl", tmp_path / "project"
    home = package / "shipped" if shipped == "inside the package" else package.parent
    monkeypatch.setattr(paths, "_PACKAGE", package)
    (home / STUDIES).mkdir(parents=True)
    (project / STUDIES).mkdir(parents=True)
    assert own_or_shipped(STUDIES, project) == home / STUDIES  # a folder of that name is no project yet
    (project / "params.yaml").touch()
    assert own_or_shipped(STUDIES, project) == project / STUDIES
    assert own_or_shipped(SITE_CARDS, project) == home / SITE_CARDS  # which the project lacks
    assert own_or_shipped(tmp_path, project) == tmp_path


SPELLED = (
    r'[^(\w.]artifacts / f?"',
    r'self\.artifacts / f?"',
    r'Path\("(artifacts|data|params\.yaml|dvc\.)',
    r"parents\[3\]",
)


FILE = re.compile(r"""(?:"[a-z_.]+|\})\.(?:parquet|h5|json|csv|safetensors)\"""")
PATHS = "mcdrl/study/paths.py"
OWNERS = {  # of a format, or of what leaves the pipeline; all else below the artifacts is named by paths.py
    "mcdrl/artifacts/held_out_scores.py", "mcdrl/artifacts/promise.py", "mcdrl/artifacts/training_data.py",
    "mcdrl/clip/card.py", "mcdrl/clip/lite.py", "mcdrl/commands/acceptance/write.py", "mcdrl/commands/models/coco.py",
    "mcdrl/commands/models/export.py", "mcdrl/commands/models/masks.py", "mcdrl/commands/models/predict.py",
    "mcdrl/commands/run/claim.py",
    "mcdrl/commands/sites/classes.py", "mcdrl/imaging/outlines.py", "mcdrl/model/facts.py", "mcdrl/model/members.py",
    "mcdrl/training/checkpoint.py", "stages/backbone/local_dir.py", "stages/phantom/write.py",
    "stages/pretrain/pretrain.py", "stages/report/write.py",
}  # fmt: skip


def spelled_in(pattern):
    """(file of the house, what it spells) for each match of a pattern."""
    sources = [path for room in ("mcdrl", "stages") for path in (ROOT / room).rglob("*.py")]
    found = ((path, re.findall(pattern, path.read_text(encoding="utf-8"))) for path in sources)
    return {(path.relative_to(ROOT).as_posix(), name) for path, names in found for name in names}


def test_every_file_has_its_name_from_one_place():
    found = spelled_in(FILE)
    assert {place for place, _ in found} == {PATHS, *OWNERS}
    names = [name for _, name in found if not name.startswith("}")]
    assert len(names) == len(set(names)) > 10


@pytest.mark.parametrize("spelled", SPELLED)
def test_nobody_else_spells_a_path_of_the_project(spelled):
    assert {place for place, _ in spelled_in(spelled)} <= {PATHS}
