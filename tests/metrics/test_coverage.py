import numpy as np
import pytest

from mcdrl.metrics.coverage import aurc, coverage_table, kept_dice

DICE = np.array([0.9, 0.2, 0.7, 0.4, np.nan])
CONFIDENCE = np.array([0.8, 0.3, 0.9, 0.1, 0.5])


def test_kept_dice_by_hand():
    assert kept_dice(CONFIDENCE, DICE) == pytest.approx([0.7, 0.8, 0.6, 0.55])


def test_aurc_by_hand():
    assert aurc(CONFIDENCE, DICE) == pytest.approx(1 - (0.7 + 0.8 + 0.6 + 0.55) / 4)
    assert aurc(DICE, DICE) == pytest.approx(1 - (0.9 + 0.8 + 2.0 / 3 + 0.55) / 4)
    assert np.isnan(aurc(CONFIDENCE[:0], DICE[:0]))


def test_table_by_hand():
    table = coverage_table(CONFIDENCE, DICE, left=(0.0, 0.25, 0.5, 1.0))
    assert table["n_kept"].tolist() == [4, 3, 2, 0]
    assert table["dice"].tolist()[:3] == pytest.approx([0.55, 0.6, 0.8])
    assert table["dice_random"].tolist()[:3] == pytest.approx([0.55, 0.55, 0.55])
    assert table["dice_oracle"].tolist()[:3] == pytest.approx([0.55, 2 / 3, 0.8])
    assert table.loc[3, ["dice", "dice_random", "dice_oracle"]].isna().all()


def test_a_random_order_is_what_it_says_and_nothing_beats_the_oracle():
    rng = np.random.default_rng(0)
    dice = rng.random(60)
    orders = [rng.random(60) for _ in range(400)]
    areas = [aurc(order, dice) for order in orders]
    assert np.mean(areas) == pytest.approx(1 - dice.mean(), abs=0.01)
    assert min(areas) > aurc(dice, dice)
    left = (0.0, 0.1, 0.2, 0.3)
    drawn = np.mean([coverage_table(order, dice, left)["dice"] for order in orders], axis=0)
    assert drawn == pytest.approx(coverage_table(dice, dice, left)["dice_random"], abs=0.01)


def test_only_the_order_of_the_confidence_matters():
    assert aurc(CONFIDENCE, DICE) == aurc(CONFIDENCE**3 - 5, DICE)
