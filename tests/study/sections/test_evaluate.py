import pytest
from pydantic import ValidationError

from mcdrl.study.sections.evaluate import Params


@pytest.mark.parametrize(
    "section", [{"threshold": 0.0}, {"threshold": 1.0}, {"tolerance_px": -1}, {"batch_size": 0}, {"treshold": 0.5}]
)
def test_values_out_of_range_and_typos_are_refused(section):
    with pytest.raises(ValidationError):
        Params.model_validate(section)


def test_whole_numbers_serve_as_tolerance():
    assert Params.model_validate({"tolerance_px": 3}).tolerance_px == 3
