"""What is observed of a frame, against the audit's own measures and by hand."""

import numpy as np
import pytest
import torch

from mcdrl.imaging.profile import measure
from mcdrl.methods.observed_backdoor.observed import OBSERVED, observe


def _raw(frame):
    """Give the quantities in their own units, by name."""
    return dict(zip(OBSERVED, observe(frame)[0].tolist(), strict=True))


def _picture(seed=0):
    generator = np.random.default_rng(seed)
    picture = generator.integers(30, 256, (48, 48, 3), dtype=np.uint8)
    picture[:, :10] = generator.integers(0, 24, (48, 10, 3), dtype=np.uint8)  # a border
    picture[20:30, 20:30] = generator.integers(235, 240, (10, 10, 1), dtype=np.uint8)  # glare
    return picture


def _tensor(picture):
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float().div(255)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_is_what_the_audit_measures(seed):
    picture = _picture(seed)
    expected, found = measure(picture), _raw(_tensor(picture))
    assert found["brightness"] == pytest.approx(expected["brightness"], abs=1e-4)
    assert found["contrast"] == pytest.approx(expected["contrast"], abs=1e-4)
    assert found["glare"] == pytest.approx(expected["glare_share"], abs=1e-6)
    assert np.expm1(found["sharpness"]) == pytest.approx(expected["sharpness"], rel=1e-2)
    hue = np.degrees(np.arctan2(found["green"], found["red"]))
    assert hue == pytest.approx(expected["hue_deg"], abs=0.1)


def test_a_black_frame_and_a_flat_one_are_finite():
    for value in (0.0, 0.5, 1.0):
        assert observe(torch.full((2, 3, 16, 16), value)).isfinite().all()


def test_frames_are_observed_one_by_one():
    frames = torch.cat([_tensor(_picture(seed)) for seed in (0, 1, 2)])
    alone = torch.cat([observe(frame[None]) for frame in frames])
    torch.testing.assert_close(observe(frames), alone)


def test_it_sends_nothing_back():
    frame = torch.rand(1, 3, 16, 16, requires_grad=True)
    assert not observe(frame).requires_grad


def test_in_mixed_precision_it_is_the_same():
    frame = torch.nn.functional.avg_pool2d(_tensor(_picture()), 9, 1, 4)  # where the Laplacian is small
    with torch.autocast("cpu", torch.bfloat16):
        found = observe(frame)
    torch.testing.assert_close(found, observe(frame), rtol=0, atol=1e-5)
