"""artifacts/ingest/<site>/frames.h5: every accepted frame and its mask, at working size and the mask at its own."""

from __future__ import annotations

from stages.core.base.stores import BYTES, Field, Store

FRAMES = Store(
    "frames/1",
    {
        "image": Field("uint8", "YXC"),  # RGB 0..255, squashed to the working size
        "mask": Field("uint8", "YX", compress=True),  # 0 background, 1 lesion, nearest neighbour
        "native_mask": Field(BYTES, None),  # PNG, 1 bit, the frame's own size
    },
    attributes=("site",),
)
