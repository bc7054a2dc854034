"""artifacts/ingest/<site>/*.parquet: a site's frames, how they were cropped, what they show, and which were refused."""

from __future__ import annotations

import pyarrow as pa

from mcdrl.artifacts.tables import Table, column

CASES = Table(
    "cases/1",
    pa.schema(
        [
            column("case_id", pa.string()),  # "<site>/<file stem>", unique over all sites
            column("site", pa.string()),
            column("group_id", pa.string()),  # patient or sequence; never on both sides of a split
            column("lesion_class", pa.string(), nullable=True),  # of the largest lesion; null: no lesion
            column("split", pa.string()),  # "train" or "val", inside a source site
            column("width_px", pa.int32()),  # native size, after EXIF rotation
            column("height_px", pa.int32()),
            column("lesion_area_px", pa.int64()),  # at native size
            column("sha256", pa.string()),  # of the frame's decoded RGB pixels
        ]
    ),
    key=("case_id",),
)

QUARANTINE = Table(
    "quarantine/1",
    pa.schema([column("file", pa.string()), column("reason", pa.string())]),
    key=("file",),
)

GEOMETRY = Table(
    "geometry/1",
    pa.schema(
        [
            column("case_id", pa.string()),
            column("crop_left_px", pa.int32()),  # first column of what frames.h5 shows of the frame, in its own pixels
            column("crop_top_px", pa.int32()),  # its first row
            column("crop_right_px", pa.int32()),  # the first column behind it
            column("crop_bottom_px", pa.int32()),  # the first row below it
            column("border_share", pa.float32()),  # of the frame's area, 0..1: everything outside the endoscope's view
            column("panel_share", pa.float32()),  # the strips left and right of the view
            column("overlay_share", pa.float32()),  # burnt-in text outside the view: what is bright and grey there
            column("marker_share", pa.float32()),  # a position box: green or blue in a corner, or blackened
        ]
    ),
    key=("case_id",),
)

STRENGTHS = Table(  # written for sites whose table says what disturbs a frame
    "strengths/1",
    pa.schema(
        [
            column("case_id", pa.string()),
            column("confounder", pa.string()),  # as the dictionary calls it
            column("strength", pa.float32()),  # 0: absent; 1: as strong as it gets
        ]
    ),
    key=("case_id", "confounder"),
)
