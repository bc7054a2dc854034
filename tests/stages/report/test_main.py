"""The command reads params.yaml and writes the folder of the report whole or not at all."""

import pandas as pd
import pytest

from mcdrl.base.errors import InputError
from stages.report.__main__ import main
from tests.projects import ROOT, SHIPPED, copy_project, write_params


@pytest.fixture
def params(tmp_path, monkeypatch, small):
    """A params.yaml like the repository's, for the small study."""
    sites = {name: site for name, site in SHIPPED["sites"].items() if name in small.study.sites}
    study = {key: getattr(small.study, key) for key in ("held_out", "methods", "seeds")}
    report = {**SHIPPED["report"], "bootstrap": 100, "examples": 1}
    values = {**SHIPPED, **study, "sites": sites, "report": report}
    copy_project(tmp_path)
    write_params(tmp_path, values)
    monkeypatch.chdir(tmp_path)
    return values


@pytest.mark.usefixtures("params")
def test_command_writes_the_report(small, tmp_path):
    main(small.artifacts, tmp_path / "report")
    assert set(pd.read_csv(tmp_path / "report" / "sites.csv")["method"]) == set(small.study.methods)
    assert (tmp_path / "report" / "index.html").stat().st_size > 10_000
    listed = (ROOT / "docs" / "how-to" / "tables.md").read_text(encoding="utf-8")
    assert [path.name for path in (tmp_path / "report").glob("*.csv") if f"`{path.name}`" not in listed] == []


def test_a_failing_report_leaves_the_last_one_alone(small, tmp_path, params):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "old.csv").write_text("old")
    write_params(tmp_path, {**params, "seeds": [5]})
    with pytest.raises(InputError, match="dvc repro"):
        main(small.artifacts, tmp_path / "report")
    assert (tmp_path / "report" / "old.csv").read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"data", "params.yaml", "report"}
