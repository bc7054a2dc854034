"""Levels on one grid, the maskers' game, and a placebo of equal size."""

import torch
from torch.nn import functional as F

from mcdrl.methods.causalclipseg.masker import Coordinates, Levels, Masker


def _masker(kind="learned"):
    torch.manual_seed(0)
    return Masker(8, kind=kind, seed=3)


def test_the_three_coarsest_maps_are_the_levels_and_the_tokens_join_the_last():
    torch.manual_seed(0)
    channels = {"s4": 3, "s8": 4, "s16": 5, "s32": 6}
    levels = Levels(7, channels, width=8)
    maps = {tap: torch.randn(2, channels[tap], side, side) for tap, side in zip(channels, (16, 8, 4, 2), strict=True)}
    dense = torch.randn(2, 7, 4, 4)
    found = levels(maps, dense)
    assert [level.shape for level in found] == [(2, 8, 4, 4)] * 3
    torch.testing.assert_close(found[0], F.avg_pool2d(levels.maps["s8"](maps["s8"]), 2))
    torch.testing.assert_close(found[1], levels.maps["s16"](maps["s16"]))
    repeated = levels.maps["s32"](maps["s32"]).repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(found[2], repeated + levels.tokens(dense))


def test_places_know_where_they_are():
    found = Coordinates()(torch.zeros(2, 1, 3, 5))
    assert found.shape == (2, 3, 3, 5)
    assert found[1, 1, 0].tolist() == [-1, -0.5, 0, 0.5, 1]
    assert found[1, 2, :, 0].tolist() == [-1, 0, 1]


def test_a_loss_of_the_confounding_part_reaches_the_masker_against_its_sign_in_training_only():
    masker, features = _masker(), torch.randn(2, 8, 5, 5)

    def gradient(part: int) -> torch.Tensor:
        masker.zero_grad()
        masker(features)[part].sum().backward()
        return masker.convolutions[1][0].weight.grad.clone()

    causal, confounding = gradient(0), gradient(1)
    torch.testing.assert_close(confounding, causal)  # f*(1-m) falls where f*m rises, and the sign is changed once more
    assert causal.abs().sum() > 0
    masker.eval()
    torch.testing.assert_close(gradient(1), -causal)
    torch.testing.assert_close(sum(masker(features)), features)


def test_the_placebo_s_mask_is_the_learned_one_with_its_places_exchanged_for_all_channels_alike():
    learned, random = _masker(), _masker("random")
    features = torch.randn(3, 8, 5, 5)
    own = learned.mask(features)
    for masker in (random.train(), random.eval()):
        other = masker.mask(features)
        assert not torch.allclose(other, own)
        torch.testing.assert_close(other.flatten(2).sort(2).values, own.flatten(2).sort(2).values)
        distance = torch.cdist(other.flatten(2).transpose(1, 2), own.flatten(2).transpose(1, 2))
        assert (distance.min(2).values < 1e-4).all()  # each place is a place of the learned mask, whole


def test_the_placebo_draws_anew_in_training_and_once_and_for_all_at_prediction():
    random, features = _masker("random"), torch.randn(1, 8, 5, 5).repeat(2, 1, 1, 1)
    assert not torch.allclose(random.train().mask(features), random.mask(features))
    assert not torch.allclose(*random.mask(features))
    random.eval()
    first = random.mask(features)
    torch.testing.assert_close(*first)
    torch.manual_seed(9)
    assert torch.equal(random.mask(features), first)
    assert not torch.allclose(first, _masker().eval().mask(features))
