"""The figures of a hospital, by hand: bright columns against true columns."""

import numpy as np
import pytest

from mcdrl.commands.acceptance.page import figures_html
from mcdrl.metrics.operating_point import OperatingPoint
from mcdrl.metrics.verdict import Verdict
from tests.commands.acceptance.hospital import Bright, by_site, dice_of, judged

LESIONS = [(16, 8), (16, 16), (8, 16), (0, 4), (10, 10)]
NEGATIVES = [(0, 0), (0, 0), (6, 0), (1, 0)]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    point = OperatingPoint(0.0, 0.1)  # a tenth of 32 columns: 3.2
    return judged(tmp_path_factory.mktemp("known"), [*LESIONS, *NEGATIVES], {}, predictor=Bright(point))


def test_masks_are_scored_over_frames_with_a_lesion(found):
    figures = found.outcome.figures
    assert figures["dice"].n == 5
    assert figures["dice"].value == pytest.approx(np.mean([dice_of(*one) for one in LESIONS]))
    ious = [min(one) / max(one) for one in LESIONS]
    assert figures["iou"].value == pytest.approx(np.mean(ious))
    assert figures["dice"].low < figures["dice"].value < figures["dice"].high


def test_lesions_and_alarms_are_counted(found):
    figures = found.outcome.figures
    assert (figures["lesion_sensitivity"].n, figures["lesion_sensitivity"].value) == (5, pytest.approx(4 / 5))
    assert figures["false_positives"].value == pytest.approx(2 / 9)
    assert figures["false_positives_suppressed"].value == pytest.approx(1 / 9)
    assert (figures["false_alarms"].n, figures["false_alarms"].value) == (4, pytest.approx(2 / 4))
    assert figures["false_alarms_suppressed"].value == pytest.approx(1 / 4)
    assert figures["false_alarms"].promised == 0.25
    assert (figures["false_alarms"].promised_low, figures["false_alarms"].promised_high) == (0.2, 0.3)


def test_frames_are_ranked_by_their_score(found):
    """Bright frames score 230/255 alike, dark ones low: of 5 x 4 pairs 4 x 2 are won and 4 x 2 tie, and the dark lesion
    may win two."""
    assert 12 / 20 <= found.outcome.figures["frame_auroc"].value <= 14 / 20


def test_precision_is_beside_what_was_expected_of_it(found):
    called = [one for one in [*LESIONS, *NEGATIVES] if one[0]]
    precision = np.mean([min(bright, true) / bright for bright, true in called])
    figures = found.outcome.figures
    assert figures["precision"].value == pytest.approx(precision)
    assert figures["expected_precision"].value == pytest.approx(230 / 255, abs=0.01)


def test_the_flag_splits_the_frames(tmp_path):
    found = judged(tmp_path, [*LESIONS, *NEGATIVES], {}, predictor=Bright(flag_below=0.87))
    figures = found.outcome.figures
    assert figures["flagged"].value == pytest.approx(3 / 9)  # the dark ones: their likeliest pixel is 49/255
    assert figures["dice_flagged"].value == 0
    assert figures["dice_unflagged"].value == pytest.approx(np.mean([dice_of(*one) for one in LESIONS if one[0]]))
    assert figures["dice_flagged"].promised == 0.4


def test_calibration_is_of_the_pixels_that_are_judged(found):
    """Of the pixels called lesion, 230/255 by the model, this many are."""
    called = sum(bright for bright, _ in [*LESIONS, *NEGATIVES])
    right = sum(min(one) for one in LESIONS)
    off = found.outcome.figures["calibration_error_called"]
    assert off.value == pytest.approx(230 / 255 - right / called, abs=0.01)
    assert off.promised == 0.113


def test_groups_widen_the_interval(tmp_path):
    """Six patients of two frames each that are alike: half as many draws as frames."""
    columns = [(16, 16), (16, 16), (16, 2), (16, 2)] * 3
    alone = judged(tmp_path / "alone", columns)
    rows = "".join(f"a{number:02d},p{number // 2}\n" for number in range(12))
    (tmp_path / "groups" / "north").mkdir(parents=True)
    (tmp_path / "groups" / "north" / "frames.csv").write_text("file,patient\n" + rows)
    settings = {"table": "frames.csv", "table_group": "patient"}
    grouped = judged(tmp_path / "groups", columns, card="folder", settings=settings)
    assert (alone.outcome.grouped, grouped.outcome.grouped) == (False, True)
    one, other = alone.outcome.figures["dice"], grouped.outcome.figures["dice"]
    assert (one.groups, other.groups) == (12, 6)
    assert other.high - other.low > one.high - one.low


def test_what_no_frame_has_is_undefined(tmp_path):
    found = judged(tmp_path, [(3, 0), (4, 0), (0, 0)])
    figures = found.outcome.figures
    assert np.isnan(figures["dice"].value)
    assert np.isnan(figures["frame_auroc"].value)
    assert figures["false_alarms"].value == pytest.approx(2 / 3)
    assert found.outcome.coverage.empty


def test_what_nobody_judged_is_neither_an_alarm_nor_expected_to_be_lesion(tmp_path):
    """All that is bright in the first two frames lies where nobody judged, and four of the third's twelve columns."""
    (tmp_path / "north").mkdir(parents=True)
    columns = [(16, 16), (8, 8), (12, 4), (10, 0), (0, 0)]
    settings = {"mask_values": {"255": "ignore", "128": "lesion"}, "lesion_class": "polyp"}
    point = OperatingPoint(0.0, 9 / 32)  # the third frame's 8 judged columns are too few
    found = judged(tmp_path, columns, card="folder", settings=settings, predictor=Bright(point))
    figures = found.outcome.figures
    assert (figures["false_alarms"].value, figures["false_alarms_suppressed"].value) == (2 / 5, 1 / 5)
    assert figures["precision"].n == figures["expected_precision"].n == 2


def test_without_masks_all_frames_tell_what_is_expected_of_them(tmp_path):
    found = judged(tmp_path, [(16, None), (8, None), (0, None)])
    assert found.outcome.figures["expected_precision"].n == 2


def test_a_count_without_spread_has_no_interval(tmp_path):
    found = judged(tmp_path, [(16, 16)] * 6 + [(0, 0)] * 6)
    for name in ("false_positives", "frame_auroc", "hd95_px"):
        assert np.isnan(found.outcome.figures[name].low), name
    cells = {row[0]: row[2] for row in figures_html(found).rows}
    assert cells["false positives a frame"] == cells["AUROC of the frame's score"] == "none: no spread"


def test_each_figure_says_what_it_is_over(tmp_path):
    found = judged(tmp_path, [(16, 16)] * 5 + [(0, 0)])
    cells = {row[0]: row[3] for row in figures_html(found).rows}
    assert cells["lesions found, share"] == cells["lesions found with --suppress, share"] == "5 lesions"
    assert (cells["Dice"], cells["false positives a frame"]) == ("5 frames", "6 frames")
    assert cells["frames without a lesion that are called"] == "1 frame"


def test_a_share_without_spread_has_no_interval_and_no_verdict_rests_on_it(tmp_path):
    """Eight frames of one Dice say nothing of a ninth."""
    found = judged(tmp_path, [(5, 15)] * 8, by_site(0.9, 0.95, 0.97))
    for name in ("dice", "iou", "called_share", "expected_precision"):
        assert np.isnan(found.outcome.figures[name].low), name
    assert found.outcome.figures["lesion_sensitivity"].low > 0  # of all or none there is Wilson's
    assert found.verdict is Verdict.TOO_FEW


def test_frames_that_show_nothing_are_flagged_as_predict_flags_them(tmp_path):
    found = judged(tmp_path, [(32, 8), (16, 16)])  # 32 columns are the whole frame
    assert found.tally.cases()["flagged"].tolist() == ["yes", "no"]
