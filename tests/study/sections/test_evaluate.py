import pytest
from pydantic import ValidationError

from tests.factories import section_params


@pytest.mark.parametrize(
    "section", [{"threshold": 0.0}, {"threshold": 1.0}, {"tolerance_px": -1}, {"batch_size": 0}, {"treshold": 0.5}]
)
def test_values_out_of_range_and_typos_are_refused(section):
    with pytest.raises(ValidationError):
        section_params("evaluate", **section)


def test_whole_numbers_serve_as_tolerance():
    assert section_params("evaluate", tolerance_px=3).tolerance_px == 3
