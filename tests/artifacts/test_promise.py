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
    [({"dice": "high"}, "dice: "), ({"more": 1}, "more: "), ({"worst_site": "Z"}, ".*worst_site 'Z' has no Dice")],
)
def test_a_damaged_promise_is_named(tmp_path, change, said):
    (tmp_path / PROMISE).write_text(json.dumps({**make_promise().model_dump(), **change}))
    with pytest.raises(InputError, match=rf"promise\.json: {said}.*dvc repro deploy"):
        promise_of(tmp_path)


def test_a_missing_promise_of_the_report_is_an_error(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_promise(tmp_path / "mcdrl.json")
