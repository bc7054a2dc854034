"""The command of the stage."""

import pytest

from mcdrl.artifacts.regions import QUALITY
from mcdrl.base.errors import InputError
from mcdrl.study import params
from stages.mine_regions.__main__ import main
from tests.projects import raw_study, write_project


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(params, "STAGES_WITH_SECTION", ("mine_regions",))
    write_project(tmp_path, raw_study(mine_regions={"alpha": 0.125, "similarity": "cosine"}))
    return tmp_path


def test_the_command_writes_both_artifacts_and_one_line(inputs, study, capsys):
    inputs()
    main("A", study / "A.h5", study / "classes.parquet", study, study / "r" / "A.h5", study / "q" / "A.parquet")
    assert (study / "r" / "A.h5").is_file()
    assert QUALITY.read(study / "q" / "A.parquet")[["site", "alpha"]].values.tolist() == [["A", 0.125]]
    out = capsys.readouterr().out
    assert out.startswith("A: recall 1.000 at alpha 0.125")
    assert out.count("\n") == 1


def test_an_unknown_site(study):
    with pytest.raises(InputError, match="no site 'C'; legal: A, B"):
        main("C", study, study, study, study, study)
