"""`mcdrl sites splits`: out, in, and back to splits by name."""

import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from mcdrl.artifacts.audit import SPLITS
from mcdrl.artifacts.cases import CASES
from mcdrl.base.errors import InputError
from mcdrl.cli import app
from mcdrl.commands.sites.splits import export_splits, import_splits
from mcdrl.study.splits import COLUMNS, read_splits
from tests.factories import make_cases
from tests.projects import ROOT, copy_project

ROWS = [["A/1", "A", "g", "val"], ["A/2", "A", "h", "train"], ["B/1", "B", "g", "train"]]


@pytest.fixture
def study(tmp_path, monkeypatch):
    """The repository's params.yaml and cards, splits in use, and no imported ones."""
    copy_project(tmp_path)
    shutil.copy(ROOT / "data" / "splits.csv", tmp_path / "data")
    SPLITS.write(pd.DataFrame(ROWS, columns=COLUMNS, dtype="str"), tmp_path / "artifacts/audit/splits.parquet")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*arguments):
    return CliRunner().invoke(app, ["sites", "splits", *arguments])


def test_what_goes_out_comes_in_again(study):
    assert call("--export", "s.csv").output == "3 frames' splits are in s.csv\n"
    done = call("--import", "s.csv")
    assert done.exit_code == 0, done.output
    assert "A (2 frames), B (1 frames)" in done.output
    assert read_splits(study / "data/splits.csv").values.tolist() == ROWS
    assert (study / "s.csv").read_bytes() == (study / "data/splits.csv").read_bytes()


def test_reset_brings_back_the_file_of_the_repository(study):
    call("--export", "s.csv")
    call("--import", "s.csv")
    assert call("--reset").exit_code == 0
    assert (study / "data/splits.csv").read_bytes() == (ROOT / "data/splits.csv").read_bytes()


def test_a_file_that_names_an_unknown_site_changes_nothing(study):
    (study / "s.csv").write_text("case_id,site,group_id,split\nkvasir/1,kvasir,g,val\n")
    with pytest.raises(InputError, match=r"names the site 'kvasir', which params\.yaml lacks"):
        import_splits(Path("s.csv"), Path("params.yaml"))
    assert read_splits(study / "data/splits.csv").empty


def ingested(study, names, groups="gh"):
    """The frames of site A, as the pipeline has read them."""
    rows = make_cases([f"A/{name}" for name in names], group_id=list(groups[: len(names)]), lesion_class=None)
    CASES.write(rows, study / "artifacts/ingest/A/cases.parquet")


def test_a_file_that_lacks_a_frame_of_a_site_changes_nothing(study):
    call("--export", "s.csv")
    ingested(study, "123", "ghi")
    with pytest.raises(InputError, match=r"site A: .*none for 1 of its 3 frames, the first 'A/3'.*dvc repro ingest@A"):
        import_splits(Path("s.csv"), Path("params.yaml"))
    assert read_splits(study / "data/splits.csv").empty


def test_a_file_that_tears_a_group_of_a_site_apart_changes_nothing(study):
    call("--export", "s.csv")
    ingested(study, "12", "gg")
    with pytest.raises(InputError, match=r"in train and in val, the first 'g' of site A"):
        import_splits(Path("s.csv"), Path("params.yaml"))


def test_sites_whose_frames_were_not_read_yet_are_named(study):
    call("--export", "s.csv")
    ingested(study, "12")
    done = call("--import", "s.csv")
    assert done.exit_code == 0
    assert "note: not read yet: B;" in done.output


def test_a_file_without_rows_is_refused(study):
    with pytest.raises(InputError, match="--reset"):
        import_splits(Path("data/splits.csv"), Path("params.yaml"))


def test_only_a_file_of_splits_is_replaced(study):
    other = study / "params.yaml"
    before = other.read_bytes()
    assert "isn't replaced, as it doesn't hold splits" in str(call("--export", other).exception)
    assert other.read_bytes() == before
    os.mkfifo(study / "pipe")
    assert "pipe is no regular file" in str(call("--export", study / "pipe").exception)
    (study / "out.csv").touch()
    for _ in range(2):
        assert call("--export", study / "out.csv").exit_code == 0
    assert len(read_splits(study / "out.csv")) == 3


def test_nothing_to_export_before_the_pipeline_ran(study):
    with pytest.raises(InputError, match="dvc repro"):
        export_splits(Path("s.csv"), Path("nowhere.parquet"))


@pytest.mark.parametrize("arguments", [(), ("--reset", "--import", "s.csv"), ("--import", "a", "--export", "b")])
def test_exactly_one_thing_at_a_time(study, arguments):
    done = call(*arguments)
    assert isinstance(done.exception, InputError)
    assert "give one of" in str(done.exception)
