"""Colours of another site: mean and spread in Lab become the other's, and what a frame shows stays."""

import torch
from kornia.color import rgb_to_lab

from mcdrl.training.site_colours import recoloured

OTHER = torch.tensor([1, 0, 2])


def _frames():
    generator = torch.Generator().manual_seed(0)
    tints = torch.tensor([[0.6, 0.4, 0.3], [0.4, 0.5, 0.35], [0.3, 0.3, 0.6]])[:, :, None, None]
    spreads = torch.tensor([0.02, 0.04, 0.03])[:, None, None, None]
    return tints + spreads * torch.randn(3, 3, 24, 24, generator=generator).clamp(-3, 3)


def test_mean_and_spread_become_the_other_s_and_the_order_of_places_stays():
    frames = _frames()
    before, after = rgb_to_lab(frames), rgb_to_lab(recoloured(frames, OTHER))
    for one, other in ((0, 1), (1, 0)):
        for measure in (torch.mean, torch.std):
            torch.testing.assert_close(
                measure(after[one], (1, 2)), measure(before[other], (1, 2)), atol=0.02, rtol=0.01
            )
        paired = torch.stack([before[one].flatten(1), after[one].flatten(1)], 1)
        assert all(float(torch.corrcoef(channel)[0, 1]) > 0.999 for channel in paired)


def test_a_frame_that_lends_itself_its_colours_stays_what_it_is_to_the_bit():
    assert torch.equal(recoloured(_frames(), OTHER)[2], _frames()[2])


def test_a_frame_without_colours_of_its_own_gets_no_noise():
    frames = _frames()
    frames[0] = 0.5
    found = recoloured(frames, OTHER)[0]
    torch.testing.assert_close(found, found.mean((1, 2), keepdim=True).expand_as(found), atol=1e-2, rtol=0)
    assert 0 <= float(found.min()) <= float(found.max()) <= 1
