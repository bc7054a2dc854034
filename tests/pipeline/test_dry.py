"""What `dvc repro` would do can be asked before anything is there."""

import re

import pytest

from tests.pipeline.repository import Repository
from tests.project.dag import steps


@pytest.mark.timeout(300)
def test_a_dry_run_of_a_new_clone_lists_every_step_and_makes_nothing(tmp_path):
    """Without --force DVC hashes outputs of steps that haven't run (3.67), and ends with 255."""
    repository = Repository(tmp_path / "copy")
    listed = repository.dvc("repro", "--dry", "--force").stdout
    ran = set(re.findall(r"Running stage '([^']+)'", listed))
    assert ran == {step.name for step in steps(repository.folder)} - {
        step.name for step in steps(repository.folder) if step.stage == "pretrain"
    }
    assert not (repository.folder / "artifacts").exists()
    assert not (repository.folder / "data" / "phantom").exists()
