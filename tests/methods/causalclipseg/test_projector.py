"""A decoder of the same numbers as the textbook operation that no exporter takes."""

import pytest
import torch
from torch.nn import functional as F

from mcdrl.methods.causalclipseg.projector import DynamicConvolution, Projector


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


def test_a_projector_answers_at_four_times_the_size_and_for_each_text_otherwise():
    torch.manual_seed(0)
    projector, texts = Projector(8, 16, side=3), F.normalize(torch.randn(2, 8))
    enlarged = projector.enlarge(torch.randn(2, 16, 4, 5))
    assert enlarged.shape == (2, 8, 16, 20)
    said = projector(enlarged, texts)
    assert said.shape == (2, 1, 16, 20)
    torch.testing.assert_close(said, projector.dynamic(enlarged, texts))
    assert not torch.allclose(said, projector(enlarged, texts.flip(0)), atol=1e-2)
