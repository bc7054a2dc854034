"""YAML says here what it says to DVC, and no text of a few lines fills stack, memory or time of whoever reads it."""

import pytest
import yaml
from dvc.utils.serialize import YAMLError, parse_yaml

from mcdrl.base.errors import InputError
from mcdrl.base.strict_yaml import load_record, load_yaml, read_yaml
from mcdrl.study.params import load_study, read_params
from tests.projects import ROOT, copy_project

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(9)
)


SCALARS = [
    "012", "010", "08", "089", "-012", "+012", "00", "0", "-0", "+1", "1_0", "0_7", "1_", "0_", "0o17", "-0o17",
    "0o_7", "0o8", "0O17", "0x1F", "0X1F", "-0x1f", "0x_1", "0x", "0b11", "0B1", "0b2", "-0b1", "-_", "0x_", "_", "_1",
    "1:30", "1:5", "-1:30", "190:20:30", "1:30.5", "00:10", "0.5", ".5", "-.5", "+.5", "5.", "-5.", "1.e-2", ".1e-1",
    ".1e1", "1e3", "1E3", "1e+3", "1e-3", "1e-05", "01.5", "01e2", "012.5", "0_1.5", "1_0.5", "0.00_5", "1_0e2",
    "1_e5", "1e_5", "1e", "1e5.5", ".e5", ".5e", "5.e5", "._5", "._", "-._", ".", "..", ".inf", "-.inf", "+.Inf",
    ".INF", ".nan", ".NaN", "-.nan", "inf", "nan", "NaN", "1.2.3", "1,000", "yes", "Yes", "YES", "no", "No", "NO",
    "on", "On", "off", "OFF", "y", "n", "Y", "N", "true", "True", "TRUE", "tRUE", "false", "False", "FALSE", "null",
    "Null", "NULL", "~", "2024-01-02", "2024-13-40", "2024-1-2", "=", "<<",
]  # fmt: skip
TAGGED = ["!!int 012", "!!int 1.5", "!!float 1", "!!float 1:30", "!!bool true", "!!bool yes", "!!str 12", "!!null x"]
KEYS = ["{012: 1}", "{yes: 1}", "{1: 1, 01: 2}", "{1: 1, 1.0: 2}", "{true: 1, True: 2}", "{<<: {a: 1}, a: 2}"]
COLONS = ["[1:30]", "[a:b]", "[http://x]", "{a:1}", "{1:30: 2}", '{"a":1}', "['a:b']", "a:b", "http://x:80", "{a: 1}"]


def said(read):
    """Return what a reader makes of a text, by its type, too; None: it refuses it."""
    try:
        return repr(read())
    except (yaml.YAMLError, YAMLError, ValueError, KeyError):
        return None


@pytest.mark.parametrize("text", [*SCALARS, *TAGGED, *KEYS, *COLONS])
def test_a_value_says_what_it_says_to_dvc(text):
    text = f"a: {text}\n"
    assert said(lambda: load_yaml(text)) == said(lambda: parse_yaml(text, "params.yaml"))


@pytest.mark.parametrize(
    ("text", "value"),
    [("012", 12), ("-010", -10), ("0o17", 15), ("1e-05", 1e-05), ("-.5", -0.5), ("1:30", "1:30"), ("yes", "yes")],
)
def test_numbers_and_words_are_those_of_version_1_2(text, value):
    assert load_yaml(f"a: {text}") == {"a": value}


def test_a_number_with_a_leading_zero_is_decimal_in_params_yaml(tmp_path):
    path = copy_project(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("seeds: [0]", "seeds: [010]"), encoding="utf-8")
    assert load_study(path).seeds == [10]


def test_a_colon_within_brackets_is_told_with_what_to_do(tmp_path):
    (tmp_path / "params.yaml").write_text("held_out: [A, b:c]\n")
    with pytest.raises(InputError, match='colon within brackets; put quotes around it: "b:c"') as refused:
        read_params(tmp_path / "params.yaml")
    assert "line 1, column 15" in str(refused.value)


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


def test_a_key_that_stands_twice_is_told_with_both_lines(tmp_path):
    (tmp_path / "a.yaml").write_text("# c\na: 1\nb: 2\n\na: 3\n")
    with pytest.raises(InputError, match=r"(?s)key 'a' stands twice, the first time in line 2.*line 5, column 1"):
        read_yaml(tmp_path / "a.yaml")
