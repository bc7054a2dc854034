import torch

from mcdrl.methods.fourier.mixing import amplitude_mixed


def _frames(seed=0):
    return 0.3 + 0.4 * torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(seed))


def test_nothing_mixed_in_changes_nothing():
    frames = _frames()
    same = amplitude_mixed(frames, torch.tensor([1, 2, 0]), torch.zeros(3, 1, 1, 1))
    torch.testing.assert_close(same, frames, rtol=1e-4, atol=1e-4)


def test_all_of_it_mixed_in_has_the_other_s_amplitude_and_its_own_phase():
    frames, other = 0.45 + 0.1 * (_frames() - 0.5), torch.tensor([1, 2, 0])
    moved = amplitude_mixed(frames, other, torch.ones(3, 1, 1, 1))
    ours, theirs = torch.fft.fft2(moved), torch.fft.fft2(frames)
    torch.testing.assert_close(ours.abs(), theirs[other].abs(), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(ours / ours.abs(), theirs / theirs.abs(), rtol=1e-2, atol=1e-2)


def test_the_mean_colour_follows_the_share_by_hand():
    flat = torch.tensor([0.2, 0.6]).view(2, 1, 1, 1).expand(2, 3, 8, 8).contiguous()
    moved = amplitude_mixed(flat, torch.tensor([1, 0]), torch.full((2, 1, 1, 1), 0.25))
    torch.testing.assert_close(moved, torch.tensor([0.3, 0.5]).view(2, 1, 1, 1).expand(2, 3, 8, 8))
