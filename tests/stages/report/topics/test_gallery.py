"""Frames with their outlines."""

import shutil
from pathlib import Path

import pytest

from mcdrl.base.errors import InputError
from stages.report.topics.gallery import differing_shots, predicted_shots
from stages.report.write import write_report
from tests.stages.report.fake_study import results_of


@pytest.fixture(scope="module")
def inputs(small):
    return results_of(small.study, small.artifacts).inputs


def test_every_site_and_method_has_its_best_median_and_worst_frame(inputs, small):
    found = predicted_shots(inputs, small.artifacts, 1)
    assert {site: list(shots) for site, shots in found.items()} == {site: ["baseline", "mcdrl"] for site in "AB"}
    for shots in (shots for of_site in found.values() for shots in of_site.values()):
        assert [shot.title.partition(" ")[0] for shot in shots] == ["best", "median", "worst"]
        dice = [float(shot.title.rpartition(" ")[2]) for shot in shots]
        assert dice == sorted(dice, reverse=True)
        assert all([style for style, _ in shot.outlines] == ["truth", "predicted"] for shot in shots)


def test_gains_come_before_losses_and_the_reference_is_drawn_below(inputs, small):
    found = differing_shots(inputs, small.artifacts, "baseline")
    assert list(found) == ["mcdrl"]
    changes = [[float(end) for end in shot.title.removeprefix("Dice ").split(" → ")] for shot in found["mcdrl"]]
    gains = [after - before for before, after in changes]
    assert gains[0] > 0 > gains[-1]
    assert sorted(gains, key=lambda gain: gain < 0) == gains
    assert all([style for style, _ in shot.outlines] == ["truth", "other", "predicted"] for shot in found["mcdrl"])


@pytest.mark.parametrize(
    ("place", "taken"), [("baseline/B/0", "mcdrl/B/0"), ("mcdrl/B/0", "mcdrl/A/0"), ("baseline/A/0", "mcdrl/A/0")]
)
def test_predictions_of_another_model_are_refused(inputs, small, tmp_path, place, taken):
    artifacts = Path(shutil.copytree(small.artifacts, tmp_path / "artifacts"))
    folder = artifacts / "evaluate" / "predictions"
    shutil.copy(folder / f"{taken}.h5", folder / f"{place}.h5")
    named = ".*".join(taken.split("/"))
    with pytest.raises(InputError, match=rf"{place}\.h5 is that of .*{named}.*run `dvc repro -f evaluate`"):
        predicted_shots(inputs, artifacts, 1)
    with pytest.raises(InputError, match=rf"{place}\.h5 is that of"):
        write_report(results_of(small.study, artifacts), tmp_path / "report")
