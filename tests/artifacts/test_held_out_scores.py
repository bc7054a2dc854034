"""held_out_scores.json: damage is told in a sentence that names the key."""

import pytest

from mcdrl.artifacts.held_out_scores import HELD_OUT_SCORES, HeldOutScores, read_held_out_scores, write_held_out_scores
from mcdrl.base.errors import InputError
from mcdrl.base.files import read_json, write_json

SCORES = HeldOutScores(
    weights_sha256="0" * 64, held_out="A", threshold=0.5, n_lesion=3, n_groups=2, dice=0.5, dice_low=None,
    dice_high=None, n_negative=0, false_positive_rate=None,
)  # fmt: skip


def test_what_was_written_is_read(tmp_path):
    write_held_out_scores(SCORES, tmp_path)
    assert read_held_out_scores(tmp_path) == SCORES


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"dise": 0.5}, "dise: unknown key; did you mean 'dice'"),
        ({"n_lesion": "three"}, "n_lesion: Input should be a valid integer, got 'three'"),
        *[({"threshold": value}, f"threshold: Input should be .*, got {value};") for value in (7, -1, 0, 1)],
        ({"dice": 74}, "dice: Input should be less than or equal to 1, got 74"),
        ({"false_positive_rate": -0.5}, "false_positive_rate: Input should be greater than or equal to 0"),
        ({"leaked_frames": -1}, "leaked_frames: Input should be greater than or equal to 0"),
        ({"further_sizes_px": [320, 320]}, "further_sizes_px: 320 stands twice"),
        ({"further_sizes_px": [0]}, r"further_sizes_px\.0: Input should be greater"),
    ],
)
def test_damage_names_the_key(tmp_path, changed, said):
    write_held_out_scores(SCORES, tmp_path)
    write_json({**read_json(tmp_path / HELD_OUT_SCORES), **changed}, tmp_path / HELD_OUT_SCORES)
    with pytest.raises(InputError, match=f"{said}.*copy the model's folder again, or run `dvc repro evaluate`"):
        read_held_out_scores(tmp_path)
