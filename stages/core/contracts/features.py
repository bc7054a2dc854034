"""artifacts/encode/<site>.h5: what the frozen encoder says of every frame."""

from __future__ import annotations

from stages.core.stores import Field, Store

PROVENANCE = ("device", "precision")  # what else than frames and encoder makes the numbers

FEATURES = Store(
    "features/3",
    {
        "dense": Field("float16", "HWD"),  # joint space, unit norm along D
        "image": Field("float16", "D"),  # the whole frame in joint space, unit norm
        "maps/*": Field("float16", "HWC"),  # intermediate maps, channels last; the name is the tap, such as s8
        "prefix": Field("float16", None),  # what the trainable suffix of the encoder starts from
        # the same of the mirrored frames, such as horizontal.dense or horizontal.maps.s8; see stages.core.flips
        "flipped/*": Field("float16", None, optional=True),
    },
    # device and precision: where and how the encoder ran, such as cpu and float32; see PROVENANCE
    attributes=("site", "backbone", "fingerprint", "dense_mode", *PROVENANCE),
)
