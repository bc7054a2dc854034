"""The dictionary of confounders."""

import numpy as np
import pandas as pd
import pytest

from stages.report.topics.dictionary import cosines, dictionary_matrix


def test_cosines_are_those_of_the_texts():
    rows = pd.DataFrame({"confounder": ["a", "b", "c"], "embedding": [[2.0, 0.0], [0.0, 1.0], [3.0, 3.0]]})
    half = 0.5**0.5
    assert cosines(rows) == pytest.approx(np.array([[1, 0, half], [0, 1, half], [half, half, 1]]))
    assert 'aria-label="Cosines between the 3 prompts of the dictionary"' in dictionary_matrix(rows)
