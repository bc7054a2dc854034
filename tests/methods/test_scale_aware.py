"""Words, gates and the lesion's feature, against their formulas written out."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from mcdrl.clip.encoder import unit
from mcdrl.methods.scale_aware import GatedScales, in_words, lesion_feature
from tests import stub_sites


def _drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_place_says_the_texts_by_their_softmax_and_their_cosines():
    dense, classes = unit(_drawn(2, 8, 3, 3), 1), unit(_drawn(4, 8, seed=1), 1)
    found = in_words(dense, classes, temperature=0.07)
    cosines = classes @ dense[1, :, 2, 0]
    expected = ((cosines / 0.07).softmax(0) * cosines) @ classes * 8**0.5
    torch.testing.assert_close(found[1, :, 2, 0], expected)


def test_one_text_alone_still_says_where_it_fits():
    dense, text = unit(_drawn(1, 8, 3, 3), 1), unit(_drawn(1, 8, seed=1), 1)
    found = in_words(dense, text, temperature=0.07)
    torch.testing.assert_close(found[0].norm(dim=0), torch.einsum("dhw,d->hw", dense[0], text[0]).abs() * 8**0.5)


@pytest.mark.parametrize("kernels", [[3], [1, 5, 11]])
def test_the_scales_are_gated_sums_of_convolutions(kernels):
    torch.manual_seed(0)
    scales, features, words = GatedScales(8, 6, kernels=kernels), _drawn(2, 8, 12, 12), _drawn(2, 6, 12, 12, seed=1)
    total = sum(
        gate(words).sigmoid() * F.conv2d(features, scale.weight, padding=side // 2, groups=8)
        for side, scale, gate in zip(kernels, scales.scales, scales.gates, strict=True)
    )
    torch.testing.assert_close(scales(features, words), scales.mix(scales.norm(total).relu()))


def test_the_lesion_s_feature_is_the_mean_over_its_places_and_nothing_without_a_lesion():
    batch, dense = stub_sites.batch(2), unit(_drawn(2, 6, 4, 4), 1)
    mask = torch.zeros_like(batch.mask)
    mask[0, 0:8, 0:8], mask[0, 8:12, 0:8], mask[1, 0, 0] = 1, 1, 255  # one place whole, one by half
    found = lesion_feature(dense, replace(batch, mask=mask))
    torch.testing.assert_close(found[0], unit(dense[0, :, 0, 0] + 0.5 * dense[0, :, 1, 0], 0))
    assert not found[1].any()
