"""What every table and every figure carries."""

import json

import pandas as pd

from stages.report import topics
from stages.report.topic import Question, Topic
from stages.report.topics import mining, sites
from stages.report.write import metrics, with_leaks, write_report
from tests.stages.report.fake_study import results_of
from tests.stages.report.rows import DRAWS, frame, table


def test_a_row_counts_its_own_site_or_all():
    rows = pd.DataFrame({"held_out": ["A", "C", "mean", "worst", "all"]})
    assert with_leaks(rows, {"A": 1, "B": 2})["leaked_frames"].tolist() == [1, 0, 3, 3, 3]
    assert with_leaks(pd.DataFrame({"lesion_class": ["polyp"]}), {"A": 1, "B": 2})["leaked_frames"].tolist() == [3]
    assert with_leaks(rows, {})["leaked_frames"].tolist() == [0] * 5


def test_metrics_are_flat_and_count_what_is_undefined(small):
    rows = sites.sites_table(table(frame("m", "A", 1, 0.25), frame("m", "B", 1, 0.75)), DRAWS)
    quality = pd.DataFrame(
        {"recall": [0.5, 0.7], "recall_random": [0.2, 0.4], "auroc": [None, 0.8], "auroc_inverted": [None, None]}
    )
    given = [Topic("a", "A", {}, figures=sites.figures(rows)), Topic("b", "B", {}, figures=mining.figures(quality))]
    inputs = results_of(small.study, small.artifacts).inputs
    for model in inputs.models.values():
        model["pretrained"] = "random"
    found = metrics(given, inputs)
    assert (found["m_dice_mean"], found["m_dice_worst"], found["mining_recall"]) == (0.5, 0.25, 0.6)
    assert found["mining_auroc"] == 0.8
    assert isinstance(found["m_hd95_undefined"], int)
    assert found["mining_auroc_inverted"] is None
    assert (found["n_undefined"], found["random_weights"], found["leaked_frames"]) == (1, 1, 0)
    assert all(not isinstance(value, dict) for value in found.values())


def test_a_topic_that_is_listed_is_written_marked_and_heard(small, tmp_path, monkeypatch):
    """A new table on the page touches no file but the topic's own and the list."""

    def extra(results):
        rows = pd.DataFrame({"held_out": results.study.held_out, "size_px": 32})
        said = [(Question.HOW_GOOD, "Said by the new topic.")]
        return Topic("extra", "Extra", None, tables={"extra": rows}, sentences=said, figures={"extra": 1.5})

    monkeypatch.setattr("stages.report.write.TOPICS", (*topics.TOPICS, extra))
    write_report(results_of(small.study, small.artifacts), tmp_path / "report")
    rows = pd.read_csv(tmp_path / "report" / "extra.csv")
    assert rows.columns.tolist() == ["held_out", "size_px", "leaked_frames", "weights"]
    assert json.loads((tmp_path / "report" / "metrics.json").read_text())["extra"] == 1.5
    html = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert "with a lesion. Said by the new topic.</dd>" in html
    assert "#extra" not in html
