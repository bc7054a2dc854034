"""Frame by frame, and which frames are shown."""

import numpy as np
import pandas as pd
import pytest

from mcdrl.commands.acceptance.tally import Worst
from mcdrl.metrics.operating_point import OperatingPoint
from tests.commands.acceptance.hospital import Bright, dice_of, judged


def test_a_row_says_what_was_found_and_what_the_operating_point_leaves(tmp_path):
    point = OperatingPoint(0.0, 0.2)  # 6.4 of 32 columns
    cases = judged(tmp_path, [(16, 8), (4, 4), (2, 0)], predictor=Bright(point)).tally.cases()
    first, second, third = cases.to_dict("records")
    assert (first["tp"], first["fp"], first["fn"], first["tn"]) == (256, 256, 0, 512)
    assert first["dice"] == first["dice_suppressed"] == pytest.approx(2 / 3)
    assert first["lesion_share"] == pytest.approx(0.25)
    assert (second["dice"], second["dice_suppressed"]) == (1, 0)
    assert (second["lesions"], second["lesions_found"], second["lesions_found_suppressed"]) == (1, 1, 0)
    assert (second["lesion"], first["lesion"]) == ("no", "yes")
    assert (third["false_positives"], third["false_positives_suppressed"]) == (1, 0)
    assert np.isnan(third["dice"])
    assert pd.isna(third["lesion_class"])


def test_the_worst_are_shown_first(tmp_path):
    tally = judged(tmp_path, [(16, 16), (16, 2), (16, 8), (9, 0), (3, 0), (0, 0)]).tally
    assert [one.row.dice for one in tally.worst.examples()] == pytest.approx([dice_of(16, 2), dice_of(16, 8), 1])
    assert [one.row.frame for one in tally.alarms.examples()] == ["images/a03.png", "images/a04.png"]
    assert tally.doubtful.examples() == []
    assert tally.worst.examples()[0].truth.sum() == 2 * 32


def test_twelve_of_a_kind_are_kept_of_equal_ones_the_first():
    worst = Worst()
    for number in range(40):
        worst.add(float(number % 20), number)
    assert worst.examples()[:4] == [0, 20, 1, 21]
    assert len(worst.examples()) == 12


def test_what_nobody_judged_counts_nowhere(tmp_path):
    """In the masks, 200 is lesion and 255 is to be ignored: all true columns are, so that every bright one is."""
    settings = {"mask_values": {"255": "ignore"}, "lesion_class": "polyp"}
    cases = judged(tmp_path, [(8, 8), (9, 4)], card="folder", settings=settings).tally.cases()
    assert cases["tp"].tolist() == [0, 0]
    assert cases["fp"].tolist() == [0, 5 * 32]
    assert cases["false_positives"].tolist() == [0, 1]
    assert cases["frame_score"].iloc[0] < 0.5 < cases["frame_score"].iloc[1]
