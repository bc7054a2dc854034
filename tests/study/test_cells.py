"""The trainings of a study, in the order of its rows."""

from mcdrl.study.cells import cells
from mcdrl.study.params import Study
from tests.factories import SHIPPED


def test_methods_come_first_and_seeds_change_fastest():
    study = Study.model_validate(
        {key: value for key, value in SHIPPED.items() if key in Study.model_fields}
        | {"methods": ["mcdrl", "baseline"], "held_out": ["B", "A"], "seeds": [0, 1]}
    )
    assert [cell.label for cell in cells(study)] == [
        "mcdrl-B-0", "mcdrl-B-1", "mcdrl-A-0", "mcdrl-A-1",
        "baseline-B-0", "baseline-B-1", "baseline-A-0", "baseline-A-1",
    ]  # fmt: skip
