"""training_frames.parquet, training_sites.parquet: what a model's folder says of the frames that it was trained on.

No picture can be made of either: the one holds digests, the other quantiles. Where there are more of such frames than
anybody knows, the known ones are in training_frames_some.parquet instead, with the same columns.
"""

from __future__ import annotations

import pyarrow as pa

from mcdrl.artifacts.tables import Table, column

FRAMES_FILE, SITES_FILE = "training_frames.parquet", "training_sites.parquet"
SOME_FRAMES_FILE = "training_frames_some.parquet"  # of a model that was trained on others, too, which nobody knows

TRAINING_FRAMES = Table(
    "training_frames/1",
    pa.schema(
        [
            column("site", pa.string()),
            column("sha256", pa.string()),  # of the frame's size and pixels, as in cases.parquet
        ]
    ),
    key=("site", "sha256"),
)

TRAINING_SITES = Table(
    "training_sites/1",
    pa.schema(
        [
            column("site", pa.string()),
            column("quantity", pa.string()),  # a name in `mcdrl.metrics.shift.QUANTITIES`
            column("n_frames", pa.int64()),  # that have it
            column("low", pa.float64()),  # its 5th percentile over them
            column("median", pa.float64()),  # its median
            column("high", pa.float64()),  # its 95th percentile
        ]
    ),
    key=("site", "quantity"),
)
