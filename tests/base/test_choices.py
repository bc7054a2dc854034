"""The hint in an error."""

from mcdrl.base.choices import nearest, unknown


def test_the_closest_name_comes_first():
    assert nearest("batchsize", ["epochs", "batch_size"]) == "did you mean 'batch_size'? legal: batch_size, epochs"


def test_without_a_close_name_all_are_listed():
    assert nearest("zzz", ["b", "a"]) == "legal: a, b"
    assert nearest("datei", ["file", "patient"]) == "legal: file, patient"


def test_nothing_is_legal():
    assert nearest("x", []) == "legal: none"


def test_a_name_that_was_changed_leads_to_the_present_one():
    """Even where another one is closer."""
    names = ["average", "front_door"]
    renamed = {"back_door": "average"}
    assert nearest("back_door", names, renamed) == "it is called 'average' now; legal: average, front_door"
    assert unknown("methods", ["back_door", "average"], names, renamed) == [
        "methods: unknown 'back_door'; it is called 'average' now; legal: average, front_door"
    ]
