"""What `dvc repro` would do can be asked before anything is there."""

import re
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "project")]
from dag import steps  # noqa: E402
from repository import Repository  # noqa: E402


@pytest.mark.timeout(300)
def test_a_dry_run_of_a_new_clone_lists_every_step_and_makes_nothing(tmp_path):
    """Without --force DVC hashes outputs of steps that haven't run (3.67), and ends with 255."""
    repository = Repository(tmp_path / "copy")
    listed = repository.dvc("repro", "--dry", "--force").stdout
    ran = set(re.findall(r"Running stage '([^']+)'", listed))
    assert ran == {step.name for step in steps(repository.folder)} - {"pretrain"}
    assert not (repository.folder / "artifacts").exists()
    assert not (repository.folder / "data" / "phantom").exists()
