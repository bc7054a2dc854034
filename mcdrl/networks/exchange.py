"""An intervention put to the test: what it works with is exchanged in a trained network, without new training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from mcdrl.artifacts.scores import AS_TRAINED, EXCHANGED_Z, GRID_ZERO, TOKENS_ZERO
from mcdrl.base.seeds import seed_for
from mcdrl.networks.dictionary import Dictionary, variant
from mcdrl.networks.head import Merge
from mcdrl.networks.intervention import Intervention

CONDITIONS = (AS_TRAINED, *EXCHANGED_Z, TOKENS_ZERO, GRID_ZERO)


def exchangeable(network: nn.Module) -> bool:
    """Return whether there is an intervention inside a network, and a dictionary, that `exchanged` would find."""
    kinds = {kind for part in network.modules() for kind in (Dictionary, Intervention) if isinstance(part, kind)}
    return len(kinds) == 2


@contextmanager
def exchanged(network: nn.Module, exchange: str, seed: int) -> Iterator[None]:
    """Exchange what the interventions inside a network work with until the context ends; nothing of it stays behind.

    A dictionary gives vectors of another kind, as `variant` makes them of its own: z_random, z_zero, z_shuffled. With
    tokens_zero an intervention returns zeros; where places that weren't mined keep their features, the head still gets
    those. With grid_zero it gets zeros at every place, and intermediate maps and frame alone.

    Args:
        network: a trained one.
        exchange: of `CONDITIONS`.
        seed: of what is drawn; none that a dictionary was made with gives the same.

    Raises:
        ValueError: there is no such exchange.
    """
    if exchange not in CONDITIONS:
        raise ValueError(f"unknown exchange '{exchange}'")

    def other_z(_module: nn.Module, _inputs: tuple[Tensor, ...], z: Tensor) -> Tensor:
        """Return vectors of another kind in place of Z, [M, D]."""
        return variant(z.cpu(), exchange.removeprefix("z_"), seed_for("exchange", seed)).to(z)

    def no_tokens(_module: nn.Module, _inputs: tuple[Tensor, ...], rows: Tensor) -> Tensor:
        """Return zeros in place of F_ca, [B, N, D]."""
        return torch.zeros_like(rows)

    def no_grid(_module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return zeros in place of the grid that a head gets, [B, D, H, W]."""
        return tuple(map(torch.zeros_like, inputs))

    with ExitStack() as hooks:
        for part in network.modules():
            if exchange in EXCHANGED_Z and isinstance(part, Dictionary):
                hooks.callback(part.register_forward_hook(other_z).remove)
            if exchange == TOKENS_ZERO and isinstance(part, Intervention):
                hooks.callback(part.register_forward_hook(no_tokens).remove)
            if exchange == GRID_ZERO and isinstance(part, Merge):
                hooks.callback(part.tokens.register_forward_pre_hook(no_grid).remove)
        yield
