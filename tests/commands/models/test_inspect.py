"""The tables of `mcdrl inspect`."""

import numpy as np
import pandas as pd
import pytest

from mcdrl.base.errors import InputError
from mcdrl.commands.models.inspect import (
    describe,
    dictionary_table,
    inspect,
    model_tables,
    quality_table,
)
from tests import stub_sites


def test_the_nearest_other_prompt_by_hand():
    rows = pd.DataFrame({"confounder": ["x", "y", "z"], "category": "c", "prompt": ["p", "q", "r"]})
    rows["embedding"] = [np.array(v, np.float32) for v in ([1, 0], [0.6, 0.8], [0, 1])]
    assert [row[3:] for row in dictionary_table(rows).rows] == [["y", "0.600"], ["z", "0.800"], ["y", "0.800"]]


def test_a_site_without_quality_has_dashes():
    row = {"site": "A", "alpha": 0.25, "recall": np.nan, "recall_random": 0.25, "auroc": 0.9, "auroc_inverted": 0.1}
    (cells,) = quality_table(pd.DataFrame([{**row, "n_frames": 0}])).rows
    assert cells == ["A", "0.250", "–", "0.250", "0.900", "0.100", "0"]


def test_a_study_and_a_folder_of_something_else(tmp_path):
    stub_sites.write_texts(tmp_path / "build_confounders")
    (table,) = inspect(tmp_path)
    assert [row[0] for row in table.rows] == stub_sites.CONFOUNDERS
    with pytest.raises(InputError, match=r"neither model\.json nor a dictionary"):
        inspect(tmp_path / "nothing")


def test_a_card_that_is_none_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(InputError, match=r"model\.json: variant: Field required"):
        inspect(tmp_path)


def test_a_model_without_prompts_still_shows_what_is_usual():
    card = {"confounders": ["x"], "reference": {"mean": [0.1], "std": [0.02]}}
    assert model_tables(card, bundled=True)[1].rows == [["x", "", "0.100", "0.020"]]


def test_a_model_says_whether_it_holds_its_backbone():
    card = {"method": "mcdrl", "confounders": ["x"], "confounder_prompts": ["with x"], "val_dice": 0.5,
            "reference": {"mean": [0.1], "std": [0.02]}, "spec": {"width": 8},
            "parameters": {"epochs": 3, "lr_encoder": 0.0003}, "params": {"depth": 3}}  # fmt: skip
    facts, dictionary, parameters = model_tables(card, bundled=False)
    assert ["method", "mcdrl"] in facts.rows
    told = "0.500, on patients of the sites that it was trained on, which says little of other hospitals"
    assert ["val_dice", told] in facts.rows
    assert facts.rows[-1][1].startswith("no: give --backbone")
    assert dictionary.rows == [["x", "with x", "0.100", "0.020"]]
    assert parameters.rows == [["depth", "3"], ["epochs", "3"], ["lr_encoder", "0.0003"], ["width", "8"]]
    assert "params" not in [row[0] for row in facts.rows]


def test_a_study_has_no_card_to_read(tmp_path):
    stub_sites.write_texts(tmp_path / "build_confounders")
    assert describe(tmp_path) is None
