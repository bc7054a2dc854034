import pytest
from pydantic import ValidationError

from mcdrl.clip.encoder import SIDES_PX
from tests.factories import section_params


@pytest.mark.parametrize(
    "section", [{"threshold": 0.0}, {"threshold": 1.0}, {"tolerance_px": -1}, {"batch_size": 0}, {"treshold": 0.5},
                {"further_sizes_px": [320, 320]}]
)  # fmt: skip
def test_values_out_of_range_and_typos_are_refused(section):
    with pytest.raises(ValidationError):
        section_params("evaluate", **section)


def test_whole_numbers_serve_as_tolerance():
    assert section_params("evaluate", tolerance_px=3).tolerance_px == 3


def test_the_sizes_are_those_that_encoders_take():
    assert section_params("evaluate", further_sizes_px=[SIDES_PX[0], SIDES_PX[-1]]).further_sizes_px == [32, 1024]
    for side in (SIDES_PX[0] - SIDES_PX.step, SIDES_PX[-1] + SIDES_PX.step, SIDES_PX[0] + 1):
        with pytest.raises(ValidationError):
            section_params("evaluate", further_sizes_px=[side])
