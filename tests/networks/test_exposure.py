import numpy as np
import pytest
import torch

from mcdrl.networks.exposure import bright_end, lifted, limit


def frames():
    """Two of 64 px: one of 20 with a patch of 80 and glare in a pixel, and one that is bright."""
    dark = np.full((64, 64, 3), 20, np.uint8)
    dark[16:32, 16:32] = (80, 40, 10)
    dark[0, 0] = 255
    both = np.stack([dark, np.full_like(dark, 200)])
    return torch.from_numpy(both).permute(0, 3, 1, 2).float() / 255


def test_the_bright_end_is_the_brightest_patch_and_not_its_glare():
    assert (255 * bright_end(frames())).tolist() == pytest.approx([80, 200], abs=0.01)


def test_a_dark_frame_is_multiplied_up_to_the_limit_and_a_bright_one_stays():
    given = frames()
    found = 255 * lifted(given, 120 / 255)
    torch.testing.assert_close(found[0, :, 20, 20], torch.tensor([120.0, 60.0, 15.0]))
    torch.testing.assert_close(found[0, :, 40, 40], torch.full((3,), 30.0))
    assert float(found.max()) <= 255
    torch.testing.assert_close(found[1], 255 * given[1])


def test_without_a_limit_nothing_is_done_and_a_black_frame_stays_black():
    given = frames()
    assert lifted(given, 0.0) is given
    assert float(lifted(0 * given, 0.5).max()) == 0


def test_what_is_all_but_black_is_not_made_a_picture():
    grain = torch.from_numpy(np.random.default_rng(1).integers(0, 4, (1, 3, 64, 64))).float() / 255
    torch.testing.assert_close(lifted(grain, 0.8), 4 * grain)


@pytest.mark.parametrize("side", [64, 100, 236])
def test_a_mirrored_frame_is_as_bright(side):
    frame = torch.zeros(1, 3, side, side)
    frame[..., : side // 3, -5:] = 0.6
    torch.testing.assert_close(bright_end(frame), bright_end(frame.flip(-1)))
    torch.testing.assert_close(bright_end(frame), bright_end(frame.flip(-2)))


@pytest.mark.parametrize("side", [8, 64, 224, 228, 236, 244, 252, 316])
def test_glare_fills_no_patch_at_any_size(side):
    frame = torch.full((1, 3, side, side), 0.1)
    frame[..., :2, :2] = 1.0
    assert float(bright_end(frame)) < 0.2


def test_each_frame_goes_by_itself():
    given = frames()
    torch.testing.assert_close(lifted(given, 0.9)[:1], lifted(given[:1], 0.9))


def test_a_twentieth_of_the_training_frames_lies_below_the_limit():
    ends = np.random.default_rng(0).random(1000).astype(np.float32)
    assert np.mean(ends < limit(ends)) == pytest.approx(0.05, abs=0.002)
