"""A frame's mask: packed and unpacked without loss, and brought back to the frame's own size."""

import io

import numpy as np
import pytest
from PIL import Image

from mcdrl.artifacts.frames import judged_of, lesion_of, pack_native_mask, thresholded, to_native, unpack_native_mask


@pytest.mark.parametrize("values", [[0], [1], [0, 1], [0, 5], [0, 1, 2, 3], list(range(16)), list(range(256))])
def test_packing_loses_nothing(values):
    labels = np.random.default_rng(0).choice(values, (31, 47)).astype(np.uint8)
    png = pack_native_mask(Image.fromarray(labels))
    assert np.array_equal(unpack_native_mask(png), labels)


def test_one_class_takes_one_bit_a_pixel():
    labels = np.random.default_rng(0).choice([0, 4], (256, 256)).astype(np.uint8)
    assert len(pack_native_mask(Image.fromarray(labels))) < 256 * 256 / 8 * 1.1


def test_a_packed_mask_opens_as_a_picture_elsewhere():
    picture = Image.open(io.BytesIO(pack_native_mask(Image.fromarray(np.eye(8, dtype=np.uint8)))))
    assert (picture.format, picture.size) == ("PNG", (8, 8))


def test_geometry_undone_by_hand():
    mask = np.array([[0, 1], [2, 0]], np.uint8)
    expected = np.zeros((5, 8), np.uint8)
    expected[1:3, 4:6], expected[3:5, 2:4] = 1, 2
    assert np.array_equal(to_native(mask, (2, 1, 6, 5), 8, 5), expected)


def test_probabilities_are_enlarged_smoothly_inside_the_crop_alone():
    flat = to_native(np.full((4, 4), 0.25, np.float32), (2, 1, 11, 6), 12, 8)
    assert (flat.dtype, flat.shape) == (np.float32, (8, 12))
    assert (flat[1:6, 2:11] == 0.25).all()
    assert flat.sum() == pytest.approx(0.25 * 9 * 5)
    ramp = to_native(np.float32([[0, 1], [0, 1]]), (0, 0, 4, 4), 4, 4)
    assert ramp[0].tolist() == [0, 0.25, 0.75, 1]


def test_what_the_crop_left_out_is_called_by_no_threshold():
    box = (2, 1, 11, 6)
    enlarged = to_native(np.full((4, 4), 0.25, np.float32), box, 12, 8)
    for threshold, expected in ((0.0, 9 * 5), (0.25, 9 * 5), (0.5, 0)):
        lesion = thresholded(enlarged, box, threshold)
        assert lesion[1:6, 2:11].sum() == lesion.sum() == expected


def test_without_a_crop_it_is_an_enlargement():
    mask = (np.arange(16).reshape(4, 4) % 2).astype(np.uint8)
    assert np.array_equal(to_native(mask, (0, 0, 8, 12), 8, 12), np.kron(mask, np.ones((3, 2), np.uint8)))


def test_lesion_and_what_somebody_judged():
    labels = np.array([0, 1, 5, 254, 255], np.uint8)
    assert lesion_of(labels).tolist() == [False, True, True, True, False]
    assert judged_of(labels).tolist() == [True, True, True, True, False]
