"""What is kept of a tiny trained model whose dictionary is exchanged at test."""

import numpy as np
import pandas as pd
import pytest
import torch

from mcdrl.artifacts.scores import AS_TRAINED, EXCHANGED_Z, EXCHANGES, GRID_ZERO, TOKENS_ZERO
from mcdrl.model.folder import load_model, save_model
from mcdrl.study.paths import Cell, table_file
from stages.evaluate.run import write
from tests.factories import section_params
from tests.stages.evaluate.test_run import SITE, SOURCE, Placed, run, write_model, write_site

WITH_LESION = [f"{SITE}/{k}" for k in (0, 2, 3, 4, 6)]


@pytest.fixture
def placed(tmp_path):
    """Say where a method's cell lies, once it is written."""
    write_site(tmp_path)
    write_site(tmp_path, site=SOURCE)

    def of(method):
        write_model(tmp_path, method)
        return Placed(Cell(method, SITE, 0), tmp_path)

    return of


def dice_of(rows):
    """Dice [frames] of each exchange."""
    return {name: own.set_index("case_id")["dice"] for name, own in rows.groupby("exchange", sort=False)}


def blind(cell):
    """Make a cell's intervention deaf to its dictionary: whatever is attended to has the same value."""
    loaded = load_model(cell.model, cell.artifacts)
    for block in loaded.method.intervention.blocks:
        torch.nn.init.zeros_(block.attention.value.weight)
    save_model(cell.model, loaded.method.state_dict(), loaded.texts, loaded.card)


def test_where_the_dictionary_matters_exchanging_it_changes_dice(placed):
    tables = run(placed("mcdrl"))
    dice = dice_of(tables["exchanges"])
    assert list(dice) == [AS_TRAINED, *EXCHANGED_Z, TOKENS_ZERO, GRID_ZERO]
    trained = tables["cases"].set_index("case_id")["dice"].dropna()
    pd.testing.assert_series_equal(dice[AS_TRAINED], trained)
    for name in (*EXCHANGED_Z, TOKENS_ZERO, GRID_ZERO):
        assert (dice[name] - trained).abs().max() > 1e-3, name


def test_where_it_does_not_only_zeros_for_the_tokens_change_dice(placed):
    cell = placed("mcdrl")
    blind(cell)
    dice = dice_of(run(cell)["exchanges"])
    for name in EXCHANGED_Z:
        pd.testing.assert_series_equal(dice[name], dice[AS_TRAINED])
    for name in (TOKENS_ZERO, GRID_ZERO):
        assert (dice[name] - dice[AS_TRAINED]).abs().max() > 1e-3
    assert (dice[GRID_ZERO] - dice[TOKENS_ZERO]).abs().max() > 1e-3  # places that weren't mined keep their features


def test_the_attention_over_equal_vectors_has_all_the_entropy_there_is(placed):
    rows = run(placed("mcdrl"))["exchanges"]
    entropy = rows.groupby("exchange")["entropy"]
    assert entropy.min()["z_zero"] == pytest.approx(1)
    assert entropy.max()[AS_TRAINED] < 1


def test_frames_with_a_lesion_are_taken_as_many_as_the_key_says(placed):
    cell = placed("mcdrl")
    assert set(run(cell)["exchanges"]["case_id"]) == set(WITH_LESION)
    some = run(cell, exchange_frames=2)["exchanges"]
    assert some["case_id"].nunique() == 2
    assert set(some["case_id"]) <= set(WITH_LESION)
    assert run(cell, exchange_frames=0)["exchanges"].empty


def test_nothing_else_that_is_kept_depends_on_it_and_the_model_is_left_as_it_was(placed):
    cell = placed("mcdrl")
    with_it, without = run(cell), run(cell, exchange_frames=0)
    for name in set(with_it) - {"exchanges"}:
        pd.testing.assert_frame_equal(with_it[name], without[name])


def test_equal_inputs_give_equal_bytes_whatever_the_batch_size(placed):
    cell = placed("mcdrl")
    found = []
    for _ in range(2):
        write(cell.names, cell.artifacts, run(cell), section_params("evaluate"))
        found.append(table_file(cell.parts, "exchanges").read_bytes())
    assert found[0] == found[1]
    whole, halves = (run(cell, batch_size=size)["exchanges"].sort_values(list(EXCHANGES.key)) for size in (16, 2))
    np.testing.assert_allclose(whole["dice"], halves["dice"], atol=0.01)


def test_an_attention_that_is_not_over_the_whole_dictionary_has_no_entropy(placed):
    rows = run(placed("mcdrl_averaged"))["exchanges"]
    assert rows["entropy"].isna().all()
    assert rows["dice"].notna().all()
    EXCHANGES.write(rows, placed("mcdrl_averaged").parts / "exchanges.parquet")


@pytest.mark.parametrize("method", ["baseline", "no_cdrl"])
def test_a_method_without_an_intervention_has_no_rows(placed, method):
    rows = run(placed(method))["exchanges"]
    assert rows.empty
    assert rows.columns.tolist() == EXCHANGES.schema.names
