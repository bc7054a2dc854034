"""Equal inputs give equal bytes, in another folder and another process."""

import pytest
import yaml

from tests.pipeline.repository import Repository

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


def outputs(repository):
    """Path -> digest of every output, as DVC recorded it."""
    lock = yaml.safe_load((repository.folder / "dvc.lock").read_text(encoding="utf-8"))
    return {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage["outs"]}


def test_two_folders_agree_on_every_byte(tmp_path):
    found = []
    for name in ("one", "another_place"):
        repository = Repository(tmp_path / name)
        repository.repro()
        found.append(outputs(repository))
    assert "artifacts/report" in found[0]
    assert found[0] == found[1]
