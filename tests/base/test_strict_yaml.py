"""No YAML text of a few lines fills the stack, the memory or the time of whoever reads it."""

import pytest
import yaml

from mcdrl.base.errors import InputError
from mcdrl.base.strict_yaml import load_record, load_yaml
from mcdrl.study.params import read_params
from tests.projects import ROOT

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(9)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 10_000, "nested more than 100 deep"),
        ("- " * 10_000 + "x", "nested more than 100 deep"),
        ("a: " + "{a: " * 101, "nested more than 100 deep"),
        (BOMB, "more than 100000 values"),
        ("a: &x [1, *x]", "an alias stands in what it names"),
        ("a: &x {b: *x}", "an alias stands in what it names"),
        ("a: " + "9" * 5000, "a value can't be read: Exceeds the limit"),
        ("a: 2024-13-40", "a value can't be read: month must be in"),
        ("a: !!timestamp x", "a value can't be read"),
        ("a: !!bool x", "a value can't be read"),
        ("a: !!int x", "a value can't be read"),
    ],
)
def test_a_text_beyond_the_bounds_is_an_error(text, message, tmp_path):
    with pytest.raises(yaml.YAMLError, match=message):
        load_yaml(text)
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(InputError, match=r"params\.yaml is not valid YAML") as refused:
        read_params(tmp_path / "params.yaml")
    assert len(str(refused.value)) < 600


def test_what_dvc_wrote_is_read_as_by_the_parser_in_python():
    text = (ROOT / "dvc.lock").read_text(encoding="utf-8")
    assert load_record(text) == yaml.safe_load(text)
    for damaged in ("a: b: c", "a: [", "a: !!python/name:os.system x"):
        with pytest.raises(yaml.YAMLError):
            load_record(damaged)


def test_what_is_deep_or_large_within_reason_is_read():
    assert load_yaml("[" * 99 + "]" * 99)
    assert len(load_yaml("a: [" + "1, " * 9_000 + "]")["a"]) == 9_000
    assert load_yaml("x: &x [1, 2]\ny: *x\nz: [*x, *x]") == {"x": [1, 2], "y": [1, 2], "z": [[1, 2], [1, 2]]}


def test_many_keys_take_no_time_that_grows_with_their_square():
    assert len(load_yaml("".join(f"k{number}: 1\n" for number in range(20_000)))) == 20_000
