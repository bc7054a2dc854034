"""The masker's game, and a decoder of the same numbers as the textbook operation that no exporter takes."""

import pytest
import torch
from torch.nn import functional as F

from mcdrl.methods.causalclipseg.masker import DynamicConvolution, Masker


@pytest.mark.parametrize("side", [1, 3, 5])
def test_the_dynamic_convolution_is_a_grouped_convolution_with_a_kernel_a_frame(side):
    torch.manual_seed(0)
    decoder, features, texts = (
        DynamicConvolution(8, 5, side=side),
        torch.randn(3, 5, 6, 7),
        F.normalize(torch.randn(3, 8)),
    )
    scaled = texts * 8**0.5
    kernels = decoder.kernel(scaled).view(3, 5, side, side) / (5**0.5 * side)
    grouped = F.conv2d(features.flatten(0, 1)[None], kernels, padding=side // 2, groups=3).transpose(0, 1)
    expected = grouped + decoder.bias(scaled)[:, :, None, None]
    torch.testing.assert_close(decoder(features, texts), expected)
    assert expected.std() > 0.1


def test_a_loss_of_the_confounding_part_reaches_the_masker_against_its_sign_in_training_only():
    torch.manual_seed(0)
    masker, features = Masker(4), torch.randn(2, 4, 5, 5)

    def gradient(part: int) -> torch.Tensor:
        masker.zero_grad()
        masker(features)[part].sum().backward()
        return masker.convolution[0].weight.grad.clone()

    causal, confounding = gradient(0), gradient(1)
    torch.testing.assert_close(confounding, causal)  # f*(1-m) falls where f*m rises, and the sign is changed once more
    assert causal.abs().sum() > 0
    masker.eval()
    torch.testing.assert_close(gradient(1), -causal)
    torch.testing.assert_close(sum(masker(features)), features)
