"""Target regions beside their controls."""

import pandas as pd

from stages.report.topics.mining import mining_chart, tuned_html


def test_the_control_is_hollow_and_the_regions_are_filled():
    quality = pd.DataFrame({"site": ["A", "B"], "auroc": [0.8, None], "auroc_inverted": [0.2, None]})
    chart = mining_chart(quality, "auroc", "auroc_inverted")
    assert [row.label for row in chart.rows] == ["A", "B"]
    first, second = (row.strip for row in chart.rows)
    assert (first.count("<circle"), first.count('class="hollow"')) == (2, 1)
    assert "control 0.200; mined 0.800" in first
    assert second.count("undefined") == 2


def test_tuned_regions_are_means_over_seeds():
    scores = {"recall_random": 0.25, "auroc": 0.8, "auroc_inverted": 0.2}
    rows = pd.DataFrame(
        [
            {"method": method, "held_out": "A", "seed": seed, "mining": mining, "recall": recall, **scores}
            for method, seed, mining, recall in (
                ("x", 0, "zero_shot", 0.1), ("y", 0, "source_tuned", 0.6), ("y", 1, "source_tuned", 0.8),
            )
        ]
    )  # fmt: skip
    assert tuned_html(rows).rows == [["y", "A", "0.700", "0.250", "0.800", "0.200"]]
