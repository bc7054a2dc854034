"""artifacts/ingest/<site>/cases.parquet and quarantine.parquet: which frames a site has, and which were refused."""

from __future__ import annotations

import pyarrow as pa

from stages.core.base.tables import Table, column

CASES = Table(
    "cases/1",
    pa.schema(
        [
            column("case_id", pa.string()),  # "<site>/<file stem>", unique over all sites
            column("site", pa.string()),
            column("group_id", pa.string()),  # patient or sequence; never on both sides of a split
            column("lesion_class", pa.string(), nullable=True),  # null: no lesion in the frame
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
