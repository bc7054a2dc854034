"""artifacts/encode/<site>.h5: what the frozen encoder says of every frame."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from mcdrl.artifacts.store_contract import Field
from mcdrl.artifacts.stores import Store

PROVENANCE = ("device", "precision")  # what else than frames and encoder makes the numbers

FEATURES = Store(
    "features/5",
    {
        "dense": Field("float16", "HWD"),  # joint space, unit norm along D
        "image": Field("float16", "D"),  # the whole frame in joint space, unit norm
        # where a method of the study reads them; a map's name is its tap, such as s8
        "maps/*": Field("float16", "HWC", optional=True),  # intermediate maps, channels last
        "prefix": Field("float16", None, optional=True),  # what a trainable suffix starts from, less `prefix_tap`'s map
        # the same of the mirrored frames, such as horizontal.dense or horizontal.maps.s8; see mcdrl.imaging.flips
        "flipped/*": Field("float16", None, optional=True),
    },
    # `taps` tells the shapes of the maps, stored or not, see `tap_shapes`; `prefix_tap` whose map the prefix is, behind
    # the tokens stored as `prefix`, if any, and nothing where all of it is; device and precision where and how the
    # encoder ran, such as cpu and float32, see PROVENANCE
    attributes=("site", "backbone", "fingerprint", "dense_mode", "taps", "prefix_tap", *PROVENANCE),
)


def map_names(taps: Iterable[str]) -> list[str]:
    """Return the names of the datasets of maps."""
    return [f"maps/{tap}" for tap in taps]


def taps_attribute(shapes: Mapping[str, Sequence[int]]) -> str:
    """Return the attribute `taps` for tap -> (height, width, channels) of its map; no frames, no taps."""
    return json.dumps({tap: list(map(int, shape)) for tap, shape in shapes.items()}, sort_keys=True)


def tap_shapes(attribute: str) -> dict[str, tuple[int, int, int]]:
    """Return tap -> (height, width, channels) of its map, from the attribute `taps`."""
    return {str(tap): (int(h), int(w), int(c)) for tap, (h, w, c) in json.loads(attribute).items()}
