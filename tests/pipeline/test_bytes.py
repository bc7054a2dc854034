"""Equal inputs give equal bytes, in another folder and another process."""

import pytest
import yaml

from tests.pipeline.repository import Repository

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


def outputs(repository):
    """Path -> digest of every output, as DVC recorded it."""
    lock = yaml.safe_load((repository.folder / "dvc.lock").read_text(encoding="utf-8"))
    return {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage["outs"]}


def test_two_folders_agree_on_every_byte(tmp_path, monkeypatch):
    """One stage after another, and side by side with as many threads each."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    one, other = Repository(tmp_path / "one"), Repository(tmp_path / "another_place")
    one.dvc("repro")
    other.mcdrl("run", "--slots", "2")
    assert "artifacts/report" in outputs(one)
    assert outputs(one) == outputs(other)
    assert (one.folder / "dvc.lock").read_bytes() == (other.folder / "dvc.lock").read_bytes()
