"""A further metric of a frame is one entry: the cases table, sites.csv and the page of a toy evaluation have it."""

import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from mcdrl.metrics.registry import FRAME_METRICS

ENTRIES = """
import sys
from pathlib import Path

import numpy as np

from mcdrl.metrics.registry import FRAME_METRICS, FrameMetric, OfCounts, OfMasks


def precision(counts):
    with np.errstate(invalid="ignore"):
        return counts.tp / (counts.tp + counts.fp)


def area_error_px(masks):
    return float(abs(int(masks.predicted.sum()) - int(masks.truth.sum())))


for entry in (
    FrameMetric("precision", "precision", OfCounts(precision), "Share of what is called lesion that is.",
                sometimes_undefined=True, digits=2),
    FrameMetric("area_error_px", "area error", OfMasks(area_error_px), "How many pixels the area is off by.",
                better="lower", unit="px", digits=0),
):
    FRAME_METRICS[entry.name] = entry

from stages.report.write import write_report
from tests.stages.report.fake_study import build, results_of, study_of

folder, study = Path(sys.argv[1]), study_of()
build(folder, study)
write_report(results_of(study, folder), folder / "report")
"""  # all else is imported when they are there, as it is where they stand in the file


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-c", ENTRIES, str(folder)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_the_cases_table_has_it_of_every_frame(study):
    cases = pd.read_parquet(study / "evaluate" / "cases.parquet")
    lesion = cases[cases["lesion_class"].notna()]
    called = lesion["tp"] + lesion["fp"]
    np.testing.assert_allclose(lesion["precision"], (lesion["tp"] / called).where(called > 0))
    np.testing.assert_allclose(lesion["area_error_px"], (lesion["fp"] - lesion["fn"]).abs())
    assert cases.loc[cases["lesion_class"].isna(), ["precision", "area_error_px"]].isna().all(axis=None)


def test_sites_csv_has_its_mean_and_how_often_it_is_undefined(study):
    sites = pd.read_csv(study / "report" / "sites.csv").set_index(["method", "held_out"])
    cases = pd.read_parquet(study / "evaluate" / "cases.parquet")
    own = cases[(cases["method"] == "mcdrl") & (cases["held_out"] == "A") & cases["lesion_class"].notna()]
    row = sites.loc[("mcdrl", "A")]
    assert row["precision"] == pytest.approx(own["precision"].mean(), rel=1e-5)
    assert row["area_error_px"] == pytest.approx(own["area_error_px"].mean(), rel=1e-5)
    assert row["n_precision_undefined"] == own["precision"].isna().sum()
    assert "n_area_error_undefined" not in sites.columns
    metrics = [*FRAME_METRICS, "precision", "area_error_px"]
    assert [name for name in sites.columns if name in metrics] == metrics
    last = list(sites.columns).index(metrics[-3])
    assert list(sites.columns[last : last + 3]) == metrics[-3:]
    assert {"precision", "area_error_px"} <= set(pd.read_csv(study / "report" / "lesions.csv").columns)


def test_the_page_heads_sorts_and_explains_it(study):
    page = (study / "report" / "index.html").read_text(encoding="utf-8")
    assert '<th scope="col" data-first="descending">precision</th><th scope="col">area error px</th>' in page
    assert '<th scope="col">precision undefined</th>' in page
    assert "<dt>Precision</dt><dd>Share of what is called lesion that is.</dd>" in page
    assert re.search(
        r"NSD, HD95(, [^.:]+)?, Precision and Area error: frames with a lesion\. Accuracy: all frames\.", page
    )


def test_dvc_metrics_follow_it(study):
    figures = pd.read_json(study / "report" / "metrics.json", typ="series")
    assert {"mcdrl_area_error_px_mean", "mcdrl_precision_undefined"} <= set(figures.index)
