"""What of the encoder is trained: nothing, a small adapter, or its last blocks."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from stages.core.clip.encoder import Encoded, Suffix, unit
from stages.core.networks.interface import Batch, Trunk

_BOTTLENECK = 4  # the adapter's inner width is D / 4


class Frozen(Trunk):
    """The cached features as they are."""

    def forward(self, batch: Batch) -> Encoded:
        """Return what is cached."""
        return batch.encoded


class Adapter(Trunk):
    """A residual bottleneck in joint space, the same for every place and the whole frame; starts as the identity."""

    trains_image = True

    def __init__(self, width: int) -> None:
        """Make the adapter for joint width D."""
        super().__init__()
        inner = max(width // _BOTTLENECK, 1)
        self.change = nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, width))
        last = cast(nn.Linear, self.change[-1])
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, batch: Batch) -> Encoded:
        """Adapt `dense` and `image`; both keep unit norm."""
        encoded = batch.encoded
        rows = encoded.dense.permute(0, 2, 3, 1)
        dense = self._adapted(rows).permute(0, 3, 1, 2)
        return Encoded(dense, self._adapted(encoded.image), encoded.maps, encoded.prefix)

    def _adapted(self, rows: Tensor) -> Tensor:
        scale = rows.shape[-1] ** 0.5
        return unit(rows + self.change(rows * scale) / scale, -1)


class Trained(Trunk):
    """The encoder's last blocks, trained from the cached prefix on."""

    trains_image = True
    needs_prefix = True

    def __init__(self, suffix: Suffix) -> None:
        """Take the blocks as `Encoder.suffix` gives them."""
        super().__init__()
        self.suffix = suffix

    def forward(self, batch: Batch) -> Encoded:
        """Encode again from the prefix on."""
        return cast(Encoded, self.suffix(batch.encoded.prefix, batch.encoded.maps))

    def encoder_parameters(self) -> list[nn.Parameter]:
        """Return all of the blocks' parameters."""
        return list(self.suffix.parameters())
