"""`mcdrl models`, and the model that is taken where none is named."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from mcdrl import cli
from mcdrl.artifacts.promise import promise_of
from mcdrl.base.errors import InputError
from mcdrl.commands.models.chosen import chosen, chosen_one
from mcdrl.commands.models.export import made_up_frames
from mcdrl.commands.models.shipped import model_page, models_table
from mcdrl.drawing.formatting import number
from mcdrl.model.shipped import shipped_folder

TOLD = (
    "model: polyp_lite0, which comes along (CC BY 4.0; for research, not for patients; `mcdrl models show polyp_lite0`"
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


def mcdrl(*arguments):
    return CliRunner().invoke(cli.app, [*map(str, arguments)])


def test_the_table_says_what_it_is_and_what_to_expect():
    rows = {row[0]: row for row in models_table().rows}
    _, title, licence, dice, megabytes = rows["polyp_lite0"]
    assert title.startswith("polyps in colonoscopy frames")
    assert licence == "CC BY 4.0; for research, not for patients"
    promise = promise_of(shipped_folder("polyp_lite0"))
    assert dice == number(promise and promise.dice)
    assert 0 < float(megabytes) < 8
    done = mcdrl("models", "list")
    assert done.exit_code == 0
    assert "polyp_lite0" in done.output


def test_its_page_has_licence_citation_promise_and_limits():
    page = model_page("polyp_lite0")
    assert page.startswith("# polyp_lite0: polyps in colonoscopy frames")
    assert "**For research, not for patients.**" in page
    for words in (
        "CC BY 4.0",
        "Scientific Data 10 (2023), 75",
        "It is no medical device",
        "frames without a lesion it",
    ):
        assert words in page
    assert page.count("Scientific Data 10 (2023), 75") == 1
    assert "\n## Limits" not in page  # headings of the README stand one lower
    assert "\n### Limits" in page


def test_its_page_says_what_to_expect_at_new_sites():
    page, promise = model_page("polyp_lite0"), promise_of(shipped_folder("polyp_lite0"))
    assert f"Dice **{promise.dice:.3f}**" in page
    assert all(f"{site} {dice:.3f}" in page for site, dice in promise.by_site.items())


def test_what_is_no_model_is_refused_with_exit_code_2(tmp_path):
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    of_one = [[command, "nothing", "--out", "out"] for command in ("export", "pack")]
    predict = ["predict", "a.png", "--model", "nothing", "--out", "out"]
    for command in (["models", "show", "nothing"], ["inspect", "nothing"], predict, *of_one):
        done = mcdrl(*command)
        assert isinstance(done.exception, InputError)  # which `main` ends with exit code 2
        assert "polyp_lite0" in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_without_a_model_predict_takes_the_one_that_comes_along_and_says_so(tmp_path):
    Image.fromarray(made_up_frames(224, 1)[0]).save(tmp_path / "a.png")
    done = mcdrl("predict", "a.png", "--out", "out", "--device", "cpu")
    assert done.exit_code == 0, done.output
    (line,) = [line for line in done.output.splitlines() if line.startswith("model:")]
    assert line.startswith(TOLD)
    assert pd.read_csv(tmp_path / "out" / "predictions.csv")["frame"].tolist() == ["a.png"]
    assert np.asarray(Image.open(tmp_path / "out" / "a.png")).shape == (224, 224)


def test_a_folder_of_that_name_wins_and_it_is_said(tmp_path, capsys):
    (tmp_path / "polyp_lite0").mkdir()
    assert [path.name for path in chosen([tmp_path / "polyp_lite0"])] == ["polyp_lite0"]
    assert capsys.readouterr().out == ""
    done = mcdrl("pack", "polyp_lite0", "--out", "out")
    assert "model: the folder polyp_lite0 here, not the model of that name" in done.output
    assert "polyp_lite0/model.json does not exist" in str(done.exception)


def test_a_command_for_one_model_takes_a_name_or_nothing(capsys):
    assert chosen_one(None) == shipped_folder("polyp_lite0")
    assert TOLD in capsys.readouterr().out


def test_it_can_be_packed_again_and_looked_at(tmp_path):
    done = mcdrl("pack", "--out", "out", "--small")
    assert done.exit_code == 0, done.output
    assert "masks differ in 0.0000% of the pixels" in done.output  # it is in half precision already
    ours, theirs = (
        {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()}
        for place in (tmp_path / "out", shipped_folder("polyp_lite0"))
    )
    assert ours == theirs
    assert "polypgen_c4" in mcdrl("inspect", "polyp_lite0").output
