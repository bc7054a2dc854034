"""Contact sheets by hand."""

import numpy as np

from mcdrl.renderer import Frame
from stages.phantom.sheet import contact_sheet


def frame(grey: int, lesion: bool) -> Frame:
    mask = np.zeros((6, 6), dtype=bool)
    mask[1:5, 1:5] = lesion
    return Frame(np.full((6, 6, 3), grey, np.uint8), mask, "polyp" if lesion else None, {})


def test_sheet_has_rows_of_columns_and_black_rest() -> None:
    sheet = contact_sheet([frame(50, False), frame(100, False), frame(150, False)], columns=2)
    assert sheet.shape == (12, 12, 3)
    assert [int(sheet[i, j, 0]) for i, j in ((0, 0), (0, 6), (6, 0), (6, 6))] == [50, 100, 150, 0]


def test_outline_is_the_border_of_the_mask_and_leaves_the_frame_alone() -> None:
    one = frame(50, True)
    sheet = contact_sheet([one], columns=1)
    drawn = (sheet != 50).any(-1)
    expected = one.mask.copy()
    expected[2:4, 2:4] = False
    np.testing.assert_array_equal(drawn, expected)
    assert (one.image == 50).all()
