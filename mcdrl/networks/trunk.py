"""What of the encoder is trained: nothing, a small adapter, its last blocks, or all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from mcdrl.artifacts.features import map_names
from mcdrl.clip.encoder import Encoded, LowerBlocks, UpperBlocks, unit
from mcdrl.clip.encoding import squashed
from mcdrl.networks.interface import Batch, Trunk


class Frozen(Trunk):
    """The cached features as they are."""

    def forward(self, batch: Batch) -> Encoded:
        """Return what is cached."""
        return batch.encoded


class Adapter(Trunk):
    """A residual bottleneck in joint space, the same for every place and the whole frame; starts as the identity."""

    trains_image = True

    def __init__(self, width: int, *, bottleneck: int) -> None:
        """Make the adapter for joint width D; its inner width is D / `bottleneck`."""
        super().__init__()
        inner = max(width // bottleneck, 1)
        self.change = nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, width))
        last = cast(nn.Linear, self.change[-1])
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, batch: Batch) -> Encoded:
        """Adapt `dense` and `image`; both keep unit norm."""
        encoded = batch.encoded
        rows = encoded.dense.permute(0, 2, 3, 1)
        dense = self._adapted(rows).permute(0, 3, 1, 2)
        return Encoded(dense, self._adapted(encoded.image_embedding), encoded.maps, encoded.prefix)

    def _adapted(self, rows: Tensor) -> Tensor:
        scale = rows.shape[-1] ** 0.5
        return unit(rows + self.change(rows * scale) / scale, -1)


class FromCache(Trunk):
    """The encoder's last blocks, trained from the cached prefix on."""

    trains_image = True

    def __init__(self, upper_blocks: UpperBlocks) -> None:
        """Take the blocks as `Encoder.upper_blocks` gives them."""
        super().__init__()
        self.upper_blocks = upper_blocks

    def cached(self, taps: Sequence[str]) -> list[str]:
        """Return the prefix and the maps of lower blocks; the blocks themselves make all the rest."""
        return [*map_names(tap for tap in taps if tap not in self.upper_blocks.made), "prefix"]

    def forward(self, batch: Batch) -> Encoded:
        """Encode again from the prefix on."""
        return cast(Encoded, self.upper_blocks(batch.encoded.prefix, batch.encoded.maps))

    def encoder_parameters(self) -> list[nn.Parameter]:
        """Return all of the blocks' parameters."""
        return list(self.upper_blocks.parameters())


class EndToEnd(Trunk):
    """The whole encoder in the loop, from the frame on; frozen lower blocks leave the upper ones alone to train."""

    trains_image = True
    needs_features = False

    def __init__(
        self, lower_blocks: LowerBlocks, upper_blocks: UpperBlocks, *, size_px: int, resizes: bool = False
    ) -> None:
        """Take both parts as `Encoder` gives them, the side of the frames that they take, and whether others serve."""
        super().__init__()
        self.lower_blocks, self.upper_blocks, self.size_px = lower_blocks, upper_blocks, size_px
        self.resizes = resizes

    def forward(self, batch: Batch) -> Encoded:
        """Encode the frames, squashed to the encoder's side, or to the one that the batch asks for."""
        frames = squashed(batch.frame, batch.encoder_px or self.size_px)
        return cast(Encoded, self.upper_blocks(*self.lower_blocks(frames)))

    def encoder_parameters(self) -> list[nn.Parameter]:
        """Return all of the encoder's parameters."""
        return list(self.parameters())


class PixelsOnly(Trunk):
    """Nothing: the method has an encoder of its own, which takes the frame."""

    needs_features = False
    resizes = True

    def forward(self, batch: Batch) -> Encoded:
        """Return what is cached, which is nothing."""
        return batch.encoded


def spare_memory(trunk: Trunk) -> None:
    """Make the trunk's blocks forget their activations and compute them again for the gradient, in place.

    Values, gradients and names of parameters stay; a step takes about a third longer.
    """
    from torch.distributed.algorithms._checkpoint import checkpoint_wrapper  # half a second that few need

    blocks = {
        block
        for container in trunk.modules()
        if isinstance(container, _CONTAINERS)
        for block in container.children()
        if not isinstance(block, _CONTAINERS) and any(True for _ in block.children())
    }
    checkpoint_wrapper.apply_activation_checkpointing(trunk, check_fn=blocks.__contains__)


_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
