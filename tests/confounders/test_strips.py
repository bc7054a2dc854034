import numpy as np

from mcdrl.confounders.finished import FinishedFrame
from mcdrl.confounders.registry import phrases
from mcdrl.confounders.strips import strips


def test_a_strip_shows_the_pictures_that_were_judged_from_untouched_to_strong():
    image = np.random.default_rng(0).integers(60, 200, (64, 64, 3)).astype(np.uint8)
    mask = np.zeros((64, 64), bool)
    mask[20:40, 20:40] = True
    made = strips(image, mask, "A/7", [1.0, 0.5])
    assert [strip.confounder for strip in made] == phrases()
    frame = FinishedFrame(image, mask, "A/7")
    for strip in made:
        assert strip.strengths == (0.0, 0.5, 1.0)
        np.testing.assert_array_equal(strip.pictures[0].image, image)
        np.testing.assert_array_equal(strip.pictures[2].image, frame.under(strip.confounder, 1.0).image)
        np.testing.assert_array_equal(strip.pictures[2].mask, frame.under(strip.confounder, 1.0).mask)
