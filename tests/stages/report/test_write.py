"""What every table and every figure carries."""

import pandas as pd

from stages.report.topic import Topic
from stages.report.topics import mining, sites
from stages.report.write import metrics, with_leaks
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
    topics = [Topic("a", "A", {}, figures=sites.figures(rows)), Topic("b", "B", {}, figures=mining.figures(quality))]
    inputs = results_of(small.study, small.artifacts).inputs
    for model in inputs.models.values():
        model["pretrained"] = "random"
    found = metrics(topics, inputs)
    assert (found["m_dice_mean"], found["m_dice_worst"], found["mining_recall"]) == (0.5, 0.25, 0.6)
    assert found["mining_auroc"] == 0.8
    assert isinstance(found["m_hd95_undefined"], int)
    assert found["mining_auroc_inverted"] is None
    assert (found["n_undefined"], found["random_weights"], found["leaked_frames"]) == (1, 1, 0)
    assert all(not isinstance(value, dict) for value in found.values())
