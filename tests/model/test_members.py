"""An ensemble's folder names its members."""

import pytest

from mcdrl.base.errors import InputError
from mcdrl.model.card import read_card
from mcdrl.model.members import ENSEMBLE, is_ensemble, members, write_members


def test_a_folder_of_one_model_is_its_own_member(tmp_path):
    assert members(tmp_path) == [tmp_path]
    assert not is_ensemble(tmp_path)


def test_members_keep_their_order(tmp_path):
    write_members(["5", "0", "12"], tmp_path)
    assert is_ensemble(tmp_path)
    assert members(tmp_path) == [tmp_path / "5", tmp_path / "0", tmp_path / "12"]


@pytest.mark.parametrize(
    "said",
    [
        '{"members": []}',
        '{"members": ["../0"]}',
        '{"members": [0]}',
        "{}",
        '{"members": "01"}',
        '{"members": ["0", "0"]}',
    ],
)
def test_what_names_no_seeds_is_refused(tmp_path, said):
    (tmp_path / ENSEMBLE).write_text(said)
    with pytest.raises(InputError, match=r"ensemble\.json: members is .*expected seeds"):
        members(tmp_path)


def test_where_one_network_is_wanted_one_is_named(tmp_path):
    write_members(["0", "1"], tmp_path)
    with pytest.raises(InputError, match=r"is an ensemble of 2 networks; name one of them, such as .*/0"):
        read_card(tmp_path)
