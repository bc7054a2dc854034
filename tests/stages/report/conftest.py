from types import SimpleNamespace

import pytest

from tests.stages.report.fake_study import build, study_of


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """Two sites, two methods, one seed, on disk."""
    study = study_of()
    return SimpleNamespace(study=study, artifacts=build(tmp_path_factory.mktemp("small") / "artifacts", study))
