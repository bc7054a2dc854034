"""What several topics follow from."""

import numpy as np
import pandas as pd

from stages.report.results import best_method


def frames(**dice):
    """Frames of site A, of which there are three, and of site B, of which there is one."""
    rows = [
        (method, site, value) for method, values in dice.items() for site, value in zip("AAAB", values, strict=True)
    ]
    return pd.DataFrame(rows, columns=["method", "held_out", "dice"])


def test_the_best_method_is_that_of_the_best_mean_over_sites():
    rows = frames(a=(0.9, 0.9, 0.9, 0.1), b=(0.6, 0.6, 0.6, 0.6))
    assert best_method(rows, ["a", "b"]) == "b"


def test_of_equal_methods_the_first_is_the_best_and_undefined_ones_are_not():
    rows = frames(a=[np.nan] * 4, b=(0.5, 0.5, 0.5, 0.5), c=(0.5, 0.5, 0.5, 0.5))
    assert best_method(rows, ["a", "c", "b"]) == "c"
    assert best_method(rows[rows["method"] == "a"], ["a"]) == "a"
