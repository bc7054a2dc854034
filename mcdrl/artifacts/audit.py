"""artifacts/audit: pairs of frames that are one picture, and split and profile of every frame of all sites."""

from __future__ import annotations

import pyarrow as pa

from mcdrl.artifacts.tables import Table, column

IDENTITY = "identity"  # of the symmetries of a pair: neither mirrored nor turned

PAIRS = Table(
    "pairs/2",
    pa.schema(
        [
            column("case_a", pa.string()),  # before case_b in the order of params.yaml's sites, then of names
            column("case_b", pa.string()),  # the other frame
            column("site_a", pa.string()),  # of case_a
            column("site_b", pa.string()),  # of case_b
            column("kind", pa.string()),  # "identical" pixels, or "near": scaled, cropped, turned, next in a video
            # what lays case_b on case_a: "identity", or mirrored or turned, as "flip_left_right", "rotate_90" (against
            # the clock); see stages/audit/symmetry.py
            column("symmetry", pa.string()),
            column("distance_bits", pa.int32()),  # of 256 bits of the perceptual hashes
            column("correlation", pa.float32()),  # of fine detail after alignment, up to 1
            column("same_group", pa.bool_()),  # one site, and one patient or sequence of it
            column("across", pa.string()),  # "within_group", "across_groups" (of one site) or "across_sites"
            column("across_split", pa.bool_()),  # one frame in "train" of its site, one in "val" of its own
            column("accepted", pa.bool_()),  # across sites, and params.yaml lets it through
        ]
    ),
    key=("case_a", "case_b"),
)

SPLITS = Table(
    "splits/1",
    pa.schema([column(name, pa.string()) for name in ("case_id", "site", "group_id", "split")]),
    key=("case_id",),
)

PROFILE = Table(
    "profile/1",
    pa.schema(
        [
            column("case_id", pa.string()),
            column("site", pa.string()),
            column("width_px", pa.int32()),  # native size
            column("height_px", pa.int32()),
            column("lesion_share", pa.float32()),  # of the native frame's area, as all shares 0..1
            column("border_share", pa.float32()),  # everything outside the endoscope's view
            column("panel_share", pa.float32()),
            column("overlay_share", pa.float32()),  # burnt-in text outside the view
            column("marker_share", pa.float32()),  # a position box, inside the view or not
            # of the pixels that aren't black, at working size; null where all are
            column("brightness", pa.float32(), nullable=True),  # mean luma, 0..1
            column("contrast", pa.float32(), nullable=True),  # standard deviation of luma
            column("sharpness", pa.float32(), nullable=True),  # variance of the Laplacian of luma in grey levels
            column("glare_share", pa.float32(), nullable=True),  # bright and colourless
            column("saturation", pa.float32(), nullable=True),  # mean of (max - min) / max over the channels, 0..1
            column("hue_deg", pa.float32(), nullable=True),  # circular mean, -180..180: 0 red, 60 yellow, -60 magenta
            column("red_share", pa.float32(), nullable=True),  # of the sum of the channels: 1/3 is grey
            column("blue_share", pa.float32(), nullable=True),  # likewise
        ]
    ),
    key=("case_id",),
)
