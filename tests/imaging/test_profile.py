"""A frame's looks, against numbers worked out by hand."""

import colorsys

import numpy as np
import pytest

from mcdrl.imaging.profile import measure


def flat(red, green, blue, side=16):
    return np.full((side, side, 3), (red, green, blue), np.uint8)


def test_a_flat_frame():
    found = measure(flat(200, 100, 50))
    assert found["brightness"] == pytest.approx((0.299 * 200 + 0.587 * 100 + 0.114 * 50) / 255)
    assert found["saturation"] == pytest.approx(150 / 200)
    assert found["red_share"] == pytest.approx(200 / 350)
    assert found["blue_share"] == pytest.approx(50 / 350)
    assert found["contrast"] == pytest.approx(0, abs=1e-5)
    assert found["sharpness"] == pytest.approx(0, abs=1e-6)
    assert found["glare_share"] == 0


@pytest.mark.parametrize(
    ("colour", "hue"),
    [((200, 50, 50), 0), ((200, 200, 50), 60), ((50, 200, 50), 120), ((200, 50, 200), -60), ((50, 50, 200), -120)],
)
def test_hue_of_pure_colours(colour, hue):
    assert measure(flat(*colour))["hue_deg"] == pytest.approx(hue)


def test_hue_of_any_colour_is_near_the_standard_library_s():
    for colour in np.random.default_rng(0).integers(30, 256, (20, 3)):
        hue = 360 * colorsys.rgb_to_hsv(*(colour / 255))[0]
        turn = (measure(flat(*colour))["hue_deg"] - hue + 180) % 360 - 180
        assert abs(turn) < 1.2  # a hexagon there, a circle here


def test_hues_on_both_sides_of_red_average_to_red():
    frame = flat(200, 60, 50)
    frame[:, 8:] = (200, 50, 60)
    assert measure(frame)["hue_deg"] == pytest.approx(0, abs=1e-4)


def test_a_grey_frame_has_no_hue():
    found = measure(flat(90, 90, 90))
    assert found["hue_deg"] is None
    assert found["red_share"] == pytest.approx(1 / 3)


def test_contrast_and_glare_of_halves():
    frame = flat(100, 100, 100)
    frame[:4] = 250  # a quarter
    found = measure(frame)
    assert found["glare_share"] == 0.25
    assert found["brightness"] == pytest.approx((0.25 * 250 + 0.75 * 100) / 255)
    assert found["contrast"] == pytest.approx(150 * np.sqrt(0.25 * 0.75) / 255)


def test_bright_colour_is_no_glare():
    assert measure(flat(255, 240, 120))["glare_share"] == 0


def test_sharpness_of_one_bright_dot():
    frame = flat(100, 100, 100)
    frame[8, 8] = 110
    values = np.zeros(256)
    values[:5] = [-40, 10, 10, 10, 10]
    assert measure(frame)["sharpness"] == pytest.approx(values.var(), rel=1e-4)


def test_black_borders_count_for_nothing():
    frame = flat(200, 100, 50, side=32)
    frame[:, :10] = 5
    assert measure(frame) == pytest.approx(measure(flat(200, 100, 50)), abs=1e-5)


def test_a_black_frame_has_no_looks():
    assert set(measure(flat(3, 2, 1)).values()) == {None}


def test_blur_lowers_sharpness_and_noise_raises_it():
    from scipy import ndimage

    noisy = np.random.default_rng(1).integers(80, 160, (64, 64, 3)).astype(np.uint8)
    smooth = ndimage.gaussian_filter(noisy, (1, 1, 0))
    assert measure(smooth)["sharpness"] < measure(noisy)["sharpness"] / 10
