"""Lists of training modes."""

from typing import get_args

from mcdrl.study.modes import CACHED_MODES, ENCODER_MODES, PIXEL_MODES
from mcdrl.study.sections.train import Params


def test_a_mode_reads_features_or_pixels():
    assert (*CACHED_MODES, *PIXEL_MODES) == get_args(Params.model_fields["mode"].annotation)
    assert set(ENCODER_MODES) - set(PIXEL_MODES) == {"suffix"}
