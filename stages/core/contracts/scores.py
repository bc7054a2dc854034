"""artifacts/evaluate: counts and scores a frame, and the predictions behind them."""

from __future__ import annotations

import pyarrow as pa

from stages.core.stores import Field, Store
from stages.core.tables import Table, column

SCORES = Table(
    "scores/1",
    pa.schema(
        [
            column("method", pa.string()),
            column("held_out", pa.string()),
            column("seed", pa.int64()),
            column("case_id", pa.string()),
            column("group_id", pa.string()),
            column("lesion_class", pa.string(), nullable=True),  # null: no lesion in the frame, at its own size
            column("tp", pa.int64()),
            column("fp", pa.int64()),
            column("fn", pa.int64()),
            column("tn", pa.int64()),
            column("dice", pa.float64(), nullable=True),  # null: no lesion at working size
            column("iou", pa.float64(), nullable=True),
            column("accuracy", pa.float64()),
            column("nsd", pa.float64(), nullable=True),
            column("hd95_px", pa.float64(), nullable=True),  # null: no lesion, or nothing predicted (infinite)
        ]
    ),
    key=("method", "held_out", "seed", "case_id"),
)

PREDICTIONS = Store(
    "predictions/1",
    {"probability": Field("uint8", "YX", compress=True)},  # of lesion, 0..255 for 0..1, at working size
    attributes=("method", "held_out", "seed", "threshold", "tolerance_px"),  # the last two: how the scores were made
)
