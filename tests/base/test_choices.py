"""The hint in an error."""

from mcdrl.base.choices import nearest


def test_the_closest_name_comes_first():
    assert nearest("batchsize", ["epochs", "batch_size"]) == "did you mean 'batch_size'? legal: batch_size, epochs"


def test_without_a_close_name_all_are_listed():
    assert nearest("zzz", ["b", "a"]) == "legal: a, b"


def test_nothing_is_legal():
    assert nearest("x", []) == "legal: none"
