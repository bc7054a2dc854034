"""A limit that some frames of a hospital set, held against its others."""

import numpy as np
import pandas as pd

from tests.benchmarks._toys import script

limits = script("limits")


class Order:
    """Draws the frames as they stand."""

    def permutation(self, count):
        return np.arange(count)


def test_drawn_frames_set_the_limit_and_the_others_are_called_by_it():
    """Of ten drawn frames with a lesion nine reach 0.2; of the others three of four do, and one of two without."""
    drawn = [0.1 * at for at in range(1, 11)]
    score = np.array([*drawn, 0.9, 0.3, 0.2, 0.19, 0.5, 0.1])
    lesion = np.array([True] * 14 + [False] * 2)
    assert limits.called(score, lesion, 10, Order()) == (0.75, 0.5)
    assert np.isnan(limits.called(score, ~lesion, 10, Order())).all()  # none of those drawn has a lesion


def test_a_row_a_recipe_and_site_and_several_trainings_are_pooled():
    def frames(site, seed, lesions, bare):
        count = lesions + bare
        return pd.DataFrame({
            "method": "viewpoint", "held_out": site, "seed": seed, "case_id": [f"{site}/{at}" for at in range(count)],
            "lesions": [1] * lesions + [0] * bare, "score": [0.8 - 0.1 * seed] * lesions + [0.2] * bare,
        })  # fmt: skip

    rows = pd.concat([frames("A", 0, 80, 40), frames("A", 1, 80, 40), frames("B", 0, 80, 5)])
    head, _, *lines = limits.lines(rows, ["viewpoint"])
    assert head[3:5] == ["20 frames: called with", "20 frames: without"]
    assert lines == [["`viewpoint`", "A", "2", *["1.00 (1.00 to 1.00)", "0.00"] * 3]]
