"""What a study promises of a method, as a file."""

import json

import pytest

from mcdrl.artifacts.promise import PROMISE, promise_of, read_promise, write_promise
from mcdrl.base.errors import InputError
from tests.factories import make_promise


def test_a_promise_comes_back_and_so_does_none(tmp_path):
    write_promise(make_promise(), tmp_path / "a.json")
    assert read_promise(tmp_path / "a.json") == make_promise()
    write_promise(None, tmp_path / "b.json")
    assert read_promise(tmp_path / "b.json") is None


def test_a_model_has_a_promise_or_has_none(tmp_path):
    assert promise_of(tmp_path) is None
    write_promise(make_promise(), tmp_path / PROMISE)
    assert promise_of(tmp_path) == make_promise()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dice": "high"}, "dice: "),
        ({"more": 1}, "more: "),
        ({"worst_site": "Z"}, ".*worst_site 'Z' has no Dice"),
        *[({"threshold": value}, f"threshold: Input should be .*, got {value};") for value in (7, -1, 0, 1)],
        ({"dice": 20.695}, "dice: Input should be less than or equal to 1, got 20.695"),
        ({"flagged": -0.1}, "flagged: Input should be greater than or equal to 0"),
        ({"by_site": {"A": 0.8, "B": 6}}, r"by_site\.B: Input should be less than or equal to 1"),
        ({"n_lesion": -1}, "n_lesion: Input should be greater than or equal to 0"),
        ({"further_sizes_px": [320, 320]}, "further_sizes_px: 320 stands twice"),
        ({"further_sizes_px": [-32]}, r"further_sizes_px\.0: Input should be greater"),
    ],
)
def test_a_damaged_promise_is_named(tmp_path, change, said):
    (tmp_path / PROMISE).write_text(json.dumps({**make_promise().model_dump(), **change}))
    fix = "copy the model's folder again, or run `dvc repro deploy`"
    with pytest.raises(InputError, match=rf"promise\.json: {said}.*{fix}"):
        promise_of(tmp_path)


def test_a_missing_promise_of_the_report_is_an_error(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_promise(tmp_path / "mcdrl.json")
