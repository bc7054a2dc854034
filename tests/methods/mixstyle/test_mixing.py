import torch

from mcdrl.clip.encoder import Encoded
from mcdrl.methods.mixstyle.mixing import mixed, restyled


def _maps(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * 3 + 1


def test_a_frame_that_keeps_nothing_of_its_style_has_the_other_s_statistics():
    grid, other = _maps(3, 4, 8, 8), torch.tensor([2, 0, 1])
    moved = restyled(grid, other, torch.zeros(3, 1, 1, 1))
    torch.testing.assert_close(moved.mean((2, 3)), grid[other].mean((2, 3)))
    torch.testing.assert_close(moved.std((2, 3)), grid[other].std((2, 3)), rtol=1e-4, atol=1e-4)
    plain = (grid - grid.mean((2, 3), keepdim=True)) / grid.std((2, 3), keepdim=True)
    again = (moved - moved.mean((2, 3), keepdim=True)) / moved.std((2, 3), keepdim=True)
    torch.testing.assert_close(again, plain, rtol=1e-3, atol=1e-3)  # the content stays


def test_a_frame_that_keeps_all_of_it_stays():
    grid = _maps(3, 4, 8, 8)
    torch.testing.assert_close(restyled(grid, torch.tensor([2, 0, 1]), torch.ones(3, 1, 1, 1)), grid)


def test_half_of_its_own_is_the_mean_of_the_statistics_by_hand():
    grid = torch.tensor([[-1.0, 1.0], [6.0, 14.0]]).view(2, 1, 1, 2)  # mean 0 and 10, deviation 1 and 4
    moved = restyled(grid, torch.tensor([1, 0]), torch.full((2, 1, 1, 1), 0.5))
    expected = torch.tensor([[5 - 2.5, 5 + 2.5], [5 - 2.5, 5 + 2.5]]).view(2, 1, 1, 2)
    torch.testing.assert_close(moved, expected, rtol=1e-4, atol=1e-4)


def test_a_flat_channel_stays_finite():
    grid = torch.ones(2, 3, 4, 4)
    assert restyled(grid, torch.tensor([1, 0]), torch.full((2, 1, 1, 1), 0.5)).isfinite().all()


def test_the_prefix_is_mixed_like_the_map_that_it_is():
    maps = {"s4": _maps(4, 6, 8, 8), "s8": _maps(4, 8, 4, 4, seed=1)}
    dense = _maps(4, 16, 4, 4)
    for seed in range(6):
        torch.manual_seed(seed)
        found = mixed(Encoded(dense, dense.mean((2, 3)), maps, maps["s8"]), share=0.5, beta=0.3)
        assert torch.equal(found.prefix, found.maps["s8"])
        assert found.dense is dense


def test_the_places_of_a_prefix_of_tokens_are_mixed_and_those_before_them_stay():
    maps = {"b3": _maps(4, 6, 5, 5), "b6": _maps(4, 8, 5, 5, seed=1)}
    dense, first = _maps(4, 16, 5, 5), _maps(4, 2, 8, seed=2)
    tokens = torch.cat([first, maps["b6"].flatten(2).mT], 1)
    torch.manual_seed(0)
    found = mixed(Encoded(dense, dense.mean((2, 3)), maps, tokens), share=1, beta=0.3)
    assert torch.equal(found.prefix[:, :2], first)
    torch.testing.assert_close(found.prefix[:, 2:].mT.unflatten(2, (5, 5)), found.maps["b6"])
    assert not torch.allclose(found.maps["b6"], maps["b6"])
    for nothing in (torch.empty(4, 0), tokens):  # not read; of no map
        without = Encoded(dense, dense.mean((2, 3)), {}, nothing)
        assert mixed(without, share=1, beta=0.3).prefix is nothing
