"""Drawn frames whose borders, panels, text and position boxes are known to the pixel."""

import numpy as np
import pytest

from mcdrl.imaging.borders import measure


def view(height=224, width=224, top=0, left=0, bottom=224, right=224):
    frame = np.zeros((height, width, 3), np.uint8)
    frame[top:bottom, left:right] = (180, 90, 80)
    return frame


def test_a_frame_full_of_tissue_has_no_border():
    found = measure(view())
    assert found.box == (0, 0, 1, 1)
    assert (found.border_share, found.panel_share, found.overlay_share, found.marker_share) == (0, 0, 0, 0)


def test_a_black_frame_around_the_view():
    found = measure(view(top=28, left=56, bottom=196, right=168))
    assert found.box == (0.25, 0.125, 0.75, 0.875)
    assert found.border_share == pytest.approx(1 - 0.5 * 0.75)
    assert found.panel_share == pytest.approx(0.5)
    assert found.overlay_share == 0


def test_borders_of_real_cameras_are_not_quite_black():
    frame = np.maximum(view(top=28, left=56, bottom=196, right=168), 30)
    assert measure(frame).box == (0.25, 0.125, 0.75, 0.875)


def test_a_dark_lumen_belongs_to_the_view():
    frame = view()
    frame[80:150, 90:160] = 5
    assert measure(frame).border_share == 0


def test_text_in_the_panel_is_an_overlay_and_not_the_view():
    frame = view(left=84)
    frame[20:40, 8:48] = 255
    found = measure(frame)
    assert found.box == (0.375, 0, 1, 1)
    assert found.overlay_share == pytest.approx(20 * 40 / 224**2, rel=0.2)


@pytest.mark.parametrize("colour", [(20, 160, 130), (80, 100, 230)])
def test_a_coloured_box_in_a_corner_is_a_marker(colour):
    frame = view()
    frame[168:220, 4:60] = colour
    assert measure(frame).marker_share == pytest.approx(52 * 56 / 224**2, rel=0.1)


def test_a_box_in_the_view_is_a_marker_and_not_outside():
    frame = view(480, 640, bottom=480, right=640)
    frame[30:130, 50:150] = (80, 100, 230)
    found = measure(frame)
    assert found.border_share == 0
    assert found.marker_share == pytest.approx(100**2 / (480 * 640), rel=0.1)


def test_dye_in_the_middle_is_no_marker():
    frame = view()
    frame[90:150, 80:140] = (40, 120, 200)
    assert measure(frame).marker_share == 0


def test_a_blackened_box_in_a_corner_is_a_marker():
    frame = view()
    frame[164:, :60] = 0
    assert measure(frame).marker_share == pytest.approx(60 * 60 / 224**2, rel=0.1)


def test_a_corner_in_shadow_is_no_box_and_its_speckles_no_text():
    frame = view()
    frame[150:, :74] = (38, 26, 20)  # as dark as a border may be, but no processor's black
    frame[160:220:12, 8:60:12] = (120, 70, 50)
    found = measure(frame)
    assert (found.marker_share, found.overlay_share) == (0, 0)
    frame[150:, :74] = 4
    assert measure(frame).marker_share > 0.1


def test_a_black_triangle_in_one_corner_is_no_box():
    frame = view()
    rows, columns = np.mgrid[:224, :224]
    frame[(223 - rows) + columns < 90] = 0
    assert measure(frame).marker_share == 0


def test_a_frame_that_is_black_all_over_counts_as_view():
    assert measure(view() * 0).border_share == 0


def test_the_size_of_the_frame_does_not_matter():
    small, large = (
        measure(view(*size, size[0] // 4, size[1] // 4, size[0], size[1])) for size in ((64, 80), (1072, 1920))
    )
    assert small.box == pytest.approx(large.box, abs=0.04)
    assert small.border_share == pytest.approx(7 / 16, abs=0.04)
