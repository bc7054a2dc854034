"""Networks made by hand, whose dictionary matters or doesn't."""

import pytest
import torch
from torch import nn

from mcdrl.artifacts.scores import AS_TRAINED, EXCHANGED_Z, GRID_ZERO, TOKENS_ZERO
from mcdrl.networks.dictionary import Dictionary, variant
from mcdrl.networks.exchange import CONDITIONS, exchangeable, exchanged
from mcdrl.networks.head import Merge
from mcdrl.networks.intervention import Intervention

WIDTH = 16


def _unit(*shape, seed):
    return nn.functional.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


ROWS, Z = _unit(2, 5, WIDTH, seed=0), _unit(7, WIDTH, seed=1)


class Network(nn.Module):
    """Answers with F_ca; fresh blocks are the identity, so that Z matters only once they are woken."""

    def __init__(self, *, kind="text", woken=True):
        super().__init__()
        self.dictionary = Dictionary(Z, kind=kind, seed=0)
        self.intervention = Intervention(WIDTH, depth=2, heads=4, residual=True, dropout=0.0)
        generator = torch.Generator().manual_seed(2)
        for parameter in self.intervention.parameters() if woken else ():
            parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)

    @torch.no_grad()
    def forward(self, rows):
        return self.intervention(rows, self.dictionary())


def _under(network, exchange, seed=0):
    with exchanged(network, exchange, seed):
        return network(ROWS)


def _moves(network):
    before = network(ROWS)
    return {name: bool((_under(network, name) - before).abs().max() > 1e-4) for name in CONDITIONS}


@pytest.mark.parametrize("kind", ["text", "learned"])
def test_where_z_matters_every_exchange_but_none_changes_the_answer(kind):
    assert _moves(Network(kind=kind)) == {
        AS_TRAINED: False,
        **dict.fromkeys(EXCHANGED_Z, True),
        TOKENS_ZERO: True,
        GRID_ZERO: False,
    }


def test_where_z_does_not_matter_only_zeros_for_the_tokens_do():
    network = Network(woken=False)
    assert _moves(network) == {
        AS_TRAINED: False,
        **dict.fromkeys(EXCHANGED_Z, False),
        TOKENS_ZERO: True,
        GRID_ZERO: False,
    }
    blind = Network()
    for block in blind.intervention.blocks:
        nn.init.zeros_(block.attention.value.weight)  # every vector says the same
    assert _moves(blind) == _moves(network)


def test_the_vectors_in_place_of_z_are_of_the_kind_that_they_are_called():
    network = Network()
    with exchanged(network, "z_zero", 0):
        assert not network.dictionary().any()
        torch.testing.assert_close(network(ROWS), network.intervention(ROWS, torch.zeros_like(Z)))
    with exchanged(network, "z_shuffled", 0):
        shuffled = network.dictionary()
    torch.testing.assert_close(shuffled.sort(1).values, Z.sort(1).values)
    torch.testing.assert_close(shuffled @ shuffled.t(), Z @ Z.t())
    with exchanged(network, "z_random", 0):
        torch.testing.assert_close(network.dictionary().norm(dim=1), torch.ones(len(Z)))
    assert not _under(network, TOKENS_ZERO).any()


def test_a_head_gets_no_token_of_the_grid_and_all_else():
    torch.manual_seed(0)
    head = Merge(WIDTH, {"s8": 3, "s16": 4}, width=16, dropout=0.0).eval()
    maps, frame = {"s8": torch.randn(1, 3, 8, 8), "s16": torch.randn(1, 4, 4, 4)}, torch.rand(1, 3, 64, 64)
    grid = torch.randn(1, WIDTH, 4, 4)
    with torch.no_grad():
        without = head(maps, torch.zeros_like(grid), frame)
        with exchanged(nn.ModuleDict({"head": head}), GRID_ZERO, 0):
            assert torch.equal(head(maps, grid, frame), without)
        assert not torch.allclose(head(maps, grid, frame), without)


@pytest.mark.parametrize(("kind", "exchange"), [("random", "z_random"), ("shuffled", "z_shuffled")])
def test_a_control_gets_other_vectors_than_those_it_was_trained_with(kind, exchange):
    network = Network(kind=kind)
    with exchanged(network, exchange, 0):
        assert not torch.allclose(network.dictionary(), variant(Z, kind, 0))


def test_what_is_drawn_follows_from_the_seed():
    network = Network()
    assert torch.equal(_under(network, "z_random", 3), _under(network, "z_random", 3))
    assert not torch.equal(_under(network, "z_random", 3), _under(network, "z_random", 4))


def test_nothing_stays_behind_after_an_error_too():
    network = Network(kind="learned")
    before = network(ROWS)
    for name in CONDITIONS:
        with pytest.raises(RuntimeError), exchanged(network, name, 0):
            network(torch.zeros(1, 2, WIDTH + 1))
    assert torch.equal(network(ROWS), before)
    assert torch.equal(network.dictionary.z, Z)
    assert not any(module._forward_hooks for module in network.modules())


def test_a_network_without_both_parts_has_nothing_to_exchange():
    network = Network()
    assert exchangeable(network)
    assert exchangeable(nn.ModuleDict({"inside": network}))
    assert not exchangeable(network.intervention)
    assert not exchangeable(nn.ModuleDict({"one": network.dictionary, "other": Dictionary(Z, kind="zero", seed=0)}))


def test_an_unknown_exchange_is_refused():
    with pytest.raises(ValueError, match="unknown exchange 'zero'"), exchanged(Network(), "zero", 0):
        pass
