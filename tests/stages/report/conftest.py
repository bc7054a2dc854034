from types import SimpleNamespace

import pytest

from tests.stages.report.fake_study import build, study_of


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """Two sites, two methods, one seed, on disk."""
    study = study_of()
    return SimpleNamespace(study=study, artifacts=build(tmp_path_factory.mktemp("small") / "artifacts", study))


@pytest.fixture(scope="session")
def leaking(tmp_path_factory):
    """A study whose sites A and B share frames; C, which has none of them, isn't held out."""
    study = study_of(sites=("A", "B", "C"), held_out=("A", "B"))
    pairs = (
        ("A/001", "B/003", "identical", True), ("A/001", "B/004", "near", True), ("A/005", "A/006", "near", False),
    )  # fmt: skip
    artifacts = build(tmp_path_factory.mktemp("leaking") / "artifacts", study, pairs=pairs)
    return SimpleNamespace(study=study, artifacts=artifacts)
