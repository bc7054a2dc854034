"""What is promised of a method is what the tables and the page say of it."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from mcdrl.artifacts.promise import read_promise
from mcdrl.study.paths import promise_path
from stages.report.promises import promise, promises
from stages.report.write import write_report
from tests.stages.report.fake_study import results_of


@pytest.fixture
def written(small, tmp_path):
    results = results_of(small.study, small.artifacts)
    results = replace(results, raw={**results.raw, "deploy": {"methods": ["mcdrl", "viewpoint"], "seeds": [0]}})
    write_report(results, tmp_path / "report")
    return results, tmp_path / "report"


def test_figures_are_those_of_the_tables(written):
    results, report = written
    tables = {name: pd.read_csv(report / f"{name}.csv") for name in ("sites", "negatives", "calibration", "flagged")}
    for method in results.study.methods:
        found = read_promise(promise_path(report, method))
        sites = tables["sites"].query("method == @method").set_index("held_out")
        assert (found.held_out, found.seeds) == (results.study.held_out, results.study.seeds)
        assert found.dice == pytest.approx(sites.dice["mean"], abs=1e-5)
        assert found.dice_low is None  # of so few groups
        assert pd.isna(sites.dice_low["mean"])
        assert found.by_site == pytest.approx({site: sites.dice[site] for site in results.study.held_out}, abs=1e-5)
        assert min(found.by_site, key=found.by_site.get) == found.worst_site == sites.worst_site["worst"]
        assert found.n_lesion == sites.n_lesion["mean"]
        (alarms,) = tables["negatives"].query("method == @method and held_out == 'all'").to_dict("records")
        assert found.false_positive_rate == pytest.approx(alarms["false_positive_rate"], abs=1e-5)
        assert found.n_negative == alarms["n_frames"] > 0
        (off,) = tables["calibration"].query("method == @method and held_out == 'mean'").to_dict("records")
        assert found.calibration_error_called == pytest.approx(off["ece_called_after"], abs=1e-5)
        (flag,) = tables["flagged"].query("method == @method").to_dict("records")
        assert found.flagged == pytest.approx(flag["flagged"] / flag["n"], abs=1e-5)
        assert found.dice_unflagged == pytest.approx(flag["dice_other"], abs=1e-5)
        assert found.drawn == results.study.held_out  # rendered by the embedded phantom
        assert found.threshold == float(results.settings["threshold"])
        assert found.further_sizes_px == [320]


def test_of_a_method_that_is_deployed_alone_nothing_is_promised(written):
    _, report = written
    assert read_promise(promise_path(report, "viewpoint")) is None
    assert {path.stem for path in (report / "promises").iterdir()} == {"baseline", "mcdrl", "viewpoint"}


def test_what_was_not_measured_is_left_open(written):
    results, report = written
    sites = pd.read_csv(report / "sites.csv").assign(dice_low=0.65, dice_high=0.75)
    found = promise("mcdrl", results, {"sites": sites, "negatives": pd.DataFrame(columns=["method", "held_out"])})
    assert (found.dice_low, found.dice_high, found.worst_site is None) == (0.65, 0.75, False)
    assert (found.false_positive_rate, found.calibration_error, found.flagged) == (None, None, None)
    assert found.n_negative == 0
    json.dumps(found.model_dump(), allow_nan=False)


def test_a_study_without_deploy_promises_all_the_same(small):
    results = results_of(small.study, small.artifacts)
    sites = pd.DataFrame([
        {"method": method, "held_out": name, "dice": None, "dice_low": None, "dice_high": None, "n_lesion": 0,
         "n_groups": 0, "worst_site": None}
        for method in small.study.methods for name in (*small.study.held_out, "mean", "worst")
    ])  # fmt: skip
    found = promises(results, {"sites": sites})
    assert list(found) == small.study.methods
    assert all(one.dice is None and one.worst_site is None for one in found.values())
