import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from stages.build_confounders.review import neighbours, show, warnings


def rows(*degrees):
    angles = np.radians(degrees)
    return pd.DataFrame({"embedding": list(np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32))})


def test_neighbours_by_hand():
    near = neighbours(["a", "b", "c"], rows(0, 60, 90))
    assert near["nearest"].tolist() == ["b", "c", "b"]
    assert near["cosine"].tolist() == pytest.approx([0.5, np.cos(np.radians(30)), np.cos(np.radians(30))], abs=1e-6)


def test_a_single_text_has_no_neighbour():
    assert neighbours(["a"], rows(0)).empty


def test_texts_that_say_the_same_are_named_once(encoder):
    near = neighbours(["dim", "dark", "bright"], rows(0, 1, 90))
    lines = warnings(encoder, [], near)
    assert len(lines) == 1
    assert "'dark' and 'dim'" in lines[0]
    assert "1.000" in lines[0]


def test_unknown_words_are_named_with_their_prompt(encoder):
    near = neighbours(["a"], rows(0))
    lines = warnings(encoder, ["with fuzz and zebras", "with blood"], near)
    assert len(lines) == 1
    assert "'with fuzz and zebras'" in lines[0]
    assert "fuzz, zebras" in lines[0]


def test_a_prompt_that_is_cut_is_named(encoder):
    near = neighbours(["a"], rows(0))
    (line,) = warnings(encoder, ["blood " * 20, "blood"], near)
    assert line.startswith(f"'{'blood ' * 20}' is longer than the text tower reads")


def test_the_table_shows_each_phrase_and_each_warning():
    stream = io.StringIO()
    show(neighbours(["dim", "dark"], rows(0, 60)), ["[brackets] stay"], Console(file=stream, width=100))
    text = stream.getvalue()
    assert "dim" in text
    assert "0.500" in text
    assert "warning: [brackets] stay" in text
