"""What a refused mask is said to hold, and settings that read it where they are followed."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from mcdrl.base.issues import RefusedError
from mcdrl.imaging.labels import Read, read_labels


def two_areas(first: int, second: int, kind: type = np.uint8) -> Image.Image:
    """A mask of two values beside black."""
    grey = np.zeros((64, 96), kind)
    grey[8:40, 8:40], grey[24:56, 56:88] = first, second
    return Image.fromarray(grey)


def read(mask: Image.Image, table: dict[str, int] | None = None, *, lossy: bool = False) -> Read:
    if lossy:
        stream = io.BytesIO()
        mask.save(stream, "JPEG", quality=100)
        mask = Image.open(stream)
    return read_labels(mask, lossy=lossy, table=table, threshold=128, value=1)


@pytest.mark.parametrize(
    ("values", "named"),
    [((1, 2), []), ((1, 1), []), ((20, 31), []), ((100, 120), ["100"]), ((100, 200), ["100", "200"])],
)
def test_no_hint_names_values_that_a_jpeg_cannot_tell(values, named):
    with pytest.raises(RefusedError, match=r"so save the masks as PNG$") as refused:
        read(two_areas(*values), lossy=True)
    assert re.findall(r'"([\d,]+)": \.\.\.', refused.value.detail) == named


def test_a_hint_on_a_jpeg_reads_it():
    labels = read(two_areas(100, 200), {"100": 1, "200": 2}, lossy=True).labels
    assert np.bincount(labels.ravel()).tolist() == pytest.approx([4096, 1024, 1024], abs=40)


@pytest.mark.parametrize("table", [None, {"0,0,254": 1}])
def test_of_a_jpeg_in_colours_no_setting_is_named(table):
    """It keeps colours at half their size: what lies between red and black is of a thousand values."""
    red = np.zeros((64, 96, 3), np.uint8)
    red[8:40, 8:40, 0], red[24:56, 56:88, 0] = 255, 140
    with pytest.raises(
        RefusedError, match=r"px and \d+ more values; (a JPEG blurs labels, so )?save the masks as PNG$"
    ):
        read(Image.fromarray(red), table, lossy=True)


def test_the_brightest_value_of_sixteen_bits_is_told_as_it_stands_there():
    mask = two_areas(1000, 1000, np.uint16)
    told = (
        "its brightest value is 1000 of 65535, as 4 of 255, mask_threshold is 128; it holds 0: 4096 px, 1000: 2048 px"
    )
    with pytest.raises(RefusedError, match=told):
        read(mask)
    assert np.bincount(read(mask, {"1000": 1}).labels.ravel()).tolist() == [4096, 2048]
